"""Measures how long the event loop is held: while it is, nothing else of the worker runs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping

from mode import Service

from monitoring.telemetry.loop_watch import LongestHold

__all__ = ["LoopWatch"]

LOOK = 0.02
"""Seconds between two looks: the error of what is measured."""


class LoopWatch(Service):
    """A service that measures the longest holds of the event loop it runs on.

    Parameters
    ----------
    wall, cpu
        Clocks: seconds of a monotonic clock, and CPU seconds of this thread.
    """

    def __init__(
        self,
        wall: Callable[[], float] = time.monotonic,
        cpu: Callable[[], float] = time.thread_time,
    ) -> None:
        super().__init__()
        self._wall_clock, self._cpu_clock = wall, cpu
        self._wall, self._cpu = LongestHold(), LongestHold()

    @property
    def longest_holds(self) -> Mapping[str, float]:
        """Seconds of the longest recent hold, by clock: "wall", and "cpu" of this thread."""
        return {"wall": self._wall.value, "cpu": self._cpu.value}

    @Service.task
    async def _watch(self) -> None:
        while not self.should_stop:
            before, worked = self._wall_clock(), self._cpu_clock()
            await asyncio.sleep(LOOK)
            now = self._wall_clock()
            late = now - before - LOOK
            self._wall.observe(now, late)
            self._cpu.observe(now, min(late, self._cpu_clock() - worked))
