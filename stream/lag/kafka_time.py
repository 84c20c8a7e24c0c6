"""Time since 1970 by Kafka's clock, read now and then, as ages of records are by that clock."""

from __future__ import annotations

import time
from collections.abc import Callable

from stream.kafka.broker_clock import ClockReader
from stream.kafka.offset_clock import OffsetClock

__all__ = ["KafkaTime"]

READ_EVERY = 60.0
"""Seconds between two readings of Kafka's clock."""


class KafkaTime(OffsetClock):
    """Kafka's clock; this machine's where Kafka does not show its own.

    Parameters
    ----------
    read
        Reads Kafka's clock.
    now, monotonic
        This machine's clocks, in seconds.
    """

    def __init__(
        self,
        read: ClockReader,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(now=now, monotonic=monotonic)
        self._read = read
        self._read_at: float | None = None

    async def refresh(self) -> None:
        """Read Kafka's clock if the last reading is a minute old."""
        at = self._monotonic()
        if self._read_at is not None and at - self._read_at < READ_EVERY:
            return
        self.set(await self._read())
        self._read_at = self._monotonic()
