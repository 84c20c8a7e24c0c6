"""Progress of a run: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from stream.simulator.run import Played

__all__ = ["PlayProgress"]

LINE_EVERY = 5.0
"""Seconds between two lines without a terminal."""
REDRAW_EVERY = 0.1


class PlayProgress:
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
        self._topic = topic
        self._total = total
        self._console = console
        self._clock = clock
        self._start = self._shown = clock()
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            MofNCompleteColumn(),
            TextColumn("{task.fields[rate]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not console.is_terminal,
            transient=True,
        )
        self._task = self._bar.add_task(f"playing to {topic}", total=total, rate="")

    def __enter__(self) -> PlayProgress:
        """Show the bar."""
        self._bar.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Remove the bar."""
        self._bar.stop()

    def __call__(self, played: Played) -> None:
        """Show the count so far, unless it was shown a moment ago."""
        now = self._clock()
        if now - self._shown < (REDRAW_EVERY if self._console.is_terminal else LINE_EVERY):
            return
        self._shown = now
        rate = f"{played.sent / (now - self._start):,.0f}/s"
        if self._console.is_terminal:
            self._bar.update(self._task, completed=played.sent, rate=rate)
        else:
            of_all = "" if self._total is None else f" of {self._total:,}"
            self._console.print(
                f"{self._topic}: {played.sent:,}{of_all} delivered, {rate}", highlight=False
            )
