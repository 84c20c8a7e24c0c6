"""Agents hand over what they read; what follows an assignment follows Faust's signals."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from stream.consume.batch_channel import BatchChannel
from stream.roles.faust_agents import (
    follow_assignment,
    owns,
    raw_topic,
    read_batches,
    read_events,
)
from tests.unit.stream.roles.role_app import role_app

pytestmark = pytest.mark.usefixtures("current_loop")


class FakeStream:
    """Events that are not acknowledged by being read."""

    def __init__(self, *events: Any) -> None:
        self._events = events
        self.acknowledges = True

    def noack(self) -> FakeStream:
        self.acknowledges = False
        return self

    async def events(self) -> Any:
        for event in self._events:
            yield event

    async def __aiter__(self) -> Any:
        for event in self._events:
            yield event


async def test_each_poll_of_the_source_is_accepted_in_order() -> None:
    app, accepted = role_app("score"), []

    async def accept(batches: Any) -> None:
        accepted.append(batches)

    source: Any = SimpleNamespace(channel=BatchChannel(app))
    read_batches(app, source, accept, name="score")
    [agent] = app.agents.values()
    await agent.fun(FakeStream(["a"], ["b", "c"]))
    assert accepted == [["a"], ["b", "c"]]
    assert agent.channel is source.channel


async def test_an_event_is_acknowledged_by_who_accepts_it() -> None:
    app, accepted = role_app("drift"), []

    async def accept(event: Any) -> None:
        accepted.append(event)

    read_events(app, raw_topic(app, "counts"), accept, name="drift")
    [agent] = app.agents.values()
    stream = FakeStream("event")
    await agent.fun(stream)
    assert accepted == ["event"]
    assert not stream.acknowledges


async def test_a_raw_topic_decodes_nothing() -> None:
    topic = raw_topic(role_app("drift"), "counts")
    assert topic.get_topic_name() == "counts"
    assert (topic.key_serializer, topic.value_serializer) == ("raw", "raw")
    assert topic.allow_empty


async def test_faust_reports_lost_partitions_and_the_end_of_a_rebalance() -> None:
    app, seen = role_app("drift"), []
    follow_assignment(
        app, revoked=lambda: seen.append("revoked"), assigned=lambda: seen.append("assigned")
    )
    await app.on_partitions_revoked.send(set())
    await app.on_rebalance_complete.send()
    assert seen == ["revoked", "assigned"]


@pytest.mark.parametrize(("topic", "expected"), [("changes", True), ("requests", False)])
def test_a_topic_is_owned_if_one_of_its_partitions_is_assigned(topic: str, expected: bool) -> None:
    app: Any = SimpleNamespace(
        consumer=SimpleNamespace(assignment=lambda: {TopicPartition("changes", 0)})
    )
    assert owns(app, topic) is expected
