"""Health and metrics show the state of the source."""

from __future__ import annotations

import time
from collections.abc import Collection

import pytest
from aiokafka import OffsetAndMetadata, TopicPartition

from monitoring.telemetry.health import Condition
from stream.consume.lost_records import Loss, LossReason
from stream.consume.partition_progress import Batch
from stream.kafka.commit_metadata import Commit, metadata_of
from testing.fake_consumer import FakeConsumer
from testing.fake_kafka import TOPIC, FakeKafka, FakeRecord
from tests.unit.stream.scoring.role import Place

AT = TopicPartition(TOPIC, 0)


async def test_at_first_it_is_not_ready_and_says_why() -> None:
    place = Place()
    assert place.missing().keys() == {
        Condition.MODEL_LOADED,
        Condition.PARTITIONS_ASSIGNED,
        Condition.BROKER_REACHED,
    }
    assert place.value("leadscore_ready") == 0
    assert place.value("leadscore_assigned_partitions") == 0
    assert place.value("leadscore_last_commit_age_seconds") is None


async def test_it_is_ready_when_all_that_it_needs_is_there() -> None:
    place = Place()
    for condition in (Condition.MODEL_LOADED, Condition.BROKER_REACHED):
        place.health.meet(condition)
    assert place.value("leadscore_ready") == 0
    place.role.observer.on_rebalance(
        frozenset()
    )  # more workers than partitions: ready all the same
    assert place.value("leadscore_ready") == 1
    assert place.missing() == {}


async def test_a_rebalance_is_counted_and_logged(caplog: pytest.LogCaptureFixture) -> None:
    place = Place()
    with caplog.at_level("INFO"):
        place.role.observer.on_rebalance(frozenset({TopicPartition(TOPIC, n) for n in (2, 0)}))
    assert place.value("leadscore_rebalances_total") == 1
    assert caplog.records[-1].partitions == [0, 2]  # type: ignore[attr-defined]


async def test_fetched_records_are_counted_by_partition() -> None:
    place = Place()
    place.role.observer.on_fetch(Batch(AT, [FakeRecord(n, 0, n) for n in range(5)]))  # type: ignore[misc]
    name = "leadscore_records_consumed_total"
    assert place.value(name, topic=TOPIC, partition="0") == 5


async def test_a_loss_is_counted_and_listed_and_the_worker_stays_ready() -> None:
    place = Place()
    for condition in (Condition.MODEL_LOADED, Condition.BROKER_REACHED):
        place.health.meet(condition)
    place.role.observer.on_rebalance(frozenset())
    place.role.observer.on_loss(Loss(AT, 5, 22, LossReason.RETENTION))
    where = {"topic": TOPIC, "partition": "0", "reason": "retention"}
    assert place.value("leadscore_losses_total", **where) == 1
    assert place.value("leadscore_lost_records_total", **where) == 17
    [listed] = place.health.losses(time.monotonic())
    assert listed["reason"] == "retention"
    assert place.value("leadscore_ready") == 1


async def test_a_commit_is_remembered() -> None:
    place = Place()
    place.role.observer.on_commit({AT: 5})
    age = place.value("leadscore_last_commit_age_seconds")
    assert age is not None
    assert 0 <= age < 60


async def test_the_service_is_the_sources_observer() -> None:
    place = Place()
    kafka = FakeKafka()
    kafka.accept({AT: OffsetAndMetadata(0, metadata_of(0, None))})

    async def fetch(partitions: Collection[TopicPartition]) -> dict[TopicPartition, Commit | None]:
        return {at: kafka.commit_of(at) for at in partitions}

    async def no_id(topic: str) -> None:
        """As of a cluster that gives topics none."""

    place.role.kafka.offsets.fetch = fetch  # type: ignore[method-assign]
    place.role.kafka.topic_ids._read = no_id  # type: ignore[method-assign]
    place.role.source._connect = lambda: FakeConsumer(kafka)
    await place.role.source.on_start()
    await place.role.source.position(AT)
    assert place.value("leadscore_rebalances_total") == 1
    assert place.value("leadscore_assigned_partitions") == 1
