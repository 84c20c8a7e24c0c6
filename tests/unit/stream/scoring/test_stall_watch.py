"""A source that stalls, or stops where its settings say so."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import TopicPartition

from monitoring.telemetry.health import Condition
from monitoring.telemetry.metrics import PartitionLag
from schemas.errors import FatalError
from stream.consume.batch_source import BatchSource
from stream.monitor import STALL_LIMIT
from stream.scoring.stall_watch import StallWatch
from testing.fake_kafka import TOPIC
from tests.unit.stream.scoring.role import Place

AT = TopicPartition(TOPIC, 0)


async def test_a_source_that_has_records_and_gets_none_ends_the_worker() -> None:
    place = Place()
    place.role.source.assignment.start(AT)
    await place.role.stall_watch.end_if_stalled()
    assert not place.app.errors
    its_progress = place.role.source.assignment[AT]
    its_progress.behind_since = asyncio.get_running_loop().time() - STALL_LIMIT - 1
    await place.role.stall_watch.end_if_stalled()
    [error] = place.app.errors
    assert isinstance(error, FatalError)
    assert f"{TOPIC} has unread records, but the consumer has received none for 121 s" in str(error)


async def test_a_group_that_takes_no_commit_ends_the_worker_while_kafka_answers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    place = Place()
    monkeypatch.setattr(BatchSource, "commit_overdue_for", STALL_LIMIT + 1)
    await place.role.stall_watch.end_if_stalled()
    assert not place.app.errors  # Kafka is unavailable: it would not help
    place.health.meet(Condition.BROKER_REACHED)
    await place.role.stall_watch.end_if_stalled()
    [error] = place.app.errors
    assert "accepted no commit for 121 s" in str(error)


@pytest.mark.parametrize(("stopped_at", "is_alive"), [({}, False), ({AT: 7}, True)])
async def test_a_partition_that_stopped_at_an_unreadable_record_causes_no_restart(
    monkeypatch: pytest.MonkeyPatch, stopped_at: dict[TopicPartition, int], is_alive: bool
) -> None:
    place = Place()
    place.health.meet(Condition.BROKER_REACHED)
    place.role.source.assignment.start(AT)
    monkeypatch.setattr(BatchSource, "stopped_at", stopped_at)
    behind = [PartitionLag(AT.topic, AT.partition, records=5, seconds=1.0)]
    watch = StallWatch(place.role.source, lambda: behind, list, place.health, place.app.crash)
    for time in (0.0, STALL_LIMIT + 1):
        watch.show_progress(time)
        place.health.heartbeat(time)
    assert place.health.alive(STALL_LIMIT + 1)[0] is is_alive


async def test_a_partition_that_waits_for_a_schema_causes_no_restart() -> None:
    place = Place()
    place.health.meet(Condition.BROKER_REACHED)
    source = place.role.source
    source.assignment.start(AT)
    behind = [PartitionLag(AT.topic, AT.partition, records=5, seconds=1.0)]
    watch = StallWatch(source, lambda: behind, list, place.health, place.app.crash)
    source.hold(AT)
    for time in (0.0, STALL_LIMIT + 1):
        watch.show_progress(time)
        place.health.heartbeat(time)
    assert place.health.alive(STALL_LIMIT + 1)[0]
    source.held.discard(AT)
    later = 2 * STALL_LIMIT + 2
    watch.show_progress(later)
    place.health.heartbeat(later)
    assert not place.health.alive(later)[0]
