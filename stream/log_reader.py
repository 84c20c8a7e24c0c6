"""Bounded reads of a topic, beside the group that reads it: from one offset to another."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, ConsumerRecord, TopicPartition

from stream.bounded_polls import BoundedConsumer
from stream.memory_budget import MemoryBudget

__all__ = ["LogReader"]

POLL_MS = 200
MAX_RECORDS = 500
"""Of one step: short enough to let others have their turn."""
FIRST_SPAN = 4096
"""Offsets that are looked through first for the last record below another."""


class LogReader:
    """Reads parts of topics without a consumer group.

    Parameters
    ----------
    connection
        aiokafka's ``bootstrap_servers`` and security options.
    isolation_level
        "read_uncommitted" or "read_committed".
    budget
        How much memory there is; None: the default.
    """

    def __init__(
        self,
        connection: Mapping[str, Any],
        isolation_level: str,
        budget: MemoryBudget | None = None,
    ) -> None:
        self._connection = connection
        self._isolation_level = isolation_level
        self._budget = budget

    async def last(
        self,
        partition: TopicPartition,
        count: int,
        *,
        before: int | None = None,
        since_ms: int | None = None,
    ) -> list[ConsumerRecord]:
        """Read the latest records of a partition.

        Parameters
        ----------
        partition
            Which.
        count
            How many offsets at least.
        before
            Only what lies below this offset; None: below the end.
        since_ms
            All records of this time stamp on, too: milliseconds since 1970.
        """
        async with self.open() as consumer:
            if before is None:
                before = int((await consumer.end_offsets([partition]))[partition])
            start = before - count
            if since_ms is not None:
                found = (await consumer.offsets_for_times({partition: since_ms}))[partition]
                start = start if found is None else min(start, found.offset)
        return [
            record
            async for records in self.read(partition, max(0, start), before)
            for record in records
        ]

    async def read(
        self, partition: TopicPartition, start: int, stop: int
    ) -> AsyncIterator[Sequence[ConsumerRecord]]:
        """Read the records that are still there, start <= offset < stop, some at a time.

        Raises
        ------
        KafkaError
            The topic can't be read.
        """
        async with self.open() as consumer:
            consumer.assign([partition])
            beginning = (await consumer.beginning_offsets([partition]))[partition]
            end = min(stop, (await consumer.end_offsets([partition]))[partition])
            if max(start, beginning) >= end:
                return
            consumer.seek(partition, max(start, beginning))
            while await consumer.position(partition) < end:
                fetched = await consumer.getmany(
                    partition, timeout_ms=POLL_MS, max_records=MAX_RECORDS
                )
                records = [r for r in fetched.get(partition, ()) if start <= r.offset < end]
                if records:
                    yield records
                elif not fetched:  # a topic that was made anew may never get as far
                    end = min(end, (await consumer.end_offsets([partition]))[partition])

    async def last_offset(self, partition: TopicPartition, below: int) -> int | None:
        """Find the last record below an offset, whatever lies between them.

        Returns
        -------
        int or None
            Its offset; None where there is none.

        Raises
        ------
        KafkaError
            The topic can't be read.
        """
        async with self.open() as consumer:
            beginning = int((await consumer.beginning_offsets([partition]))[partition])
        span = FIRST_SPAN
        while below > beginning:
            start = max(beginning, below - span)
            last = None
            async for records in self.read(partition, start, below):
                last = records[-1].offset
            if last is not None:
                return int(last)
            below, span = start, 2 * span
        return None

    @asynccontextmanager
    async def open(self, **options: Any) -> AsyncIterator[AIOKafkaConsumer]:
        """Have a consumer for a while, that has nothing assigned."""
        consumer = BoundedConsumer(
            budget=self._budget,
            **self._connection,
            enable_auto_commit=False,
            auto_offset_reset="earliest",  # the log's beginning may be cut while it is read
            isolation_level=self._isolation_level,
            **options,
        )
        try:  # its own `async with` leaves the connections open when it is cancelled at the start
            await consumer.start()
            yield consumer
        finally:
            await consumer.stop()
