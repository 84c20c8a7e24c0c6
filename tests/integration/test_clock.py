"""Wrong clocks on real Kafka: its own time, and what workers write in spite of theirs."""

from __future__ import annotations

import time
from typing import Any

import pytest

from stream.broker import Broker
from stream.kafka.broker_clock import clock_reader
from stream.simulator.playing import Lead
from testing.kafka_client import TopicFactory, until
from tests.conftest import StageSetter
from tests.integration.worker_process import Stage
from tests.integration.wrong_clock import worker_with_clock


async def test_kafkas_clock_is_read(kafka: Broker) -> None:
    """Fails where aiokafka's private parts, or Kafka's answer, are no longer what is read."""
    kafka_time = await clock_reader({"bootstrap_servers": kafka.bootstrap})()
    assert kafka_time is not None
    assert abs(kafka_time - time.time()) < 5


async def test_the_clock_is_unknown_without_an_answer() -> None:
    assert await clock_reader({"bootstrap_servers": "127.0.0.1:1"})() is None


@pytest.mark.parametrize(
    ("delivery", "seconds"),
    [
        ("at_least_once", -7200),
        pytest.param("exactly_once", 7200, marks=pytest.mark.long),
    ],
)
async def test_a_worker_whose_clock_is_two_hours_wrong_scores_by_kafkas_time(
    kafka: Broker,
    topics: TopicFactory,
    set_stage: StageSetter,
    contacts: list[Lead],
    bank_model: object,
    delivery: str,
    seconds: int,
) -> None:
    stage: Stage = set_stage(
        kafka.bootstrap, LEADSCORE_TOPIC_PREFIX=topics.prefix, LEADSCORE_DELIVERY=delivery
    )
    await stage.create_topics()
    worker = stage.begin(worker_with_clock(seconds))
    await worker.ready()
    played = await stage.play(contacts[:200])
    await stage.until_committed(played)
    stamps = [record.timestamp / 1000 for record in await stage.scored_records()]
    assert len(stamps) >= 190
    assert all(abs(stamp - time.time()) < 60 for stamp in stamps)
    word = "ahead of" if seconds > 0 else "behind"
    await until(
        lambda: worker.has_logged(f"this machine's clock is 7200 s {word} Kafka's clock"),
        what="that line in its log",
    )


@pytest.mark.long
async def test_a_drift_worker_whose_clock_is_two_hours_ahead_writes_its_table_by_kafkas_time(
    kafka: Broker,
    topics: TopicFactory,
    set_stage: StageSetter,
    contacts: list[Lead],
    bank_model: object,
) -> None:
    stage = set_stage(kafka.bootstrap, LEADSCORE_TOPIC_PREFIX=topics.prefix, LEADSCORE_ROLE="all")
    await stage.create_topics()
    worker = stage.begin(worker_with_clock(7200))
    await worker.ready()
    await stage.play(contacts[:200])
    changelog = f"{stage.settings.group_id}-drift_windows-changelog"
    found: list[Any] = []

    async def is_written() -> bool:
        assert worker.is_running
        found[:] = await stage.records(changelog)
        return bool(found)

    await until(is_written, within=120, what="windows in the changelog")
    assert all(abs(record.timestamp / 1000 - time.time()) < 60 for record in found)
