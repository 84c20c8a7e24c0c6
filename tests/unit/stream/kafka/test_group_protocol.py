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
from stream.kafka.shared_settings import OtherDeliveryError, Shared, shared_settings
from stream.settings import load_settings

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


SHARED = shared_settings(load_settings())
OTHERS = {**SHARED, "delivery": "exactly_once"}


def join(leader: Shared, *others: Shared | None) -> list[ConsumerProtocolMemberAssignment]:
    """Return what the leader assigns to itself and to others; None is an earlier version."""
    told = [
        ConsumerProtocolMemberMetadata(0, ["leads"], b"")
        if shared is None
        else assignors("own", shared)[0].metadata(["leads"])
        for shared in (leader, *others)
    ]
    given = assignors("own", leader)[0].assign(CLUSTER, dict(zip("abcd", told, strict=False)))
    return [given[name] for name in sorted(given)]


def take(shared: Shared, assignment: ConsumerProtocolMemberAssignment) -> None:
    """Take an assignment as a worker with these settings does."""
    assignors("own", shared)[0].on_assignment(assignment)


def test_workers_with_the_same_settings_take_their_assignments() -> None:
    for assignment in join(SHARED, SHARED, SHARED):
        take(SHARED, assignment)


def test_a_worker_that_delivers_in_another_way_is_refused_and_the_others_are_not() -> None:
    first, other, third = join(SHARED, OTHERS, SHARED)
    take(SHARED, first)
    take(SHARED, third)
    with pytest.raises(OtherDeliveryError) as failure:
        take(OTHERS, other)
    sentence = failure.value.args[0]
    assert "LEADSCORE_DELIVERY was expected to be 'at_least_once'" in sentence
    assert "it is 'exactly_once'" in sentence


def test_a_worker_in_the_minority_is_refused_also_where_it_leads() -> None:
    leader, second, third = join(OTHERS, SHARED, SHARED)
    with pytest.raises(OtherDeliveryError):
        take(OTHERS, leader)
    take(SHARED, second)
    take(SHARED, third)


def test_of_two_the_one_that_leads_stays() -> None:
    leader, second = join(OTHERS, SHARED)
    take(OTHERS, leader)
    with pytest.raises(OtherDeliveryError):
        take(SHARED, second)


def test_a_worker_of_an_earlier_version_gets_what_it_knows_and_is_not_compared() -> None:
    leader, earlier = join(SHARED, None)
    take(SHARED, leader)
    assert earlier.user_data == b"leadscore"
    take(OTHERS, earlier)  # of a leader of an earlier version


def test_a_refusal_is_told_at_once() -> None:
    """aiokafka keeps the error for the next poll, and a source without start offsets never polls:
    the worker was alive and read nothing."""
    refusals: list[object] = []
    member = assignors("own", OTHERS, refusals.append)[0]
    _, other = join(SHARED, OTHERS)
    for assignment in (other, ConsumerProtocolMemberAssignment(0, [], b"")):
        with pytest.raises(InconsistentGroupProtocolError) as failure:
            member.on_assignment(assignment)
        assert refusals.pop() is failure.value


def test_other_settings_that_differ_are_told_and_the_worker_goes_on(
    caplog: pytest.LogCaptureFixture,
) -> None:
    differs = {**SHARED, "drift_window_seconds": 60.0}
    _, other = join(SHARED, differs)
    take(differs, other)
    [warning] = caplog.messages
    assert "LEADSCORE_DRIFT_WINDOW_SECONDS was expected to be 300.0" in warning
    assert "it is 60.0" in warning


@pytest.mark.parametrize("told", [b"leadscore[", b"leadscore7", b'leadscore{"delivery": []}'])
def test_user_data_that_no_worker_writes_do_no_harm(told: bytes) -> None:
    if b"[]" in told:
        with pytest.raises(OtherDeliveryError):
            take(SHARED, ConsumerProtocolMemberAssignment(0, [], told))
    else:
        take(SHARED, ConsumerProtocolMemberAssignment(0, [], told))


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
        """Is told that the answer was no."""

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
