"""The latest record of each key; errors name the topic and the right."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.errors import KafkaConnectionError

from schemas.errors import FatalError, StartupError
from stream.kafka import keyed_log as module
from stream.kafka.access import Use
from stream.kafka.keyed_log import KeyedLog, require_topic
from stream.settings import load_settings
from tests.unit.stream.replay.test_plan_log import FakeTopic, Stored


@pytest.fixture
def topic(monkeypatch: pytest.MonkeyPatch) -> FakeTopic:
    topic = FakeTopic()
    monkeypatch.setattr(module, "LogReader", lambda connection, level: topic)
    monkeypatch.setattr(module, "AIOKafkaProducer", topic.open)
    monkeypatch.setattr(module, "partition_counts", topic.partition_counts)
    return topic


def log() -> KeyedLog:
    return KeyedLog(load_settings(), "leads.replays", Use.REPLAY)


async def test_the_latest_value_of_each_key_counts(topic: FakeTopic) -> None:
    await log().write("a", b"1", "replay")
    await log().write("b", b"2", "replay")
    await log().write("a", b"3", "replay")
    assert await log().latest() == {"a": b"3", "b": b"2"}
    assert topic.are_open == 0


async def test_a_tombstone_removes_its_key(topic: FakeTopic) -> None:
    topic.records += [Stored(b"a", b"1"), Stored(b"b", b"2"), Stored(b"a", None)]
    assert await log().latest() == {"b": b"2"}


async def test_only_later_records_are_followed(topic: FakeTopic) -> None:
    topic.records.append(Stored(b"a", b"1"))
    topic.later.append(Stored(b"a", b"2"))
    found: list[Any] = [record async for records in log().follow() for record in records]
    assert found == [Stored(b"a", b"2")]


async def test_a_write_that_fails_names_the_subject_and_closes_the_producer(
    topic: FakeTopic,
) -> None:
    topic.refusal = KafkaConnectionError("away")
    with pytest.raises(FatalError, match=r"leads.replays to take the record of replay a, but"):
        await log().write("a", b"1", "replay")
    assert topic.are_open == 0


async def test_a_read_that_fails_names_the_topic(topic: FakeTopic) -> None:
    topic.refusal = KafkaConnectionError("away")
    with pytest.raises(FatalError, match=r"to read leads.replays.*may read the topic"):
        await log().latest()


def test_a_topic_that_is_missing_is_named_with_the_command_that_creates_it() -> None:
    require_topic("a", {"a": 1})
    with pytest.raises(StartupError, match=r"the topic b.*leadscore topics create"):
        require_topic("b", {"a": 1})
