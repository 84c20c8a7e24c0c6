"""Reads of a partition from its end to a start, in bounded steps."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing

from aiokafka import TopicPartition

from agents.records import SourceRecord as Record
from stream.kafka.log_reader import LogReader, in_time

__all__ = ["newest_first"]

FIRST_STEP = 4096
LONGEST_STEP = 2**18
"""Offsets of a step: short ones find a recent record soon, long ones cost fewer connections."""


async def newest_first(
    reader: LogReader,
    partition: TopicPartition,
    start: int,
    end: int,
    is_wanted: Callable[[Record], bool],
    on_read: Callable[[int], None] = lambda _: None,
) -> AsyncGenerator[Record, None]:
    """Yield the wanted records with start <= offset < end, the last one first.

    Only wanted records are kept in memory, those of one step at a time.

    Parameters
    ----------
    reader
        Reads the partition.
    partition, start, end
        The offsets.
    is_wanted
        Returns whether a record is wanted.
    on_read
        Called with the number of offsets of each step that was read.

    Raises
    ------
    KafkaError
        The topic can't be read.
    TimeoutError
        Kafka stopped answering.
    """
    step = FIRST_STEP
    while end > start:
        begin = max(start, end - step)
        found: list[Record] = []
        async with aclosing(in_time(reader.read(partition, begin, end))) as batches:
            async for records in batches:
                found += filter(is_wanted, records)
        on_read(end - begin)
        for record in reversed(found):
            yield record
        end, step = begin, min(2 * step, LONGEST_STEP)
