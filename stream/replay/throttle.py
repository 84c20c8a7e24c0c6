"""Limits how fast a replay reads: to a rate, and further, down to a stop, while workers lag.

Plain Python but for the waiting: clock and pause are passed in.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

__all__ = ["LiveState", "Throttle"]

log = logging.getLogger(__name__)

SLICE = 0.1
"""Seconds of records that are read at once if there is a rate."""
LOWEST = 100.0
"""Records a second below which a replay stops rather than slows down."""
FASTER = 1.5
"""Growth of the rate with each look at which the workers are well."""
PAUSE = 0.2
"""Most seconds of one wait: a stop is noticed after it."""


@dataclass(frozen=True, slots=True)
class LiveState:
    """How the workers are doing.

    Attributes
    ----------
    lag
        Records of the source that their group has not committed; None where it has no commit.
    latency_ms
        End-to-end latency of their latest events; None if there are no recent ones.
    """

    lag: int | None = None
    latency_ms: float | None = None


class Throttle:
    """Limits the rate of a replay.

    While the workers are over a limit, each look halves the rate, down to a stop; once they are
    below half of the limits, it grows again.

    Parameters
    ----------
    max_rate
        Records a second; None: any.
    lag_limit, latency_limit_ms
        Limits for the workers.
    clock
        Seconds of a monotonic clock.
    pause
        Waits for seconds.

    Attributes
    ----------
    rate
        Records a second that are allowed; None: any.
    yields_to
        Why the workers slow the replay down; None while they do not.
    """

    def __init__(
        self,
        max_rate: float | None = None,
        *,
        lag_limit: int,
        latency_limit_ms: float,
        clock: Callable[[], float] = time.monotonic,
        pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.rate = max_rate
        self.yields_to: str | None = None
        self._max_rate = max_rate
        self._lag_limit = lag_limit
        self._latency_limit = latency_limit_ms
        self._clock = clock
        self._pause = pause
        self._read = 0
        self._seen: tuple[float, int] = clock(), 0
        self._next = clock()

    async def allowance(self, most: int) -> int:
        """Wait a moment if need be; return how many records may be read now, at most as given."""
        if self.rate is None:
            return most
        wait = PAUSE if self.rate == 0 else self._next - self._clock()
        if wait > 0:
            await self._pause(min(wait, PAUSE))
        if self.rate == 0 or wait > PAUSE:
            return 0
        return max(1, min(most, round((self.rate or LOWEST) * SLICE)))

    def spent(self, records: int) -> None:
        """Count records that were read."""
        self._read += records
        if self.rate:
            self._next = max(self._next, self._clock() - SLICE) + records / self.rate

    def look(self, state: LiveState) -> None:
        """Adapt the rate to how the workers are doing; call it at regular times."""
        time_now, (before, count) = self._clock(), self._seen
        seconds = max(time_now - before, 1e-3)
        self._seen = time_now, self._read
        if reason := self._over(state, 1.0):
            self._slow_down(reason, (self._read - count) / seconds)
        elif self.yields_to is not None and self._over(state, 0.5) is None:
            self._speed_up((self._read - count) / seconds)

    def note(self, state: LiveState) -> None:
        """Note whether the workers slow the replay down, in a process that reads no records."""
        if reason := self._over(state, 1.0):
            self.yields_to = reason
        elif self._over(state, 0.5) is None:
            self.yields_to = None

    def _over(self, state: LiveState, share: float) -> str | None:
        if state.lag is not None and state.lag > share * self._lag_limit:
            return f"the workers' lag is {state.lag:,} records (limit {self._lag_limit:,})"
        if state.latency_ms is not None and state.latency_ms > share * self._latency_limit:
            return (
                f"the workers' latency is {state.latency_ms:,.0f} ms (limit"
                f" {self._latency_limit:,.0f})"
            )
        return None

    def _slow_down(self, reason: str, measured: float) -> None:
        allowed = measured if self.rate is None else min(self.rate, max(measured, LOWEST))
        slower = allowed / 2
        self._set(slower if slower >= LOWEST else 0.0)
        if self.yields_to is None:
            log.warning(
                "the replay yields: %s; now at most %.0f records/s (the limits are"
                " LEADSCORE_REPLAY_LIVE_LAG and LEADSCORE_REPLAY_LIVE_LATENCY_MS)",
                *(reason, self.rate or 0),
            )
        self.yields_to = reason

    def _speed_up(self, measured: float) -> None:
        faster = max(LOWEST, (self.rate or 0.0) * FASTER)
        is_free = self._max_rate is None and faster > 4 * max(measured, LOWEST)
        if is_free or (self._max_rate is not None and faster >= self._max_rate):
            log.warning("the replay is as fast as before: the workers have caught up")
            self._set(self._max_rate)
            self.yields_to = None
        else:
            self._set(faster)

    def _set(self, rate: float | None) -> None:
        self.rate = rate
        self._next = self._clock()
