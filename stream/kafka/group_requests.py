"""Requests about consumer groups that aiokafka's clients answer incompletely.

``AIOKafkaAdminClient.list_consumer_group_offsets`` does not look at the error of an answer as a
whole: a group that is still being loaded, or that this user may not describe, looks like one
without commits.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import NamedTuple

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient, CoordinationType
from aiokafka.coordinator.protocol import ConsumerProtocolMemberMetadata
from aiokafka.errors import NoError, for_code
from aiokafka.protocol.admin import DescribeGroupsRequest
from aiokafka.protocol.commit import OffsetFetchRequest

__all__ = ["DescribedGroup", "GroupMember", "describe_group", "read_commits"]


class GroupMember(NamedTuple):
    """A member of a group."""

    client_id: str
    host: str
    user_data: bytes
    """User data of its subscription; empty for a client that sends none."""


class DescribedGroup(NamedTuple):
    """A group as its coordinator describes it."""

    state: str
    """Kafka's name, such as Stable, Empty or Dead (no such group)."""
    protocol: str
    """Name of the assignor that the group uses; empty without members."""
    members: tuple[GroupMember, ...]


async def read_commits(
    client: AIOKafkaClient, group: str, partitions: Collection[TopicPartition] | None = None
) -> dict[TopicPartition, int]:
    """Read the commits of a group.

    Parameters
    ----------
    client
        Sends the request to the group's coordinator.
    group
        The group.
    partitions
        The partitions; None: all that have a commit.

    Returns
    -------
    dict of TopicPartition to int
        Committed offsets; a partition without a commit is missing.

    Raises
    ------
    KafkaError
        The coordinator does not answer or refuses; it may be loading the group (retriable).
    """
    by_topic: dict[str, list[int]] = {}
    for partition in partitions or ():
        by_topic.setdefault(partition.topic, []).append(partition.partition)
    asked = None if partitions is None else list(by_topic.items())
    coordinator = await client.coordinator_lookup(CoordinationType.GROUP, group)
    answer = await client.send(coordinator, OffsetFetchRequest(group, asked))
    _raise(getattr(answer, "error_code", 0), group)
    found = {}
    for topic, commits in answer.topics:
        for number, offset, _, code in commits:
            _raise(code, f"{topic}-{number}")
            if offset >= 0:
                found[TopicPartition(topic, number)] = int(offset)
    return found


async def describe_group(client: AIOKafkaClient, group: str) -> DescribedGroup:
    """Describe a group and its members.

    Raises
    ------
    KafkaError
        The coordinator does not answer, or this user may not describe the group.
    """
    coordinator = await client.coordinator_lookup(CoordinationType.GROUP, group)
    answer = await client.send(coordinator, DescribeGroupsRequest([group]))
    [described] = answer.groups
    code, _, state, _, protocol, members, *_ = described
    _raise(code, group)
    return DescribedGroup(
        state,
        protocol,
        tuple(GroupMember(name, host, _user_data(data)) for _, name, host, data, _ in members),
    )


def _user_data(metadata: bytes) -> bytes:
    """Return the user data of a subscription; empty if it is no consumer's, or damaged."""
    try:
        return ConsumerProtocolMemberMetadata.decode(metadata).user_data or b""
    except ValueError:
        return b""


def _raise(code: int, what: str) -> None:
    error = for_code(code)
    if error is not NoError:
        raise error(what)
