"""Finds how far the outputs of a partition reach, from the ends of the output topics."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Sequence

from aiokafka import ConsumerRecord, TopicPartition

from schemas.headers import SourceOf
from stream.kafka.log_reader import LogReader
from stream.kafka.producer import is_retriable
from stream.process.backoff import retry

__all__ = ["EmittedReader"]

log = logging.getLogger(__name__)

FIRST = 500
"""Records of the first step back from the end; each further step reads twice as many."""
MOST = 500_000
"""Records of the largest step: an owner writes far fewer between two of its commits."""
STEP_LIMIT = 5.0
"""Seconds for a step of few records, after which it is tried again on new connections."""
RECORDS_A_SECOND = 50_000
"""A step of many records has more time, by this rate."""
AT_ONCE = 4
"""Partitions that are read at once: each has connections of its own."""


class EmittedReader:
    """Finds the highest source offset that was emitted of a partition, scored or as dead letter.

    Records of aborted transactions count, too: drift counts of them may have been published.

    Parameters
    ----------
    reader
        Reads the output topics, uncommitted records as well.
    topics
        The output topics; outputs have their source's partition number.
    """

    def __init__(self, reader: LogReader, topics: Collection[str]) -> None:
        self._reader = reader
        self._topics = topics
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def end(self, partition: TopicPartition, above: int, sha256: str | None) -> int | None:
        """Return the offset after the highest source offset that was emitted.

        Parameters
        ----------
        partition
            The source partition.
        above
            Reads back until an output of a record below this offset.
        sha256
            Only events of this model count, and dead letters; None: of any model.

        Returns
        -------
        int or None
            None where there is no output of the partition.

        Raises
        ------
        KafkaError
            One that does not pass: the topics can't be read.
        """
        number = partition.partition
        source_of = SourceOf(partition.topic, number, None)
        counts = SourceOf(partition.topic, number, sha256)
        highest = -1
        async with self._turns:
            for topic in self._topics:
                async for records in self._back(TopicPartition(topic, number)):
                    offsets = [at for r in records if (at := counts(r.headers)) is not None]
                    highest = max(highest, *offsets, -1)
                    sources = (source_of(record.headers) for record in records)
                    if any(at is not None and at < above for at in sources):
                        break
        return highest + 1 or None

    async def _back(self, output: TopicPartition) -> AsyncIterator[Sequence[ConsumerRecord]]:
        """Read a partition from its end back, some records at a time."""
        before, count = None, FIRST
        while count <= MOST:
            records = await self._last(output, count, before)
            if not records:
                return
            yield records
            before, count = records[0].offset, 2 * count

    async def _last(
        self, output: TopicPartition, count: int, before: int | None
    ) -> Sequence[ConsumerRecord]:
        limit = STEP_LIMIT + count / RECORDS_A_SECOND

        async def read() -> Sequence[ConsumerRecord]:
            # A connection that a router has dropped never answers; the next attempt opens others.
            async with asyncio.timeout(limit):
                return await self._reader.last(output, count, before=before)

        return await retry(read, doing=f"reading the end of {output}", may_pass=_may_pass, log=log)


def _may_pass(error: Exception) -> bool:
    return isinstance(error, TimeoutError) or is_retriable(error)
