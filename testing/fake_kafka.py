"""A Kafka in memory: logs of one topic and the commits of one group."""

from __future__ import annotations

import asyncio
from collections.abc import (
    Mapping,
)
from dataclasses import dataclass, field
from typing import NamedTuple

from aiokafka import OffsetAndMetadata, TopicPartition
from aiokafka.errors import (
    KafkaError,
)

from stream.kafka.commit_metadata import Commit

__all__ = ["TOPIC", "FakeKafka", "FakePartition", "FakeRecord"]

TOPIC = "leads"


class FakeRecord(NamedTuple):
    """As much of a record as the source looks at, and a unique value."""

    offset: int
    timestamp: int
    value: int


@dataclass
class FakePartition:
    """A log. Offsets may be left out, as by transactions and compaction, or be unreadable."""

    records: list[FakeRecord] = field(default_factory=list)
    unreadable: set[int] = field(default_factory=set)
    start: int = 0
    end: int = 0
    number_of_records: int = 0

    def append(self, count: int = 1, *, timestamp: int = 0) -> None:
        for _ in range(count):
            self.records.append(FakeRecord(self.end, timestamp, self.number_of_records))
            self.end += 1
            self.number_of_records += 1

    def leave_out(self, count: int = 1) -> None:
        self.end += count

    def remove_below(self, offset: int) -> None:
        """Remove records, as retention does."""
        self.start = offset
        self.records = [record for record in self.records if record.offset >= offset]


class FakeKafka:
    """State that outlives a consumer: logs and committed offsets.

    Attributes
    ----------
    committed_error
        What a request for a committed offset raises.
    committed_reads
        How many such requests were answered.
    """

    def __init__(self, partitions: int = 1) -> None:
        self.logs = {TopicPartition(TOPIC, n): FakePartition() for n in range(partitions)}
        self.committed: dict[TopicPartition, int] = {}
        self.metadata: dict[TopicPartition, str] = {}
        self.commits: list[dict[TopicPartition, int]] = []
        self.knows_topic = True
        self.committed_error: KafkaError | None = None
        self.committed_reads = 0

    async def read_committed(self, partition: TopicPartition) -> Commit | None:
        """Fetch a group's commit."""
        await asyncio.sleep(0.001)
        if self.committed_error:
            raise self.committed_error
        self.committed_reads += 1
        return self.commit_of(partition)

    def commit_of(self, partition: TopicPartition) -> Commit | None:
        offset = self.committed.get(partition)
        return None if offset is None else Commit(offset, self.metadata.get(partition, ""))

    def accept(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Store a commit of any client."""
        for partition, at in offsets.items():
            self.committed[partition] = at.offset
            self.metadata[partition] = at.metadata

    def make_anew(self, partition: TopicPartition) -> None:
        """Remove a log and what groups have committed of it, and make it again, empty."""
        self.logs[partition].records.clear()
        self.logs[partition].start = self.logs[partition].end = 0
        self.committed.pop(partition, None)

    def __getitem__(self, number: int) -> FakePartition:
        return self.logs[TopicPartition(TOPIC, number)]
