"""Shows how far a run has come: a bar on a terminal, else a line every few seconds."""

from __future__ import annotations

import time
from collections.abc import Callable
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from stream.simulator.run import Played

__all__ = ["PlayProgress"]

LINE_EVERY = 5.0
"""Seconds between two lines where there is no terminal."""
REDRAW_EVERY = 0.1


class PlayProgress:
    """Progress of a run, as the player reports it.

    Parameters
    ----------
    topic
        Where the run is played to.
    total
        Number of leads of the run; None if it has no end.
    console
        Where the progress is shown; standard error, so that standard output is the summary alone.
    clock
        Seconds since some moment.
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
        """Take the bar away."""
        self._bar.stop()

    def __call__(self, played: Played) -> None:
        """Show the count so far, unless it was shown just now."""
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
