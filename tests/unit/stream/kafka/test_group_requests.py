"""Commits and members of a group: an error of an answer is never mistaken for "none"."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.client import CoordinationType
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    GroupLoadInProgressError,
    UnknownTopicOrPartitionError,
)
from aiokafka.protocol.admin import DescribeGroupsRequest_v1, DescribeGroupsResponse_v1
from aiokafka.protocol.commit import (
    OffsetFetchRequest_v1,
    OffsetFetchRequest_v3,
    OffsetFetchResponse_v1,
    OffsetFetchResponse_v3,
)

from stream.kafka.group_requests import GroupMember, describe_group, read_commits

LOADING = GroupLoadInProgressError.errno
FORBIDDEN = GroupAuthorizationFailedError.errno


class FakeCoordinator:
    """A client with one coordinator, which gives one answer as a broker encodes it."""

    def __init__(self, answer: Any, request: type = OffsetFetchRequest_v3) -> None:
        self.answer = type(answer).decode(answer.encode())
        self.version = request
        self.sent: list[Any] = []

    async def coordinator_lookup(self, kind: CoordinationType, group: str) -> int:
        assert (kind, group) == (CoordinationType.GROUP, "crm")
        return 7

    async def send(self, node: int, request: Any) -> Any:
        assert node == 7, "only the group's coordinator knows it"
        self.sent.append(request.build(self.version))
        return self.answer


def commits(*topics: Any, error: int = 0) -> FakeCoordinator:
    return FakeCoordinator(OffsetFetchResponse_v3(0, list(topics), error))


async def test_all_commits_of_a_group_are_read_in_one_request() -> None:
    client = commits(("a", [(0, 5, "", 0), (2, 7, "by whom", 0)]), ("b", [(0, 0, "", 0)]))
    found = await read_commits(client, "crm")
    assert found == {("a", 0): 5, ("a", 2): 7, ("b", 0): 0}
    [request] = client.sent
    assert request.encode() == OffsetFetchRequest_v3("crm", None).encode()


async def test_only_the_given_partitions_are_asked_about() -> None:
    client = commits(("a", [(0, 5, "", 0), (1, 6, "", 0)]))
    asked = [TopicPartition("a", 0), TopicPartition("b", 3), TopicPartition("a", 1)]
    await read_commits(client, "crm", asked)
    [request] = client.sent
    assert request.encode() == OffsetFetchRequest_v3("crm", [("a", [0, 1]), ("b", [3])]).encode()


async def test_a_partition_without_a_commit_is_left_out() -> None:
    client = commits(("a", [(0, -1, "", 0), (1, 0, "", 0)]))
    assert await read_commits(client, "crm") == {("a", 1): 0}


async def test_a_coordinator_that_is_loading_the_group_is_no_group_without_commits() -> None:
    with pytest.raises(GroupLoadInProgressError, match="crm"):
        await read_commits(commits(error=LOADING), "crm")


async def test_an_error_of_one_partition_is_raised_with_its_name() -> None:
    client = commits(("a", [(0, 5, "", 0), (4, -1, "", UnknownTopicOrPartitionError.errno)]))
    with pytest.raises(UnknownTopicOrPartitionError, match="a-4"):
        await read_commits(client, "crm")


async def test_an_old_brokers_answer_has_no_error_of_its_own() -> None:
    answer = OffsetFetchResponse_v1([("a", [(0, 5, "", 0)])])
    client = FakeCoordinator(answer, OffsetFetchRequest_v1)
    assert await read_commits(client, "crm", [TopicPartition("a", 0)]) == {("a", 0): 5}


def subscription(user_data: bytes) -> bytes:
    return bytes(ConsumerProtocolMemberMetadata(0, ["leads"], user_data).encode())


def group(*members: Any, state: str = "Stable", error: int = 0) -> FakeCoordinator:
    described = (error, "crm", state, "consumer", "leadscore", list(members))
    return FakeCoordinator(DescribeGroupsResponse_v1(0, [described]), DescribeGroupsRequest_v1)


async def test_a_group_is_described_with_its_members_and_their_user_data() -> None:
    found = await describe_group(
        group(("id-1", "worker-1", "/10.0.0.1", subscription(b"settings"), b"")), "crm"
    )
    assert (found.state, found.protocol) == ("Stable", "leadscore")
    assert found.members == (GroupMember("worker-1", "/10.0.0.1", b"settings"),)


@pytest.mark.parametrize(
    "metadata", [b"", b"\0", b"no subscription at all"], ids=["empty", "cut", "other bytes"]
)
async def test_a_member_that_is_no_consumer_has_no_user_data(metadata: bytes) -> None:
    [member] = (await describe_group(group(("id", "tool", "/h", metadata, b"")), "crm")).members
    assert member == GroupMember("tool", "/h", b"")


async def test_a_group_that_is_not_there_is_dead_and_without_members() -> None:
    found = await describe_group(group(state="Dead"), "crm")
    assert (found.state, found.members) == ("Dead", ())


async def test_a_group_that_this_user_may_not_describe_is_an_error() -> None:
    with pytest.raises(GroupAuthorizationFailedError, match="crm"):
        await describe_group(group(error=FORBIDDEN, state=""), "crm")
