"""Publishes leads that nobody contacted in time to leads.overdue."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError
from mode import Service

from agents.outcomes.overdue_event import encode_overdue, event_id_of, read_overdue
from agents.outcomes.stored_timers import Found, StoredTimers
from agents.records import Output
from monitoring.telemetry.outcome_metrics import OutcomeMetrics
from stream.consume.read_errors import as_fatal
from stream.deliver.batch_producer import Emitter
from stream.kafka.log_reader import LogReader
from stream.outcomes.partitions import OutcomePartitions
from stream.process.background_tasks import Crash
from stream.process.thread_calls import in_thread

__all__ = ["GRACE_MS", "OverduePublisher", "OverdueService", "TimerClock"]

log = logging.getLogger(__name__)

GRACE_MS = 5000
"""Milliseconds that records may take from their time stamp into their topic."""
LOOK_SECONDS = 1.0
AT_ONCE = 1000


class TimerClock(Protocol):
    """How far the records of a partition are read."""

    async def read_until(self, partition: int) -> int | None:
        """Return a time before which all records of a partition were read; None: not known."""

    def now(self, partition: int) -> float:
        """Return the time, in milliseconds since 1970, by which leads are too late."""


class OverduePublisher:
    """Sends an event for each lead that is overdue.

    Events wait in the store until they are delivered. What was delivered before a crash is in the
    topic, which is read once for each partition that has such a lead.

    Parameters
    ----------
    partitions
        The joins, with timers.
    clock
        Says how far they have read.
    emitter, topic
        Where to send.
    reader
        Reads what is in the topic.
    late_ms
        Milliseconds after which an event is not worth sending.
    metrics
        Where it is shown.
    """

    def __init__(
        self,
        partitions: OutcomePartitions,
        clock: TimerClock,
        emitter: Emitter,
        topic: str,
        *,
        reader: LogReader,
        late_ms: int,
        metrics: OutcomeMetrics,
    ) -> None:
        self._partitions = partitions
        self._clock = clock
        self._emitter = emitter
        self._topic = topic
        self._reader = reader
        self._late_ms = late_ms
        self._metrics = metrics
        self._sent: dict[int, frozenset[str]] = {}

    def assigned(self) -> None:
        """Forget what is in the topic: another worker may have written to it."""
        self._sent.clear()

    async def publish(self) -> None:
        """Decide who is overdue, and send it; return when it is delivered.

        Raises
        ------
        FatalError
            It could not be delivered.
        """
        for number in sorted(self._partitions.joins):
            while await self._publish(number):
                pass

    async def _publish(self, number: int) -> bool:
        """Publish some leads of a partition; return whether there may be more."""
        until = await self._clock.read_until(number)
        async with self._partitions.turn:
            timers = self._timers(number)
            if timers is None or until is None:
                return False
            await in_thread(lambda: timers.decide(until))
            found = timers.overdue(AT_ONCE)
        if not found:
            return False
        await self._send(number, found)
        async with self._partitions.turn:
            if self._timers(number) is timers:  # else another worker sends it, or we do
                timers.published(each.key for each in found)
        return len(found) == AT_ONCE

    def _timers(self, number: int) -> StoredTimers | None:
        join = self._partitions.joins.get(number)
        return None if join is None else join.timers

    async def _send(self, number: int, found: Sequence[Found]) -> None:
        earliest = self._clock.now(number) - self._late_ms
        if number not in self._sent:
            self._sent[number] = frozenset(await self._read_sent(number))
        rows: list[Output] = []
        for _, lead_id, overdue in found:
            is_late = overdue.due < earliest
            if event_id_of(overdue, number) not in self._sent[number]:
                self._metrics.overdue(overdue.timer, is_late=is_late)
                if not is_late:
                    value = encode_overdue(lead_id.decode(), overdue, number)
                    rows.append((lead_id, value, []))
        for sent in await self._emitter.send(self._topic, number, rows):
            await sent

    async def _read_sent(self, number: int) -> list[str]:
        at = TopicPartition(self._topic, number)
        start, end = await self._reader.bounds(at)
        if start == end:
            return []
        ids = []
        async for records in self._reader.read(at, start, end):
            for record in records:
                try:
                    ids.append(str(read_overdue(record.value)["event_id"]))
                except ValueError:
                    continue  # of another kind, or a tombstone
        return ids


class OverdueService(Service):
    """A service that publishes at regular times.

    Parameters
    ----------
    publish
        Publishes what is overdue.
    topic
        Where to.
    crash
        Called with an unrecoverable error.
    """

    def __init__(self, publish: Callable[[], Awaitable[None]], topic: str, crash: Crash) -> None:
        super().__init__()
        self._publish = publish
        self._topic = topic
        self._end_worker = crash

    @Service.task
    async def _run(self) -> None:
        try:
            while True:
                await self.sleep(LOOK_SECONDS)
                if self.should_stop:
                    return
                await self._look()
        except Exception as error:
            await self._end_worker(error)

    async def _look(self) -> None:
        try:
            await self._publish()
        except KafkaError as error:
            if not error.retriable:
                raise as_fatal(error, self._topic) from error
            log.warning("the search for overdue leads failed: %r; trying again", error)
