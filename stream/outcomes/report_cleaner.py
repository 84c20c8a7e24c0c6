"""Removes reports of old weeks from the compacted topic leads.quality."""

from __future__ import annotations

import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from typing import Protocol

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from agents.quality.old_reports import old_reports
from agents.records import SourceRecord as Record
from stream.deliver.batch_producer import Emitter

__all__ = ["ReadsLogs", "ReportCleaner"]

log = logging.getLogger(__name__)

PAUSE = 3600.0
"""Seconds between two looks at the topic."""


class ReadsLogs(Protocol):
    """Reads a partition to a bound (``stream.kafka.log_reader.LogReader``)."""

    def bounds(self, partition: TopicPartition) -> Awaitable[tuple[int, int]]:
        """Return where a partition begins and ends."""

    def read(
        self, partition: TopicPartition, start: int, stop: int
    ) -> AsyncGenerator[Sequence[Record], None]:
        """Yield its records."""


class ReportCleaner:
    """Sends a tombstone for each report of a week that is not reported any more.

    It looks when a partition has caught up, then each hour. A look reads the whole topic, which
    compaction keeps small.

    Parameters
    ----------
    logs
        Reads the topic.
    emitter
        Sends the tombstones.
    topic
        The topic of reports.
    channels
        The topics of scores.
    first_weeks
        Returns, by partition that has caught up, the first week that is still reported.
    clock
        Returns seconds that only grow.
    """

    def __init__(
        self,
        logs: ReadsLogs,
        emitter: Emitter,
        topic: str,
        *,
        channels: Sequence[str],
        first_weeks: Callable[[], Mapping[int, int]],
        clock: Callable[[], float],
    ) -> None:
        self._logs = logs
        self._emitter = emitter
        self._topic = topic
        self._channels = channels
        self._first_weeks = first_weeks
        self._clock = clock
        self._next = clock()
        self._looked_for: frozenset[int] = frozenset()

    async def look(self) -> int:
        """Remove old reports, if it is time; return their number.

        Raises
        ------
        FatalError
            A tombstone could not be delivered.
        """
        first_weeks = self._first_weeks()
        partitions = frozenset(first_weeks)
        has_new = not partitions <= self._looked_for
        self._looked_for = partitions
        if not partitions or (not has_new and self._clock() < self._next):
            return 0
        self._next = self._clock() + PAUSE
        try:
            keys = await self._keys()
        except KafkaError as error:
            log.warning(
                "reports of old weeks stay in %s until the next look, as it can't be read: %r",
                *(self._topic, error),
            )
            return 0
        old = old_reports(keys, self._channels, first_weeks)
        for sent in await self._emitter.send(self._topic, 0, [(key, None, []) for key in old]):
            await sent
        if old:
            log.info("removed %d reports of old weeks from %s", len(old), self._topic)
        return len(old)

    async def _keys(self) -> list[bytes]:
        """Return the keys that have a report."""
        partition = TopicPartition(self._topic, 0)
        start, end = await self._logs.bounds(partition)
        has_report: dict[bytes, bool] = {}
        async with aclosing(self._logs.read(partition, start, end)) as steps:
            async for records in steps:
                has_report |= {r.key: r.value is not None for r in records if r.key is not None}
        return [key for key, is_there in has_report.items() if is_there]
