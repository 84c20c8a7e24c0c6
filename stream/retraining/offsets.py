"""Fixed ranges of offsets, and the records in them: of a topic, or of an archive."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import FatalError
from stream.archive.reader import Archive
from stream.kafka.log_reader import LogReader, in_time
from stream.settings import Settings

__all__ = ["OffsetRange", "archive_ranges", "read_ranges", "topic_ranges"]

ANSWER_LIMIT = 60.0
"""Seconds for the bounds of all partitions."""


@dataclass(frozen=True, slots=True)
class OffsetRange:
    """Offsets of one partition: start <= offset < end; the end never moves."""

    partition: int
    start: int
    end: int

    @property
    def offsets(self) -> int:
        """Number of offsets in the range."""
        return self.end - self.start


async def topic_ranges(
    settings: Settings, topic: str, partitions: int, since_ms: int
) -> tuple[OffsetRange, ...]:
    """Return the offsets of a topic from the first record at or after a time to its end.

    Raises
    ------
    FatalError
        Kafka did not answer.
    """
    asked = [TopicPartition(topic, number) for number in range(partitions)]
    reader = LogReader(settings.kafka_client_options(), settings.isolation_level)
    try:
        async with asyncio.timeout(ANSWER_LIMIT), reader.open() as consumer:
            starts = await consumer.offsets_for_times(dict.fromkeys(asked, max(since_ms, 0)))
            ends = await consumer.end_offsets(asked)
    except (KafkaError, TimeoutError) as error:
        raise _unread(topic, error) from error
    return tuple(
        OffsetRange(at.partition, int(found.offset), int(ends[at]))
        for at in asked
        if (found := starts[at]) is not None and found.offset < ends[at]
    )


async def archive_ranges(location: str, topic: str, since_ms: int) -> tuple[OffsetRange, ...]:
    """Return the offsets of an archive from the first record at or after a time to its end.

    Raises
    ------
    InputError, StartupError
        There is no such archive, or it can't be read.
    """
    archive = await asyncio.to_thread(Archive, location, topic)
    starts, ends = await archive.at(since_ms), await archive.end()
    return tuple(
        OffsetRange(number, start, ends[number])
        for number in sorted(ends)
        if (start := starts[number]) is not None and start < ends[number]
    )


async def read_ranges(
    settings: Settings, topic: str, ranges: Sequence[OffsetRange], archive: str | None = None
) -> AsyncIterator[Sequence[Any]]:
    """Yield the readable records of the ranges, some at a time, partition by partition.

    Raises
    ------
    FatalError
        Kafka stopped answering.
    InputError, StartupError
        The archive can't be read.
    """
    source: Any = (
        LogReader(settings.kafka_client_options(), settings.isolation_level)
        if archive is None
        else await asyncio.to_thread(Archive, archive, topic)
    )
    try:
        for each in ranges:
            steps: AsyncGenerator[Sequence[Any], None] = in_time(
                source.read(TopicPartition(topic, each.partition), each.start, each.end)
            )
            async with aclosing(steps):
                async for records in steps:
                    yield records
    except (KafkaError, TimeoutError) as error:
        raise _unread(topic, error) from error


def _unread(topic: str, error: BaseException) -> FatalError:
    return FatalError(
        f"expected to read {topic}, but Kafka answered {error!r}: check that this user may read"
        " the topic, and try again"
    )
