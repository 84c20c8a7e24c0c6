"""Timestamps of records: from this machine's clock, or from Kafka's if they differ.

Kafka 4 refuses a record whose timestamp is over an hour ahead of its own clock
(``message.timestamp.after.max.ms``). A worker reads Kafka's clock (stream/kafka/broker_clock.py) at
start-up and when a record is refused. If the machine's clock is wrong, the worker continues with
Kafka's time, advanced by the monotonic clock. If Kafka's clock can't be read, the timestamp of a
recent lead is used: the latest one below what Kafka has refused, as another topic may accept leads
of any year.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from collections.abc import Callable

from schemas.errors import FatalError
from schemas.record_time import EARLIEST_MS
from stream.kafka.broker_clock import ClockReader
from stream.kafka.offset_clock import OffsetClock

__all__ = ["RecordClock"]

log = logging.getLogger(__name__)

TOLERANCE = 60.0
"""Seconds by which the clocks may differ without a correction."""
SEEN = 64
"""Leads whose timestamps are kept, the latest ones: one of each batch."""
REFUSED = 16
"""Refused timestamps that are kept, the latest ones."""


async def _unknown() -> float | None:
    return None


class RecordClock(OffsetClock):
    """Clock for record timestamps.

    Parameters
    ----------
    ask
        Returns Kafka's time.
    now, monotonic
        This machine's clocks, in seconds.
    """

    def __init__(
        self,
        ask: ClockReader = _unknown,
        *,
        now: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        super().__init__(now=now, monotonic=monotonic)
        self._ask = ask
        self._seen_ms: deque[int] = deque(maxlen=SEEN)
        self._refused_ms: deque[int] = deque(maxlen=REFUSED)
        self._turn = asyncio.Lock()

    def stamp(self) -> int:
        """Return the timestamp of a record that is written now, in milliseconds since 1970."""
        return int(self.now() * 1000)

    def seen(self, timestamp_ms: int) -> None:
        """Record the timestamp of a lead that was read."""
        self._seen_ms.append(timestamp_ms)

    async def compare(self) -> None:
        """Read Kafka's clock, and use it if this machine's clock is wrong."""
        time_there = await self._ask()
        if time_there is not None:
            self._follow(time_there, "Kafka's clock")

    async def correct(self, topic: str, refused_ms: int) -> None:
        """Correct the clock after Kafka has refused a timestamp.

        Parameters
        ----------
        topic
            Topic of the refused record.
        refused_ms
            Its timestamp.

        Raises
        ------
        FatalError
            The clock is not the cause, or no acceptable timestamp is known.
        """
        async with self._turn:
            if self._differs(refused_ms):
                return  # corrected since the record was stamped
            self._refused_ms.append(refused_ms)
            time_there = await self._ask()
            if time_there is None:
                self._set_by_leads(topic)
                return
            self._follow(time_there, "Kafka's clock")
            if not self._differs(refused_ms):
                raise FatalError(
                    f"Topic {topic} was expected to take records stamped {_utc(refused_ms / 1000)},"
                    f" which differs from Kafka's clock by less than {TOLERANCE:.0f} s, but Kafka"
                    " refuses it: raise the topic's message.timestamp.before.max.ms and"
                    " message.timestamp.after.max.ms."
                )

    def _set_by_leads(self, topic: str) -> None:
        lead_ms = self._lead_ms()
        if lead_ms is None:
            raise FatalError(
                f"Topic {topic} was expected to take records stamped with this machine's time,"
                f" {_utc(self.machine_now())}, but Kafka refuses it as too far from its own:"
                " set the clock (NTP)."
            )
        self._follow(lead_ms / 1000, "the time stamp of a recent lead")

    def _lead_ms(self) -> int | None:
        """Return the timestamp of a lead that is likely to be accepted; None if there is none."""
        far = TOLERANCE * 1000
        earliest, latest = min(self._refused_ms) - far, max(self._refused_ms) + far
        found = [ms for ms in self._seen_ms if ms >= EARLIEST_MS]
        below = max((ms for ms in found if ms <= earliest), default=None)
        return min((ms for ms in found if ms >= latest), default=None) if below is None else below

    def _follow(self, time_there: float, of: str) -> None:
        ahead = self.machine_now() - time_there
        if abs(ahead) < TOLERANCE:
            self.set(None)
            return
        self.set(time_there)
        log.error(
            "this machine's clock is %.0f s %s %s, which now sets the timestamps of records:"
            " synchronise the clock (NTP) and restart the worker",
            abs(ahead),
            "ahead of" if ahead > 0 else "behind",
            of,
        )

    def _differs(self, timestamp_ms: int) -> bool:
        return abs(self.now() - timestamp_ms / 1000) >= TOLERANCE


def _utc(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
