"""The topic of plans: the latest record of each retraining, and errors as sentences."""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from schemas.errors import FatalError, InputError, StartupError
from stream.kafka import keyed_log
from stream.kafka.lenient_polls import all_readable
from stream.retraining.plan import RetrainAccount
from stream.retraining.plan_log import RetrainLog
from stream.settings import load_settings
from tests.unit.stream.retraining.records import plan

TOPIC = "leads.retrains"


class Stored(NamedTuple):
    topic: str
    key: bytes
    value: bytes


@dataclass
class FakeTopics:
    """Both topics, as a reader and as a producer."""

    stored: list[Stored] = field(default_factory=list)
    counts: dict[str, int] = field(default_factory=lambda: {TOPIC: 1})
    refusal: Exception | None = None
    options: dict[str, Any] = field(default_factory=dict)

    async def partition_counts(self, *_: object) -> dict[str, int]:
        return self.counts

    async def end_offset(self, at: TopicPartition) -> int:
        if self.refusal:
            raise self.refusal
        return len([record for record in self.stored if record.topic == at.topic])

    async def read(
        self, at: TopicPartition, start: int, stop: int, *, take: object
    ) -> AsyncIterator[list[Stored]]:
        assert take is all_readable, "a plan that is left out would run again"
        yield [record for record in self.stored if record.topic == at.topic][start:stop]

    def open(self, **options: Any) -> FakeTopics:
        self.options = options
        return self

    async def start(self) -> None:
        if self.refusal:
            raise self.refusal

    async def stop(self) -> None:
        """Nothing is open."""

    async def send_and_wait(self, topic: str, value: bytes, key: bytes, *, partition: int) -> None:
        assert partition == 0
        self.stored.append(Stored(topic, key, value))


@pytest.fixture
def topics(monkeypatch: pytest.MonkeyPatch) -> FakeTopics:
    topics = FakeTopics()
    monkeypatch.setattr(keyed_log, "LogReader", lambda connection, level: topics)
    monkeypatch.setattr(keyed_log, "AIOKafkaProducer", topics.open)
    monkeypatch.setattr(keyed_log, "partition_counts", topics.partition_counts)
    return topics


async def test_the_end_replaces_the_plan(topics: FakeTopics) -> None:
    log = RetrainLog(load_settings())
    await log.write(plan("r1"))
    await log.write(plan("r2"))
    await log.write(plan("r1"), RetrainAccount(outcome="passed", sentence="better"))
    found = await log.records()
    assert {name: record.state for name, record in found.items()} == {
        "r1": "ended",
        "r2": "planned",
    }
    assert topics.options["acks"] == "all"


async def test_a_request_goes_to_its_own_topic(topics: FakeTopics) -> None:
    await RetrainLog(load_settings()).request("r1", b"value")
    assert topics.stored == [Stored("leads.retrain", b"r1", b"value")]


async def test_without_records_there_are_none(topics: FakeTopics) -> None:
    assert await RetrainLog(load_settings()).records() == {}


async def test_an_unknown_id_is_refused_with_the_last_ones(topics: FakeTopics) -> None:
    log = RetrainLog(load_settings())
    await log.write(plan("r1"))
    assert (await log.find("r1")).plan.id == "r1"
    with pytest.raises(InputError, match="the last ones are: r1"):
        await log.find("r9")


async def test_a_record_of_a_later_version_is_an_error(topics: FakeTopics) -> None:
    topics.stored.append(Stored(TOPIC, b"r1", b'{"format": 2}'))
    with pytest.raises(StartupError, match="the version of LeadScore that wrote it"):
        await RetrainLog(load_settings()).records()


async def test_a_missing_topic_is_an_error_with_the_command(topics: FakeTopics) -> None:
    topics.counts = {}
    with pytest.raises(StartupError, match="leadscore topics create"):
        await RetrainLog(load_settings()).records()


async def test_kafka_that_does_not_answer_is_an_error(topics: FakeTopics) -> None:
    topics.refusal = KafkaConnectionError("gone")
    with pytest.raises(FatalError, match=r"expected to read leads\.retrains"):
        await RetrainLog(load_settings()).records()
    with pytest.raises(FatalError, match="to take the record of retraining r1"):
        await RetrainLog(load_settings()).write(plan("r1"))
