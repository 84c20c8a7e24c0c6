"""Bounded reads of a topic, beside the group that reads it: from one offset to another."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.scoring import SourceRecord as Record
from stream.fetch.bounded_polls import BoundedConsumer
from stream.fetch.closing import closed
from stream.fetch.memory_budget import MemoryBudget
from stream.fetch.raw_batches import RawBatchReader
from stream.kafka.lenient_polls import poll

__all__ = ["LogReader"]

POLL_MS = 200
LOOK_MS = 500
"""How long one look for what comes waits."""
MAX_RECORDS = 500
"""Of one step: short enough to let others have their turn."""
FIRST_SPAN = 4096
"""Offsets that are looked through first for the last record below another."""


class LogReader:
    """Reads parts of topics without a consumer group.

    Parameters
    ----------
    connection, isolation_level
        See ``stream.fetch.aiokafka_internals.FetchClient``.
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
    ) -> list[Record]:
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
        if before is not None and since_ms is None:
            # No consumer is opened that is asked for nothing: stopped at once, it never ends.
            return [
                record
                async for records in self.read(partition, max(0, before - count), before)
                for record in records
            ]
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
    ) -> AsyncIterator[Sequence[Record]]:
        """Read the records that are still there, start <= offset < stop, some at a time.

        Records that can't be read are left out.

        Raises
        ------
        KafkaError
            The topic can't be read.
        """
        async with self.open() as consumer, self.open_beside() as reader:
            consumer.assign([partition])
            beginning = (await consumer.beginning_offsets([partition]))[partition]
            end = min(stop, (await consumer.end_offsets([partition]))[partition])
            if max(start, beginning) >= end:
                return
            consumer.seek(partition, max(start, beginning))
            while (left := end - await consumer.position(partition)) > 0:
                has_come = False
                async for polled in poll(
                    consumer,
                    reader,
                    {partition: end},
                    timeout_ms=POLL_MS,
                    max_records=min(MAX_RECORDS, left),
                ):
                    has_come = has_come or bool(polled)
                    records = [r for r in polled.get(partition, ()) if r.offset >= start]
                    if records:
                        yield records
                if not has_come:  # a topic that was made anew may never get as far
                    end = min(end, (await consumer.end_offsets([partition]))[partition])

    async def follow(
        self, partition: TopicPartition, start: int
    ) -> AsyncGenerator[Sequence[Record], None]:
        """Read what comes from an offset on, without end; nothing is an answer, too.

        Records that can't be read are left out. Close it when done, as with
        `contextlib.aclosing`.

        Raises
        ------
        KafkaError
            The topic can't be read.
        """
        async with self.open() as consumer, self.open_beside() as reader:
            consumer.assign([partition])
            consumer.seek(partition, start)
            while True:
                async for polled in poll(
                    consumer,
                    reader,
                    {partition: None},
                    timeout_ms=LOOK_MS,
                    max_records=MAX_RECORDS,
                ):
                    yield polled.get(partition, ())

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

    def open_beside(self) -> RawBatchReader:
        """Return a reader of what a consumer can't decode; it connects when it is needed."""
        return RawBatchReader(self._connection, self._isolation_level)

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
            # aiokafka's own tasks begin: stopping one that has not begun raises CancelledError.
            await asyncio.sleep(0)
            yield consumer
        finally:
            await closed(consumer.stop())
