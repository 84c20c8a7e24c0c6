"""Finds how far the outputs of a partition reach, from the ends of the output topics."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection
from typing import NamedTuple, TypeVar

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.headers import SourceOf
from stream.kafka.log_reader import LogReader, in_time
from stream.kafka.producer import is_retriable
from stream.process.backoff import retry

__all__ = ["ANY_OFFSET", "READ_LIMIT", "EmittedReader"]

log = logging.getLogger(__name__)

T = TypeVar("T")

ANY_OFFSET = 2**63
"""Above all offsets: the first output that is found ends the search."""
READ_LIMIT = 20.0
"""Seconds to find the end, after which it is not known."""
FIRST = 100
"""Offsets of the first step back from the end; each further step covers twice as many."""
PROGRESS_LIMIT = 5.0
"""Seconds without a record after which a step is tried again on new connections."""
AT_ONCE = 2
"""Partitions that are read at once: each has connections and fetched records of its own."""


class _Search(NamedTuple):
    """A search in one output topic.

    Attributes
    ----------
    output
        The partition that is read.
    source_of, counts
        Return the source offset of an output of any model, and of one that counts.
    above
        The search ends with an output of a record below this offset.
    """

    output: TopicPartition
    source_of: SourceOf
    counts: SourceOf
    above: int


class EmittedReader:
    """Finds the highest source offset of the outputs of a partition.

    A dead letter can be as large as a lead. Records are therefore read poll by poll, within the
    memory budget of the reader, and dropped once their headers are read.

    Parameters
    ----------
    reader
        Reads the output topics. If it reads uncommitted records, aborted outputs count, too.
    topics
        The output topics; outputs have their source's partition number.
    """

    def __init__(self, reader: LogReader, topics: Collection[str]) -> None:
        self._reader = reader
        self._topics = topics
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def end(
        self,
        partition: TopicPartition,
        above: int = ANY_OFFSET,
        models: Collection[str] | None = None,
    ) -> int | None:
        """Return the offset after the highest source offset that was emitted.

        Parameters
        ----------
        partition
            The source partition.
        above
            Reads back until an output of a record below this offset.
        models
            Only events of the models with these SHA-256 count, and dead letters; None: of any.

        Returns
        -------
        int or None
            0 if there is no output of the partition. None if that is not known: the topics can't be
            read, or not back to such an output in time.
        """
        topic, number = partition
        source_of, counts = SourceOf(topic, number, None), SourceOf(topic, number, models)
        searches = [
            _Search(TopicPartition(output, number), source_of, counts, above)
            for output in self._topics
        ]
        try:
            async with asyncio.timeout(READ_LIMIT), self._turns:
                return max([await self._end(search) for search in searches])
        except (KafkaError, TimeoutError) as error:
            log.warning("the end of the outputs of %s can't be found: %r", partition, error)
            return None

    async def _end(self, search: _Search) -> int:
        """Read a partition step by step from its end back."""
        start, before = await self._retried(lambda: self._bounds(search), search)
        end, is_reached, count = 0, False, FIRST
        while before > start and not is_reached:
            first = max(start, before - count)
            step_end, is_reached = await self._step(search, first, before)
            end, before, count = max(end, step_end), first, 2 * count
        return end

    async def _bounds(self, search: _Search) -> tuple[int, int]:
        async with asyncio.timeout(PROGRESS_LIMIT):
            return await self._reader.bounds(search.output)

    async def _step(self, search: _Search, first: int, before: int) -> tuple[int, bool]:
        """Return where the outputs of a step end, and whether one of them ends the search."""

        async def read() -> tuple[int, bool]:
            end, is_reached = 0, False
            # A connection that a router has dropped never answers; the next attempt opens others.
            steps = in_time(self._reader.read(search.output, first, before), PROGRESS_LIMIT)
            async for records in steps:
                for record in records:
                    at = search.source_of(record.headers)
                    if at is None:
                        continue
                    is_reached = is_reached or at < search.above
                    if search.counts(record.headers) is not None:
                        end = max(end, at + 1)
            return end, is_reached

        return await self._retried(read, search)

    async def _retried(
        self, attempt: Callable[[], Awaitable[tuple[int, T]]], search: _Search
    ) -> tuple[int, T]:
        doing = f"reading the end of {search.output}"
        return await retry(attempt, doing=doing, may_pass=_may_pass, log=log)


def _may_pass(error: Exception) -> bool:
    return isinstance(error, TimeoutError) or is_retriable(error)
