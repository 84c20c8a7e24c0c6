"""Progress of a run: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable

from rich.console import Console
from rich.progress import MofNCompleteColumn, TimeElapsedColumn

from stream.process.progress_bar import ProgressBar
from stream.simulator.run import Played

__all__ = ["PlayProgress"]

LINE_EVERY = 5.0
"""Seconds between two lines without a terminal."""
REDRAW_EVERY = 0.1


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
        self._topic = topic
        self._total = total
        self._console = console
        self._clock = clock
        self._start = self._shown = clock()

    def __call__(self, played: Played) -> None:
        """Show the count so far, unless it was shown a moment ago."""
        now = self._clock()
        if now - self._shown < (REDRAW_EVERY if self._console.is_terminal else LINE_EVERY):
            return
        self._shown = now
        rate = f"{played.sent / (now - self._start):,.0f}/s"
        if self._console.is_terminal:
            self.update(completed=played.sent, rate=rate)
        else:
            of_all = "" if self._total is None else f" of {self._total:,}"
            self._console.print(
                f"{self._topic}: {played.sent:,}{of_all} delivered, {rate}", highlight=False
            )
