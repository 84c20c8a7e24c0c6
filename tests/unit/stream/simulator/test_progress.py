"""How far `leadscore produce` is, on a terminal and in a pipe."""

from __future__ import annotations

from collections import Counter
from io import StringIO
from typing import Any

from rich.console import Console

from stream.simulator.progress import LINE_EVERY, PlayProgress
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


def test_without_a_terminal_a_line_comes_every_few_seconds() -> None:
    steps = [(0.1, 10), (LINE_EVERY, 1000), (LINE_EVERY + 1, 2000), (LINE_EVERY * 2, 12000)]
    assert shown(False, 20_000, steps).splitlines() == [
        "leads: 1,000 of 20,000 delivered, 200/s",
        "leads: 12,000 of 20,000 delivered, 1,200/s",
    ]


def test_a_run_without_end_has_no_total() -> None:
    assert shown(False, None, [(LINE_EVERY, 1000)]) == "leads: 1,000 delivered, 200/s\n"


def test_a_short_run_logs_no_progress_without_a_terminal() -> None:
    assert shown(False, 10, [(0.1, 5), (0.2, 10)]) == ""


def test_on_a_terminal_a_bar_shows_the_count() -> None:
    assert "500/1000" in shown(True, 1000, [(1.0, 500)])
