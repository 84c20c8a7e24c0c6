"""A clock that follows another machine's: its time, advanced by the monotonic clock."""

from __future__ import annotations

import time
from collections.abc import Callable

__all__ = ["OffsetClock"]


class OffsetClock:
    """The clock of this machine, until it is set by another machine's.

    Parameters
    ----------
    now, monotonic
        This machine's clocks, in seconds.
    """

    def __init__(
        self,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._machine = now
        self._monotonic = monotonic
        self._offset: float | None = None
        """The other clock minus the monotonic one, in seconds; None: this machine's clock counts.
        The monotonic clock keeps the time steady while somebody sets this machine's clock."""

    def now(self) -> float:
        """Return the time in seconds since 1970."""
        return self._machine() if self._offset is None else self._monotonic() + self._offset

    def machine_now(self) -> float:
        """Return this machine's time in seconds since 1970, whatever the clock was set to."""
        return self._machine()

    def set(self, time_there: float | None) -> None:
        """Follow a clock that shows this time now; None: follow this machine's clock."""
        self._offset = None if time_there is None else time_there - self._monotonic()
