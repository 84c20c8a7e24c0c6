"""Bounded reads of a partition, from one offset to another, without a consumer group."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Mapping, Sequence
from contextlib import aclosing, asynccontextmanager
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition

from agents.records import SourceRecord as Record
from stream.fetch.bounded_polls import BoundedConsumer
from stream.fetch.closing import closed
from stream.fetch.memory_budget import MemoryBudget
from stream.fetch.raw_batches import RawBatchReader
from stream.kafka.lenient_polls import Take, poll, readable

__all__ = ["PROGRESS_LIMIT", "LogReader", "in_time"]

POLL_MS = 200
LOOK_MS = 500
"""Milliseconds that one poll for new records waits."""
MAX_RECORDS = 500
"""Most records of one step, so that the event loop is not blocked for long."""
PROGRESS_LIMIT = 60.0
"""Seconds without a record after which a bounded read is aborted."""
FIRST_SPAN = 4096
"""Offsets of the first search for the last record below an offset."""


class LogReader:
    """Reads parts of topics without a consumer group.

    Parameters
    ----------
    connection, isolation_level
        See ``stream.fetch.aiokafka_internals.FetchClient``.
    budget
        Memory budget; None: the default.
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
            The partition.
        count
            Least number of offsets to read.
        before
            Only records below this offset; None: below the end.
        since_ms
            Also all records from this timestamp on, milliseconds since 1970.
        """
        if before is not None and since_ms is None:
            # Open no consumer for an empty read: aiokafka hangs if it is stopped at once.
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
        self, partition: TopicPartition, start: int, stop: int, *, take: Take = readable
    ) -> AsyncGenerator[Sequence[Record], None]:
        """Yield the remaining records with start <= offset < stop, some at a time.

        Parameters
        ----------
        partition, start, stop
            What to read.
        take
            How unreadable records are treated: `readable` logs and skips them, `all_readable`
            raises an error, `with_unreadable` logs and yields them.

        Raises
        ------
        KafkaError
            The topic can't be read.
        UnreadableRecordError
            See ``take``.
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
                    take=take,
                ):
                    has_come = has_come or bool(polled)
                    records = [r for r in polled.get(partition, ()) if r.offset >= start]
                    if records:
                        yield records
                if not has_come:  # a re-created topic may never reach the offset
                    end = min(end, (await consumer.end_offsets([partition]))[partition])

    async def follow(
        self, partition: TopicPartition, start: int
    ) -> AsyncGenerator[Sequence[Record], None]:
        """Yield records from an offset on, without end; an empty batch if none arrived.

        Unreadable records are skipped. Close the generator when done, for example with
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
        """Return the offset of the last record below another, across gaps of any size.

        Returns
        -------
        int or None
            The offset; None if there is no such record.

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

    async def bounds(self, partition: TopicPartition) -> tuple[int, int]:
        """Return the first offset of a partition's log, and the offset after its last record.

        Raises
        ------
        KafkaError
            The topic can't be read.
        """
        async with self.open() as consumer:
            start = (await consumer.beginning_offsets([partition]))[partition]
            return int(start), int((await consumer.end_offsets([partition]))[partition])

    async def end_offset(self, partition: TopicPartition) -> int:
        """Return the offset after the last record of a partition.

        Raises
        ------
        KafkaError
            The topic can't be read.
        """
        _, end = await self.bounds(partition)
        return end

    def open_beside(self) -> RawBatchReader:
        """Return a reader for records that a consumer can't decode; it connects on first use."""
        return RawBatchReader(self._connection, self._isolation_level)

    @asynccontextmanager
    async def open(self, **options: Any) -> AsyncIterator[AIOKafkaConsumer]:
        """Open a consumer without an assignment, until the body ends."""
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
            # Lets aiokafka's tasks begin: stopping one that has not raises CancelledError.
            await asyncio.sleep(0)
            yield consumer
        finally:
            await closed(consumer.stop())


async def in_time(
    steps: AsyncGenerator[Sequence[Record], None], limit: float = PROGRESS_LIMIT
) -> AsyncGenerator[Sequence[Record], None]:
    """Yield the steps of a read, and close it.

    Raises
    ------
    TimeoutError
        A step took longer than the limit, in seconds.
    """
    async with aclosing(steps):
        while True:
            try:
                async with asyncio.timeout(limit):
                    records = await anext(steps)
            except StopAsyncIteration:
                return
            yield records
