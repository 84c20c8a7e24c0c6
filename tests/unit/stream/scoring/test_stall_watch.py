"""A source that stalls."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import TopicPartition

from monitoring.telemetry.health import Condition
from schemas.errors import FatalError
from stream.consume.batch_source import BatchSource
from stream.monitor import STALL_LIMIT
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
    assert not place.app.errors  # Kafka is away: it would not help
    place.health.meet(Condition.BROKER_REACHED)
    await place.role.stall_watch.end_if_stalled()
    [error] = place.app.errors
    assert "accepted no commit for 121 s" in str(error)
