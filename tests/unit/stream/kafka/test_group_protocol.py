"""The group's protocol, and the private part of aiokafka that it relies on."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer
from aiokafka.consumer.group_coordinator import CoordinatorGroupRebalance
from aiokafka.consumer.subscription_state import SubscriptionState
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)
from aiokafka.errors import InconsistentGroupProtocolError

from stream.kafka.group_protocol import GroupConsumer, LeadScoreAssignor, assignors
from stream.kafka.shared_settings import Shared

CLUSTER: Any = SimpleNamespace(partitions_for_topic=lambda topic: {0, 1, 2})
BOTH = assignors("both", {})
MEMBERS = {name: ConsumerProtocolMemberMetadata(0, ["leads"], b"") for name in ("a", "b")}


def test_partitions_are_assigned_as_by_round_robin() -> None:
    ours = LeadScoreAssignor.assign(CLUSTER, MEMBERS)
    stock = RoundRobinPartitionAssignor.assign(CLUSTER, MEMBERS)
    assert {name: given.assignment for name, given in ours.items()} == {
        name: given.assignment for name, given in stock.items()
    }


def test_the_name_is_no_stock_protocol() -> None:
    stock = {"range", "roundrobin", "sticky", "cooperative-sticky", "uniform"}
    assert LeadScoreAssignor.name not in stock
    assert [assignor.name for assignor in assignors("own", {})] == ["leadscore"]
    assert [assignor.name for assignor in BOTH] == ["leadscore", "roundrobin"]


def test_an_assignment_that_the_broker_made_is_refused() -> None:
    LeadScoreAssignor.on_assignment(LeadScoreAssignor.assign(CLUSTER, MEMBERS)["a"])
    for user_data in (b"", None):
        with pytest.raises(InconsistentGroupProtocolError):
            LeadScoreAssignor.on_assignment(ConsumerProtocolMemberAssignment(0, [], user_data))


def join(leader: Shared, *others: Shared | None) -> list[ConsumerProtocolMemberAssignment]:
    """Return what the leader assigns to itself and to others; None is an earlier version."""
    members = [
        ConsumerProtocolMemberMetadata(0, ["leads"], b"")
        if shared is None
        else assignors("own", shared)[0].metadata(["leads"])
        for shared in (leader, *others)
    ]
    given = assignors("own", leader)[0].assign(CLUSTER, dict(zip("abcd", members, strict=False)))
    return [given[name] for name in sorted(given)]


class Joining:
    """A coordinator as aiokafka's consumer has one, that notes each JoinGroup."""

    member_id = ""
    _group_instance_id = None
    _rebalance_timeout_ms = 1000

    def __init__(self) -> None:
        self.joins: list[list[str]] = []

    async def _send_req(self, request: Any) -> Any:
        self.joins.append([name for name, _ in request._group_protocols])
        return SimpleNamespace(error_code=15, member_id="")  # try again

    def coordinator_dead(self) -> None:
        """Notes that the answer was no."""

    async def join(self, protocols: Any) -> list[list[str]]:
        """Join once; returns which protocols each request has listed."""
        subscription = SubscriptionState()
        subscription.subscribe({"leads"})
        await CoordinatorGroupRebalance(
            self, "group", 0, subscription.subscription, protocols, 1000, 1
        ).perform_group_join()
        return self.joins


def test_a_join_lists_both_protocols_at_once() -> None:
    async def join() -> list[list[str]]:
        consumer = GroupConsumer(group_id="group", partition_assignment_strategy=BOTH)
        try:
            consumer._coordinator = coordinator = Joining()
            return await coordinator.join(BOTH)
        finally:
            consumer._coordinator = None
            await consumer._client.close()
            consumer._closed = True

    assert asyncio.run(join()) == [["leadscore", "roundrobin"]]


def test_aiokafka_sends_a_join_for_each_protocol_that_it_adds() -> None:
    """When this fails, GroupConsumer is not needed any more: aiokafka lists all at once."""
    joins = asyncio.run(Joining().join(BOTH))
    assert joins == [["leadscore"], ["leadscore", "roundrobin"]]
    assert "_coordinator" in vars(_unstarted())


def _unstarted() -> AIOKafkaConsumer:
    async def make() -> AIOKafkaConsumer:
        consumer = AIOKafkaConsumer(group_id="group")
        consumer._closed = True
        return consumer

    return asyncio.run(make())
