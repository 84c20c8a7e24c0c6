"""A token bucket: how many requests may be sent, on average and at once."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

__all__ = ["TokenBucket"]


class TokenBucket:
    """Delays requests so that they stay within a rate.

    Parameters
    ----------
    rate
        Requests per second, on average.
    burst
        Requests that may be sent at once after a pause.
    now
        Returns the time in seconds.
    sleep
        Waits for a number of seconds.
    """

    def __init__(
        self,
        rate: float,
        burst: int,
        *,
        now: Callable[[], float],
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self._rate = rate
        self._burst = burst
        self._now = now
        self._sleep = sleep
        self._tokens = float(burst)
        self._filled_at = now()

    async def take(self) -> None:
        """Wait for a token, behind those that have asked before."""
        at = self._now()
        self._tokens = min(self._burst, self._tokens + (at - self._filled_at) * self._rate)
        self._filled_at = at
        # A debt makes the next caller wait longer: so each waits once, in order.
        self._tokens -= 1
        if self._tokens < 0:
            await self._sleep(-self._tokens / self._rate)
