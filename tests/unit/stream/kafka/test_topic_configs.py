"""Configs of topics: those that were asked for, of the topics that this user may describe."""

from __future__ import annotations

from collections import deque
from typing import Any, ClassVar

import pytest
from aiokafka.errors import KafkaConnectionError
from aiokafka.protocol.admin import DescribeConfigsResponse_v1

from stream.kafka import topic_configs
from stream.kafka.topic_configs import read_topic_configs

TOPIC, TOPIC_AUTHORIZATION_FAILED = 2, 29


class FakeAdmin:
    """An admin client whose answers are scripted."""

    answers: ClassVar[deque[Any]] = deque()
    asked: ClassVar[list[Any]] = []
    are_open = 0

    def __init__(self, **options: Any) -> None:
        assert options == {"bootstrap_servers": "here:1"}

    async def start(self) -> None:
        FakeAdmin.are_open += 1

    async def close(self) -> None:
        FakeAdmin.are_open -= 1

    async def describe_configs(self, resources: list[Any]) -> list[Any]:
        FakeAdmin.asked.append([(one.name, dict(one.configs)) for one in resources])
        answer = self.answers.popleft()
        if isinstance(answer, Exception):
            raise answer
        return [type(answer).decode(answer.encode())]


@pytest.fixture
def admin(monkeypatch: pytest.MonkeyPatch) -> type[FakeAdmin]:
    monkeypatch.setattr(topic_configs, "AIOKafkaAdminClient", FakeAdmin)
    FakeAdmin.answers.clear()
    FakeAdmin.asked.clear()
    FakeAdmin.are_open = 0
    return FakeAdmin


def resource(topic: str, *entries: tuple[str, str], error: int = 0) -> Any:
    return (error, None, TOPIC, topic, [(*entry, False, 5, False, []) for entry in entries])


async def read(*topics: str) -> dict[str, dict[str, str]]:
    return await read_topic_configs(
        {"bootstrap_servers": "here:1"}, topics, ("retention.ms", "cleanup.policy")
    )


async def test_the_configs_are_by_topic_and_name(admin: type[FakeAdmin]) -> None:
    first = resource("a", ("retention.ms", "-1"), ("cleanup.policy", "compact"))
    admin.answers.append(DescribeConfigsResponse_v1(0, [first, resource("b")]))
    found = await read("a", "b")
    assert found == {"a": {"retention.ms": "-1", "cleanup.policy": "compact"}, "b": {}}
    names = {"retention.ms": None, "cleanup.policy": None}
    assert admin.asked == [[("a", names), ("b", names)]]
    assert admin.are_open == 0


async def test_configs_that_nobody_asked_for_are_left_out(admin: type[FakeAdmin]) -> None:
    more = resource("a", ("retention.ms", "5"), ("segment.ms", "1"))
    admin.answers.append(DescribeConfigsResponse_v1(0, [more]))
    assert await read("a") == {"a": {"retention.ms": "5"}}


async def test_a_topic_that_this_user_may_not_describe_is_missing(admin: type[FakeAdmin]) -> None:
    hidden = resource("b", error=TOPIC_AUTHORIZATION_FAILED)
    admin.answers.append(DescribeConfigsResponse_v1(0, [resource("a"), hidden]))
    assert (await read("a", "b")).keys() == {"a"}


async def test_without_topics_nothing_is_asked(admin: type[FakeAdmin]) -> None:
    assert await read() == {}
    assert admin.asked == []


async def test_the_client_is_closed_when_kafka_does_not_answer(admin: type[FakeAdmin]) -> None:
    admin.answers.append(KafkaConnectionError("away"))
    with pytest.raises(KafkaConnectionError):
        await read("a")
    assert admin.are_open == 0
