"""A topic that came back with fewer partitions while no worker ran."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from stream.consume.lost_records import Loss, LossReason
from stream.consume.removed_partitions import RemovedPartitions


def at(number: int) -> TopicPartition:
    return TopicPartition("leads", number)


class Watch:
    """Reports by the number of partitions, and by where the scored events end."""

    def __init__(
        self,
        source: int | Exception | None = 2,
        scored: int | None = 5,
        *,
        remembers: frozenset[int] = frozenset(),
    ) -> None:
        self.counts = {"leads": source, "scored": scored}
        self.ends: dict[int, int | None] = {0: 70, 1: 80, 2: 0, 3: 40, 4: None}
        self.losses: list[Loss] = []
        self.removed = RemovedPartitions(
            lambda partition: partition.partition in remembers,
            self._count,
            "scored",
            self._end_of_outputs,
            self.losses.append,
        )

    async def _count(self, topic: str) -> int | None:
        found = self.counts[topic]
        if isinstance(found, Exception):
            raise found
        return found

    async def _end_of_outputs(self, partition: TopicPartition) -> int | None:
        return self.ends[partition.partition]


async def test_a_removed_partition_with_scored_events_is_a_loss(
    caplog: pytest.LogCaptureFixture,
) -> None:
    """A worker started as if the leads topic had always had two partitions."""
    watch = Watch()
    await watch.removed.report(at(0))
    assert watch.losses == [Loss(at(3), 40, 40, LossReason.LOG_REPLACED)]
    assert "leads/3: its log was truncated or its topic re-created" in caplog.text


async def test_only_one_partition_looks() -> None:
    watch = Watch()
    await watch.removed.report(at(1))
    assert watch.losses == []


async def test_a_worker_that_has_seen_the_commit_reports_the_loss_by_itself() -> None:
    watch = Watch(remembers=frozenset({3}))
    await watch.removed.report(at(0))
    assert watch.losses == []


@pytest.mark.parametrize(("source", "scored"), [(5, 5), (6, 5), (None, 5), (2, None)])
async def test_a_topic_that_lacks_no_partition_has_lost_none(
    source: int | None, scored: int | None
) -> None:
    watch = Watch(source, scored)
    await watch.removed.report(at(0))
    assert watch.losses == []


async def test_a_worker_starts_though_the_number_of_partitions_cannot_be_read(
    caplog: pytest.LogCaptureFixture,
) -> None:
    watch = Watch(KafkaConnectionError())
    await watch.removed.report(at(0))
    assert watch.losses == []
    assert "whether leads has lost partitions is not known" in caplog.text
