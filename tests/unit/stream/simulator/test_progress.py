"""How far `leadscore produce` is, on a terminal and in a pipe."""

from __future__ import annotations

from collections import Counter
from io import StringIO
from typing import Any

from rich.console import Console

from stream.simulator.progress import PlayProgress
from stream.simulator.run import Played


def shown(terminal: Any, total: Any, steps: Any) -> Any:
    """Return the output for ``steps`` of (seconds, delivered)."""
    out, now = StringIO(), [0.0]
    console = Console(file=out, force_terminal=terminal, width=100)
    with PlayProgress("leads", total, console, clock=lambda: now[0]) as progress:
        for seconds, delivered in steps:
            now[0] = seconds
            progress(Played(delivered=Counter(lead=delivered)))
    return out.getvalue()


def test_without_a_terminal_no_progress_is_shown() -> None:
    assert shown(False, 20_000, [(0.1, 10), (5.0, 1000), (60.0, 12000)]) == ""


def test_on_a_terminal_a_bar_shows_the_count() -> None:
    assert "500/1000" in shown(True, 1000, [(1.0, 500)])


def test_a_run_without_end_shows_its_count() -> None:
    assert "500/" in shown(True, None, [(1.0, 500)])
