"""The records that a topic holds of some leads, by their key."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass, field

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from schemas.errors import FatalError
from stream.kafka.log_reader import PROGRESS_LIMIT, LogReader, in_time

__all__ = ["Held", "HeldByTopic", "find_held"]


@dataclass(slots=True)
class Held:
    """Records of one lead in one topic.

    Attributes
    ----------
    records
        Number of records with a value.
    newest_ms
        Latest of their time stamps, milliseconds since 1970.
    without_value
        Number of records without one: tombstones, and dead letters of tombstones.
    newest_without_value_ms
        Latest of their time stamps.
    partitions
        Partitions with such records, and whether the last one of the key has a value there.
    """

    records: int = 0
    newest_ms: int = 0
    without_value: int = 0
    newest_without_value_ms: int = 0
    partitions: dict[int, bool] = field(default_factory=dict)

    @property
    def without_tombstone(self) -> list[int]:
        """Partitions whose last record of the lead has a value."""
        return [number for number, has_value in sorted(self.partitions.items()) if has_value]


@dataclass(slots=True)
class HeldByTopic:
    """Records of some leads that a topic holds.

    Attributes
    ----------
    leads
        By the lead's index; a lead without a record is missing.
    without_key
        Number of records that have no key: of which lead they are is not known.
    """

    leads: dict[int, Held] = field(default_factory=dict)
    without_key: int = 0


async def find_held(
    reader: LogReader,
    topic: str,
    partitions: int,
    keys: Mapping[bytes, int],
    on_read: Callable[[int, int], None] = lambda _read, _total: None,
) -> HeldByTopic:
    """Read a topic once, to its end, and find the records of some keys.

    Parameters
    ----------
    reader
        Reads the topic; uncommitted records hold leads, too.
    topic, partitions
        The topic.
    keys
        The index of each lead by its key.
    on_read
        Called with the number of offsets read so far, and that of all.

    Raises
    ------
    FatalError
        The topic can't be read.
    """
    found = HeldByTopic()
    numbers = [TopicPartition(topic, number) for number in range(partitions)]
    try:
        async with asyncio.timeout(PROGRESS_LIMIT), reader.open() as consumer:
            starts = await consumer.beginning_offsets(numbers)
            ends = await consumer.end_offsets(numbers)
        total = sum(ends[at] - starts[at] for at in numbers)
        done = 0
        for at in numbers:
            if starts[at] == ends[at]:
                continue
            async with aclosing(in_time(reader.read(at, starts[at], ends[at]))) as batches:
                async for records in batches:
                    for record in records:
                        if record.key is None:
                            found.without_key += 1
                        elif (index := keys.get(record.key)) is not None:
                            held = found.leads.setdefault(index, Held())
                            _add(held, record.partition, record.timestamp, record.value)
                    on_read(done + records[-1].offset + 1 - starts[at], total)
            done += ends[at] - starts[at]
    except (KafkaError, TimeoutError) as error:
        raise FatalError(
            f"expected to read {topic}, but Kafka answered {error!r}: check that this user may read"
            " the topic (`leadscore acls --role erase`), and try again"
        ) from error
    return found


def _add(held: Held, partition: int, timestamp: int, value: bytes | None) -> None:
    held.partitions[partition] = value is not None
    if value is None:
        held.without_value += 1
        held.newest_without_value_ms = max(held.newest_without_value_ms, timestamp)
    else:
        held.records += 1
        held.newest_ms = max(held.newest_ms, timestamp)
