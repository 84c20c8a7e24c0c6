"""The options of `leadscore rescore`; tests/integration/test_rescore.py runs it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from click.testing import CliRunner

from stream.__main__ import main
from stream.cli import rescore as command
from stream.replay.launch import Wanted
from stream.replay.ranges import BEGINNING, END


def wanted_by(monkeypatch: pytest.MonkeyPatch, *words: str) -> Wanted:
    found: list[Wanted] = []

    def instead(_: Any, wanted: Wanted, *__: Any) -> int:
        found.append(wanted)
        return 0

    monkeypatch.setattr(command, "begin", instead)
    result = CliRunner().invoke(main, ["rescore", *words])
    assert result.exit_code == 0, result.output
    return found[0]


def test_it_wants_a_replay_of_the_whole_log_for_leads_untouched_so_long(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    wanted = wanted_by(monkeypatch, "--untouched", "30d", "--filter", "country=DE", "--id", "r")
    assert (wanted.start, wanted.end, wanted.sample) == (BEGINNING, END, 1.0)
    assert wanted.untouched_ms == timedelta(days=30).total_seconds() * 1000
    assert (wanted.filters, wanted.id, wanted.is_into_live) == ([("country", "DE")], "r", False)


def test_the_time_must_be_given() -> None:
    result = CliRunner().invoke(main, ["rescore"])
    assert result.exit_code == 2
    assert "--untouched" in result.output


def test_two_outputs_are_refused() -> None:
    words = ["rescore", "--untouched", "1d", "--into-live", "--out", "mine"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 2
    assert "exclude each other" in result.output
