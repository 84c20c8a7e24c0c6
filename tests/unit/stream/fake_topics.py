"""Topics in memory, read as `LogReader` reads them."""

from __future__ import annotations

from collections.abc import AsyncGenerator, AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, NamedTuple

from aiokafka import TopicPartition

from agents.records import SourceRecord as Record
from stream.fetch.raw_records import RawRecord

Headers = Sequence[tuple[str, bytes | None]]


class Found(NamedTuple):
    offset: int


@dataclass
class FakeTopics:
    """Logs by topic and partition; each may begin above 0, as retention leaves it.

    Attributes
    ----------
    reads
        Bounds of the reads so far.
    error
        Raised where the bounds of a partition are asked for.
    """

    partitions: int = 2
    logs: dict[TopicPartition, list[RawRecord]] = field(default_factory=dict)
    starts: dict[TopicPartition, int] = field(default_factory=dict)
    reads: list[tuple[str, int, int, int]] = field(default_factory=list)
    error: Exception | None = None

    def add(
        self,
        topic: str,
        partition: int,
        value: bytes | None,
        *,
        key: bytes | None = None,
        headers: Headers = (),
        timestamp: int = 0,
    ) -> int:
        """Append a record; returns its offset."""
        log = self.logs.setdefault(TopicPartition(topic, partition), [])
        log.append(RawRecord(partition, len(log), timestamp, key, value, headers))
        return len(log) - 1

    def remove_below(self, topic: str, partition: int, offset: int) -> None:
        self.starts[TopicPartition(topic, partition)] = offset

    # As a LogReader

    @asynccontextmanager
    async def open(self, **_: Any) -> AsyncIterator[FakeTopics]:
        yield self

    async def read(
        self, partition: TopicPartition, start: int, stop: int
    ) -> AsyncGenerator[Sequence[Record], None]:
        self.reads.append((partition.topic, partition.partition, start, stop))
        start = max(start, self.starts.get(partition, 0))
        if kept := self.logs.get(partition, [])[start:stop]:
            yield kept

    async def bounds(self, partition: TopicPartition) -> tuple[int, int]:
        if self.error is not None:
            raise self.error
        return self.starts.get(partition, 0), len(self.logs.get(partition, ()))

    # As its consumer

    async def beginning_offsets(
        self, partitions: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        return {at: self.starts.get(at, 0) for at in partitions}

    async def end_offsets(
        self, partitions: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        return {at: len(self.logs.get(at, ())) for at in partitions}

    async def offsets_for_times(
        self, times: Mapping[TopicPartition, int]
    ) -> Mapping[TopicPartition, Found | None]:
        return {
            at: next((Found(r.offset) for r in self.logs.get(at, ()) if r.timestamp >= ms), None)
            for at, ms in times.items()
        }
