"""Retention of the leads topic: the disk that it takes, and when it is asked for."""

from __future__ import annotations

import sys
from datetime import timedelta

import pytest

from stream.cli.retention_estimate import ask_retention, disk_bytes, estimate, shown_bytes
from tests.unit.stream.cli.test_confirmation import Terminal


def test_the_estimate_is_rate_times_size_times_retention() -> None:
    said = estimate(timedelta(days=7), 50.0, 400, 3)
    assert "7 d" in said
    assert "12.1 GB per replica, 36.3 GB with 3" in said
    assert disk_bytes(timedelta(seconds=10), 2.0, 100) == 2000


def test_replicas_that_the_brokers_choose_are_not_guessed() -> None:
    assert "with" not in estimate(timedelta(days=1), 1.0, 1, None)


@pytest.mark.parametrize(("count", "shown"), [(0, "0 B"), (999, "999 B"), (1000, "1.0 kB")])
def test_bytes_are_shown_in_a_unit_that_suits(count: float, shown: str) -> None:
    assert shown_bytes(count) == shown


def test_a_pipe_is_not_asked() -> None:
    assert ask_retention(1.0, 1, asks=True) == timedelta(days=7)


def test_ctrl_c_at_the_question_is_exit_code_130(monkeypatch: pytest.MonkeyPatch) -> None:
    """It was 1, as of a failure."""
    monkeypatch.setattr(sys, "stdin", Terminal(""))
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    with pytest.raises(SystemExit) as ended:
        ask_retention(1.0, 1, asks=True)
    assert ended.value.code == 130
