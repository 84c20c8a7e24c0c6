"""Progress of a run: a bar, on a terminal only."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import MofNCompleteColumn, TimeElapsedColumn

from stream.process.progress_bar import ProgressBar
from stream.simulator.run import Played

__all__ = ["PlayProgress"]

REDRAW_EVERY = 0.1
"""Seconds."""


class PlayProgress(ProgressBar):
    """Progress display of a run.

    Parameters
    ----------
    topic
        Destination topic.
    total
        Number of leads of the run; None if endless.
    console
        Output; standard error, so that standard output has the summary alone.
    clock
        Clock in seconds.
    """

    def __init__(
        self,
        topic: str,
        total: int | None,
        console: Console,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(
            f"playing to {topic}",
            console,
            *(MofNCompleteColumn(), "rate", TimeElapsedColumn()),
            total=total,
        )
        self._is_shown = console.is_terminal
        self._clock = clock
        self._start = self._shown = clock()

    def __call__(self, played: Played) -> None:
        """Show the count so far, unless it was shown a moment ago."""
        now = self._clock()
        if not self._is_shown or now - self._shown < REDRAW_EVERY:
            return
        self._shown = now
        rate = f"{played.sent / (now - self._start):,.0f}/s"
        self.update(completed=played.sent, rate=rate)
