"""Requests of a lag reading: no more than it needs, and a missing right is an error."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import TopicAuthorizationFailedError

from stream.kafka.access import Operation
from stream.lag.log_view import Bounds, KafkaLogView
from testing.fake_consumer import FakeConsumer
from testing.fake_kafka import TOPIC, FakeKafka
from testing.fake_raw_reader import FakeRawReader

DESCRIBE = 1 << Operation.DESCRIBE


def described(topic: str, partitions: int, error: int = 0, operations: int = DESCRIBE) -> Any:
    return {
        "topic": topic,
        "error_code": error,
        "partitions": [{"replicas": [1], "isr": [1]}] * partitions,
        "authorized_operations": operations,
    }


class FakeClient:
    """A client that describes topics."""

    def __init__(self, *topics: Any) -> None:
        self.topics = topics
        self.asked = 0

    def get_random_node(self) -> int:
        return 1

    async def send(self, node: int, request: Any) -> Any:
        self.asked += 1
        return SimpleNamespace(to_object=lambda: {"topics": self.topics})


def view(client: FakeClient, kafka: FakeKafka | None = None) -> KafkaLogView:
    kafka = kafka or FakeKafka()
    made: Any = client
    consumer: Any = FakeConsumer(kafka)
    return KafkaLogView(made, consumer, FakeRawReader(kafka))


async def test_partitions_are_those_of_existing_topics_by_topic_and_number() -> None:
    missing = described("gone", 0, error=3)
    found = await view(FakeClient(described("b", 2), missing, described("a", 1))).partitions(
        ["b", "gone", "a"]
    )
    assert found == [("a", 0), ("b", 0), ("b", 1)]


async def test_a_topic_that_this_user_may_not_describe_is_an_error_and_not_missing() -> None:
    client = FakeClient(described("a", 1), described("hidden", 0, error=29))
    with pytest.raises(TopicAuthorizationFailedError, match="hidden"):
        await view(client).partitions(["a", "hidden"])


async def test_nothing_is_asked_about_no_topic_and_no_partition() -> None:
    client = FakeClient()
    assert await view(client).partitions([]) == []
    assert await view(client).bounds([]) == {}
    assert client.asked == 0


async def test_bounds_are_the_start_and_the_end_of_each_log() -> None:
    kafka = FakeKafka(2)
    kafka[0].append(9)
    kafka[0].remove_below(4)
    first, second = (TopicPartition(TOPIC, number) for number in (0, 1))
    found = await view(FakeClient(), kafka).bounds([first, second])
    assert found == {first: Bounds(4, 9), second: Bounds(0, 0)}
