"""`leadscore sink --redrive`: its account, and its exit codes."""

from __future__ import annotations

import asyncio
import os
from collections import Counter
from collections.abc import Callable
from dataclasses import replace

import pytest
from click.testing import CliRunner, Result

from stream.cli import sink_redrive as module
from stream.cli.sink import sink
from stream.dead_letters.sink_redrive import SinkAccount
from stream.settings import Settings

ALL = SinkAccount(read=5, of_others=2, written=2, skipped=1, is_complete=True)


def run(monkeypatch: pytest.MonkeyPatch, account: SinkAccount, *options: str) -> Result:
    async def redrive_sink(
        settings: Settings,
        *,
        since_ms: int | None,
        stop: asyncio.Event,
        on_progress: Callable[[SinkAccount], None],
    ) -> SinkAccount:
        assert settings.role == "sink"
        assert (since_ms is not None) == ("--since" in options)
        on_progress(account)
        return account

    monkeypatch.setattr(os, "environ", dict(os.environ))
    monkeypatch.setattr(module, "redrive_sink", redrive_sink)
    return CliRunner().invoke(sink, ["jsonl", "--to", "scores", *options])


def test_a_target_that_has_all_letters_ends_it_with_0(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, ALL, "--redrive", "--since", "6h")
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "Read     5 dead letters of leads.sinks.dlq",
        "Others   2 of other sinks",
        "Written  2 by jsonl-scores",
        "Skipped  1 by its filters",
    ]


def test_letters_that_remain_are_counted_by_their_reason(monkeypatch: pytest.MonkeyPatch) -> None:
    account = replace(
        ALL, refused=Counter({"no such column": 3}), unreadable=Counter(DECODE=1), left_out=1
    )
    result = run(monkeypatch, account, "--redrive")
    assert result.exit_code == 4
    assert result.stdout.splitlines()[4:] == [
        "Refused  3: no such column",
        "Unread   1 DECODE",
        "Left out 1 whose value was too large for the topic",
    ]


def test_a_stopped_one_ends_with_130(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, replace(ALL, is_complete=False), "--redrive")
    assert result.exit_code == 130
    assert "run it again" in result.stdout


def test_since_without_redrive_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    result = run(monkeypatch, ALL, "--since", "6h")
    assert result.exit_code == 2
    assert "--since belongs to --redrive" in result.output
