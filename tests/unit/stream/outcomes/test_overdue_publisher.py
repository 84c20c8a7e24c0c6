"""Leads that are overdue are sent once, whoever is killed meanwhile."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError, TopicAuthorizationFailedError

from agents.outcomes.arrivals import ScoredLead
from agents.outcomes.overdue_event import read_overdue
from schemas.errors import FatalError
from schemas.model_identity import ModelIdentity
from stream.outcomes import overdue_publisher as module
from stream.outcomes.overdue_publisher import OverduePublisher, OverdueService
from stream.outcomes.partitions import OutcomePartitions
from testing.fake_app import FakeApp
from testing.kafka_client import until
from tests.unit.stream.outcomes.outcome_stage import SCORED, OutcomeStage

MODEL = ModelIdentity("leads", "3", "ab" * 32)
MINUTE = 60_000
AT = 1_760_000_000_000
TIMERS = {"hot_minutes": 1.0, "overdue_late_hours": 1.0}


class FakeTopic:
    """The topic of events: sent to, and read from its start."""

    def __init__(self) -> None:
        self.values: list[bytes | None] = []
        self.reads = 0
        self.dies = False

    async def send(self, topic: str, partition: int, rows: Any) -> tuple[()]:
        assert (topic, partition) == ("leads.overdue", 0)
        self.values += [value for _, value, _ in rows]
        if self.dies:
            raise FatalError("killed after the delivery")
        return ()

    async def bounds(self, at: TopicPartition) -> tuple[int, int]:
        self.reads += 1
        return 0, len(self.values)

    async def read(self, at: TopicPartition, start: int, stop: int) -> AsyncIterator[Sequence[Any]]:
        yield [SimpleNamespace(value=value) for value in self.values[start:stop]]

    @property
    def events(self) -> list[str]:
        return [str(read_overdue(value)["event_id"]) for value in self.values if value]


class FakeClock:
    def __init__(self, until: int | None) -> None:
        self.until = until

    async def read_until(self, partition: int) -> int | None:
        return self.until

    def now(self, partition: int) -> float:
        return self.until or 0


def publisher_of(
    stage: OutcomeStage, partitions: OutcomePartitions, topic: Any, clock: FakeClock
) -> OverduePublisher:
    return OverduePublisher(
        *(partitions, clock, topic, "leads.overdue"),
        reader=topic,
        late_ms=60 * MINUTE,
        metrics=stage.metrics,
    )


async def opened(stage: OutcomeStage, scores: int = 2) -> OutcomePartitions:
    partitions = stage.partitions(**TIMERS)
    await partitions.start_of(SCORED, None)
    rows = [ScoredLead(b"L-%d" % n, AT, n, 0.9, "High", MODEL, created=AT) for n in range(scores)]
    partitions.joins[0].add_scores(0, rows, 0, scores)
    return partitions


def counted(stage: OutcomeStage, result: str) -> float | None:
    return stage.value("leadscore_overdue_leads_total", timer="hot", result=result)


async def test_a_lead_that_is_overdue_is_sent_once_when_the_logs_are_read_so_far(
    tmp_path: Path,
) -> None:
    stage, topic, clock = OutcomeStage(tmp_path), FakeTopic(), FakeClock(None)
    publisher = publisher_of(stage, await opened(stage), topic, clock)
    for time in (None, AT + MINUTE - 1, AT + MINUTE, AT + 2 * MINUTE):
        clock.until = time
        await publisher.publish()
        assert len(topic.events) == (2 if time and time >= AT + MINUTE else 0)
    assert topic.events == [f"hot-0-{n}-{AT}" for n in range(2)]
    assert (counted(stage, "published"), topic.reads) == (2, 1)


async def test_an_event_that_was_sent_before_a_kill_is_not_sent_again(tmp_path: Path) -> None:
    stage, topic, clock = OutcomeStage(tmp_path), FakeTopic(), FakeClock(AT + MINUTE)
    partitions = await opened(stage)
    topic.values.append(None)  # a tombstone
    topic.dies = True
    with pytest.raises(FatalError):
        await publisher_of(stage, partitions, topic, clock).publish()
    await partitions.stop()
    topic.dies = False
    again = stage.partitions(**TIMERS)
    await again.start_of(SCORED, None)
    for _ in range(2):
        await publisher_of(stage, again, topic, clock).publish()
    assert len(topic.events) == len(set(topic.events)) == 2


async def test_a_lead_that_is_overdue_for_long_is_not_worth_an_event(tmp_path: Path) -> None:
    stage, topic, clock = OutcomeStage(tmp_path), FakeTopic(), FakeClock(AT + 62 * MINUTE)
    await publisher_of(stage, await opened(stage), topic, clock).publish()
    assert topic.events == []
    assert counted(stage, "too_late") == 2


async def test_a_partition_that_is_revoked_meanwhile_keeps_what_it_has(tmp_path: Path) -> None:
    stage, topic, clock = OutcomeStage(tmp_path), FakeTopic(), FakeClock(AT + MINUTE)
    partitions = await opened(stage)
    publisher = publisher_of(stage, partitions, topic, clock)
    join = partitions.joins[0]
    send = topic.send

    async def revoked(topic: str, partition: int, rows: Any) -> tuple[()]:
        del partitions.joins[0]
        return await send(topic, partition, rows)

    topic.send = revoked  # type: ignore[method-assign]
    await publisher.publish()
    assert join.timers is not None
    assert len(join.timers.overdue(10)) == 2
    partitions.joins[0] = join
    topic.send = send  # type: ignore[method-assign]
    publisher.assigned()  # it was ours again: the topic has what was sent
    await publisher.publish()
    assert len(topic.events) == 2


async def test_without_timers_nothing_is_sent(tmp_path: Path) -> None:
    stage, topic = OutcomeStage(tmp_path), FakeTopic()
    partitions = stage.partitions()
    await partitions.start_of(SCORED, None)
    await publisher_of(stage, partitions, topic, FakeClock(AT)).publish()
    assert partitions.joins[0].timers is None
    assert topic.reads == 0


async def test_an_outage_of_kafka_is_waited_for_and_a_missing_right_ends_the_worker(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(module, "LOOK_SECONDS", 0.001)
    app, looks = FakeApp(), 0

    async def publish() -> None:
        nonlocal looks
        looks += 1
        if looks == 1:
            raise KafkaConnectionError
        if looks == 3:
            raise TopicAuthorizationFailedError("leads.overdue")

    service = OverdueService(publish, "leads.overdue", app.crash)
    await service.start()
    await until(lambda: bool(app.errors))
    await service.stop()
    assert looks == 3
    assert "failed: KafkaConnectionError" in caplog.text
    assert isinstance(app.errors[0], FatalError)
