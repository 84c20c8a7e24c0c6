"""Lenient reads of a partition beside the consumer: records, and verdicts on unreadable ones.

::

    async with RawBatchReader(connection, "read_uncommitted") as reader:
        async for step in reader.read(partition, offset):
            ...                      # step.records: RawRecord, or UnreadableRecord with its verdict
        # read on at step.next_offset

For what a client cannot read: a record that it can't decode, a batch that expands beyond
what memory holds. Records are decompressed and parsed in a thread, in steps of bounded memory, so
the event loop stays free.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from types import TracebackType
from typing import Any, Protocol, Self

from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException, KafkaError

from stream.fetch.aiokafka_internals import FetchClient, Fetched
from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord
from stream.fetch.record_batches import Limits, RecordBatches
from stream.fetch.unserved_offsets import fetch_before, next_served
from stream.process.backoff import LOG_PAUSE

__all__ = ["RawBatchReader", "RawReader", "RawStep"]

log = logging.getLogger(__name__)

FETCH_BYTES = 1 << 20
"""Most bytes of a fetch, except for a larger first batch; as in aiokafka's consumer."""
ANSWER_LIMIT = 7.5
"""Seconds to wait for an answer."""
ATTEMPTS = 5


@dataclass(frozen=True, slots=True)
class RawStep:
    """A part of the records read.

    Attributes
    ----------
    records
        Records in ascending order of offset; empty for gaps.
    next_offset
        Offset to continue at: all records below it are in this step or an earlier one.
    """

    records: Sequence[RawRecord]
    next_offset: int


class RawReader(Protocol):
    """Reads records from an offset on, readable or not; tests have a fake."""

    def read(
        self, partition: TopicPartition, start: int, stop: int | None = None
    ) -> AsyncIterator[RawStep]:
        """Yield the records of one fetch."""

    async def close(self) -> None:
        """Close the connection if there is one."""


class RawBatchReader:
    """Reads records from an offset on, readable or not.

    It connects at the first read, and again after an error; one read at a time.

    Parameters
    ----------
    connection, isolation_level
        See ``stream.fetch.aiokafka_internals.FetchClient``.
    limits
        Memory limits; by default 8 MiB for a value and 1 MiB for records. One fetch (or one
        compressed batch) and a codec's window come on top.
    fetch_bytes
        Most bytes of a fetch, except for a larger first batch.
    """

    def __init__(
        self,
        connection: Mapping[str, Any],
        isolation_level: str,
        *,
        limits: Limits | None = None,
        fetch_bytes: int = FETCH_BYTES,
    ) -> None:
        self._connection = connection
        self._isolation_level = isolation_level
        self._limits = limits or Limits()
        self._fetch_bytes = fetch_bytes
        self._client: FetchClient | None = None

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection if there is one."""
        client, self._client = self._client, None
        if client is not None:
            await client.close()

    async def read(
        self, partition: TopicPartition, start: int, stop: int | None = None
    ) -> AsyncIterator[RawStep]:
        """Read what one fetch brings: whole batches, from the one that holds an offset.

        Parameters
        ----------
        partition, start, stop
            See ``stream.fetch.record_batches.RecordBatches``.

        Yields
        ------
        RawStep
            At least one, with verdicts on offsets that the broker can't serve. If its
            ``next_offset`` is ``start``, there is nothing to read yet.

        Raises
        ------
        KafkaError
            The partition can't be read within a few attempts.
        """
        fetch = partial(self._fetch, partition)
        next_offset, is_served = start, True
        try:
            fetched: Fetched | None = await fetch(start)
        except CorruptRecordException:
            fetched, is_served = await fetch_before(fetch, start), False
        if fetched is not None:
            batches = RecordBatches(
                fetched,
                partition=partition.partition,
                start=start,
                stop=stop,
                limits=self._limits,
            )
            while records := await asyncio.to_thread(batches.take):
                yield RawStep(records, records[-1].offset + 1)
            next_offset = batches.next_offset
            yield RawStep((), next_offset)
        if not is_served and next_offset == start:
            end = await next_served(fetch, start)
            for step in self._lost(partition, start, end if stop is None else min(end, stop)):
                yield step

    def _lost(self, partition: TopicPartition, start: int, end: int) -> Iterator[RawStep]:
        detail = f"the broker can't read its log at offsets {start} to {end - 1}"
        for first in range(start, end, self._limits.records):
            offsets = range(first, min(first + self._limits.records, end))
            lost = [
                UnreadableRecord(
                    *(partition.partition, offset, 0, None, None, ()), Problem.UNSERVED, detail
                )
                for offset in offsets
            ]
            yield RawStep(lost, offsets.stop)

    async def _fetch(self, partition: TopicPartition, start: int) -> Fetched:
        for attempt in range(ATTEMPTS):
            try:
                client = await self._connected()
                return await client.fetch(partition, start, self._fetch_bytes)
            except CorruptRecordException:  # it is so on the broker's disk
                raise
            except KafkaError as error:
                await self.close()
                if not error.retriable or attempt == ATTEMPTS - 1:
                    raise
                log.warning("fetching %s at %d: %r, trying again", partition, start, error)
            await asyncio.sleep(LOG_PAUSE)
        raise AssertionError("the last attempt returns or raises")

    async def _connected(self) -> FetchClient:
        if self._client is None:
            client = FetchClient(self._connection, self._isolation_level, ANSWER_LIMIT)
            self._client = client
            await client.start()
        return self._client
