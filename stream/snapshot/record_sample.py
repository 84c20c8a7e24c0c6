"""A uniform sample of the records of a topic in a time range."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from random import Random
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import FatalError, StartupError
from stream.consume.partition_progress import Record
from stream.kafka.access import Use
from stream.kafka.log_reader import PROGRESS_LIMIT, LogReader, in_time
from stream.kafka.topic_admin import partition_counts
from stream.settings import Settings
from stream.snapshot.reservoir import Reservoir

__all__ = [
    "Span",
    "TimeRange",
    "count_offsets",
    "draw_records",
    "read_span",
    "records_within",
    "spans_within",
]

Span = tuple[int, int]
"""Offsets: the first is included, the second is not."""


@dataclass(frozen=True, slots=True)
class TimeRange:
    """A range of Kafka time stamps: milliseconds since 1970, start <= time < end."""

    start: int
    end: int

    def holds(self, record: Record) -> bool:
        """Return whether a record's time stamp is in the range."""
        return self.start <= record.timestamp < self.end


async def draw_records(
    settings: Settings,
    within: TimeRange,
    size: int,
    random: Random,
    *,
    use: Use = Use.SNAPSHOT,
    on_read: Callable[[int], None] = lambda _: None,
) -> tuple[list[Record], int]:
    """Read a range of ``settings.leads_created`` to its end and keep a sample.

    Parameters
    ----------
    settings
        Kafka's address and security, and the topic.
    within
        The range.
    size
        Most records to keep.
    random
        Random number generator.
    use
        What reads, for messages about missing rights.
    on_read
        Called with the number of records of the range so far.

    Returns
    -------
    list of Record
        The sample, in the order of the timestamps.
    int
        Number of records in the range.

    Raises
    ------
    StartupError, FatalError
        See ``records_within``.
    """
    reservoir: Reservoir[Record] = Reservoir(size, random)
    async for records in records_within(settings, settings.leads_created, within, use):
        reservoir.extend(records)
        on_read(reservoir.seen)
    return sorted(reservoir.items, key=lambda record: record.timestamp), reservoir.seen


async def records_within(
    settings: Settings, topic: str, within: TimeRange, use: Use
) -> AsyncIterator[list[Record]]:
    """Read the records of a topic in a range, some at a time, partition by partition.

    It joins no consumer group and commits nothing, so workers are not affected. A partition is read
    from the first record with a timestamp at or after the start to the end of its log: producers
    set the timestamps, so they are not in order.

    Raises
    ------
    StartupError
        Kafka can't be reached, or has no such topic.
    FatalError
        Kafka stopped answering.
    """
    spans = await spans_within(settings, topic, within, use)
    for partition, span in spans.items():
        async for records in read_span(settings, partition, span):
            yield [record for record in records if within.holds(record)]


async def read_span(
    settings: Settings, partition: TopicPartition, span: Span
) -> AsyncIterator[Sequence[Record]]:
    """Read the records of a span of offsets, some at a time.

    Raises
    ------
    FatalError
        Kafka stopped answering.
    """
    reader = LogReader(settings.kafka_client_options(), settings.isolation_level)
    with _reading(partition.topic):
        async for records in in_time(reader.read(partition, *span)):
            yield records


async def count_offsets(settings: Settings, topic: str, within: TimeRange, use: Use) -> int:
    """Return the number of offsets of a topic that may be in a range, without reading them.

    Raises
    ------
    StartupError, FatalError
        See ``records_within``.
    """
    spans = await spans_within(settings, topic, within, use)
    return sum(stop - start for start, stop in spans.values())


async def spans_within(
    settings: Settings, topic: str, within: TimeRange, use: Use
) -> Mapping[TopicPartition, Span]:
    """Return the offsets of each partition that may be in a range; a partition may have none.

    Raises
    ------
    StartupError, FatalError
        See ``records_within``.
    """
    partitions = await _partitions(settings, topic, use)
    with _reading(topic):
        return await _spans(settings.kafka_client_options(), topic, partitions, within)


async def _partitions(settings: Settings, topic: str, use: Use) -> int:
    """Return the number of partitions of a topic that must exist."""
    partitions = (await partition_counts(settings, use)).get(topic)
    if not partitions:
        raise StartupError(
            f"expected the topic {topic}, but it does not exist: create it with `leadscore topics"
            " create`, or name another by its setting (docs/settings.md)"
        )
    return partitions


@contextmanager
def _reading(topic: str) -> Iterator[None]:
    """Turn an error of Kafka in the body into a FatalError."""
    try:
        yield
    except (KafkaError, TimeoutError) as error:
        raise FatalError(
            f"expected to read {topic} to the end of the range, but Kafka answered"
            f" {error!r}: check that this user may read the topic, and try again"
        ) from error


async def _spans(
    connection: Mapping[str, Any], topic: str, partitions: int, within: TimeRange
) -> dict[TopicPartition, Span]:
    """Return the offsets that may be in a range, without partitions that have none."""
    asked = [TopicPartition(topic, number) for number in range(partitions)]
    async with (
        asyncio.timeout(PROGRESS_LIMIT),
        AIOKafkaConsumer(**connection, enable_auto_commit=False) as consumer,
    ):
        starts = await consumer.offsets_for_times(dict.fromkeys(asked, within.start))
        ends = await consumer.end_offsets(asked)
    return {
        partition: (start.offset, ends[partition])
        for partition in asked
        if (start := starts[partition])
    }
