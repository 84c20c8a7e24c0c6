"""A view of the logs and commits of a FakeKafka."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field

from aiokafka import TopicPartition

from stream.fetch.raw_batches import RawReader
from stream.lag.log_view import Bounds
from testing.fake_kafka import FakeKafka


@dataclass
class FakeLogView:
    """A view of one topic of a FakeKafka.

    Attributes
    ----------
    commit_errors
        What the next requests for commits raise.
    """

    kafka: FakeKafka
    records: RawReader
    commit_errors: list[Exception] = field(default_factory=list)

    async def partitions(self, topics: Collection[str]) -> Sequence[TopicPartition]:
        return [at for at in self.kafka.logs if at.topic in topics]

    async def commits(self, group: str) -> Mapping[TopicPartition, int]:
        if self.commit_errors:
            raise self.commit_errors.pop()
        return dict(self.kafka.committed)

    async def bounds(
        self, partitions: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, Bounds]:
        return {at: Bounds(self.kafka.logs[at].start, self.kafka.logs[at].end) for at in partitions}
