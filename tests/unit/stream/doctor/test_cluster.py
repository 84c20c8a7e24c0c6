"""Answers of the cluster: asked once and kept, whichever checks ask."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka.errors import GroupAuthorizationFailedError, GroupCoordinatorNotAvailableError

from stream.doctor import cluster as module
from stream.doctor.cluster import CONFIGS, KafkaCluster, Oldest
from stream.kafka.group_requests import DescribedGroup
from stream.kafka.topic_catalog import TOPICS
from stream.settings import Settings
from testing.fake_kafka import TOPIC, FakeKafka
from testing.fake_raw_reader import FakeRawReader
from testing.jumping_time import in_jumping_time
from tests.unit.stream.lag.fake_log_view import FakeLogView

SETTINGS = Settings(topic_prefix="staging.")
LEADS = "staging.leads.created"


class FakeClient:
    """A client of a cluster of two brokers that has the leads' topic, and no other."""

    def __init__(self) -> None:
        self.asked: list[Sequence[str]] = []
        hosts = [SimpleNamespace(host=name, port=9092) for name in ("a", "b")]
        self.cluster = SimpleNamespace(brokers=lambda: hosts)

    def get_random_node(self) -> int:
        return 1

    async def send(self, node: int, request: Any) -> Any:
        self.asked.append(request._topics)
        await asyncio.sleep(0)
        partitions = [{"replicas": [1], "isr": [1]}]
        topics = [
            {"topic": name, "error_code": 0 if name == LEADS else 3, "partitions": found}
            for name in request._topics
            for found in [partitions if name == LEADS else []]
        ]
        return SimpleNamespace(to_object=lambda: {"topics": topics})


def cluster_of(client: FakeClient) -> KafkaCluster:
    made: Any = client
    return KafkaCluster(SETTINGS, made)


async def test_brokers_have_a_host_and_a_port() -> None:
    assert [*await cluster_of(FakeClient()).brokers()] == ["a:9092", "b:9092"]


async def test_topics_have_the_names_of_the_settings_and_are_asked_for_once() -> None:
    client = FakeClient()
    cluster = cluster_of(client)
    first, second = await asyncio.gather(cluster.topics(), cluster.topics())
    assert first == second
    assert first[LEADS].partitions == 1
    assert set(first) == {topic.name(SETTINGS) for topic in TOPICS}
    assert len(client.asked) == 1


async def test_configs_are_asked_for_once_and_only_of_topics_that_exist(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: list[tuple[Collection[str], Collection[str]]] = []

    async def read(
        connection: Mapping[str, Any], topics: Collection[str], names: Collection[str]
    ) -> dict[str, dict[str, str]]:
        asked.append(([*topics], names))
        return {topic: {"retention.ms": "1"} for topic in topics}

    monkeypatch.setattr(module, "read_topic_configs", read)
    cluster = cluster_of(FakeClient())
    assert await cluster.configs() == await cluster.configs() == {LEADS: {"retention.ms": "1"}}
    assert asked == [([LEADS], CONFIGS)]


@in_jumping_time
async def test_a_coordinator_that_a_new_cluster_does_not_have_yet_is_waited_for() -> None:
    answers: list[Any] = [GroupCoordinatorNotAvailableError()] * 3
    described = DescribedGroup("Empty", "", ())

    async def describe(client: Any, name: str) -> DescribedGroup:
        assert name == "g"
        if answers:
            raise answers.pop()
        return described

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "describe_group", describe)
        assert await cluster_of(FakeClient()).group("g") == described
    assert answers == []


@in_jumping_time
async def test_a_group_that_this_user_may_not_describe_is_an_error_at_once() -> None:
    async def refuse(client: Any, name: str) -> DescribedGroup:
        raise GroupAuthorizationFailedError(name)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "describe_group", refuse)
        with pytest.raises(GroupAuthorizationFailedError):
            await cluster_of(FakeClient()).group("g")


@in_jumping_time
async def test_the_oldest_record_of_each_partition_is_the_first_that_is_left() -> None:
    kafka = FakeKafka(2)
    for timestamp in (1000, 2000, 3000):
        kafka[0].append(timestamp=timestamp)
    kafka[0].remove_below(1)

    @asynccontextmanager
    async def open_view(connection: Any, isolation_level: str) -> AsyncIterator[FakeLogView]:
        assert isolation_level == SETTINGS.isolation_level, "those that workers see"
        yield FakeLogView(kafka, FakeRawReader(kafka))

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(module, "open_log_view", open_view)
        found = await cluster_of(FakeClient()).oldest(TOPIC)
    assert found == [Oldest(0, 2000), Oldest(1, None)]
