"""Group protocol: a partition assignor that only LeadScore's members list.

Kafka lets a client join a classic consumer group only if it shares a protocol with the members.
With a stock protocol any client could join, get partitions and commit offsets of leads that it
never scored. A client without LeadScore's own protocol is refused (INCONSISTENT_GROUP_PROTOCOL), as
in Kafka Streams. The assignments carry user data, so the broker does not convert the group for a
client of KIP-848 either, as the conversion would lose them. The user data also hold the settings
that all members must share (stream/kafka/shared_settings.py).

This module depends on private behaviour of aiokafka 0.14, pinned by
tests/unit/stream/kafka/test_group_protocol.py: aiokafka sends a JoinGroup for each protocol that it
adds to its list, rather than one with all of them, and two such members interrupt each other's
joins forever. ``GroupConsumer`` withholds the incomplete requests.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, Literal, NamedTuple

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)
from aiokafka.errors import InconsistentGroupProtocolError, KafkaError
from aiokafka.protocol.group import JoinGroupRequest

from stream.fetch.bounded_polls import BoundedConsumer
from stream.kafka.shared_settings import (
    Shared,
    common_settings,
    compare,
    decode_settings,
    encode_settings,
)

__all__ = [
    "OTHER_PROTOCOL",
    "GroupConsumer",
    "GroupProtocol",
    "LeadScoreAssignor",
    "assignors",
]

GroupProtocol = Literal["own", "both"]
"""Protocols that a worker lists when it joins: its own, or also the stock round robin."""

OnRefusal = Callable[[KafkaError], None]
"""Called with the reason why this worker must not be a member of the group."""

USER_DATA = b"leadscore"

OTHER_PROTOCOL = (
    "The consumer group was expected to have LeadScore workers as its only members, but Kafka "
    "refuses this worker because other clients are in it: end them (kafka-consumer-groups.sh "
    "--describe --members names them) or set another LEADSCORE_GROUP_ID; workers of a version "
    "before the protocol 'leadscore' are replaced with LEADSCORE_GROUP_PROTOCOL=both "
    "(docs/operations.md#the-workers-group)."
)


class LeadScoreAssignor(RoundRobinPartitionAssignor):
    """Round robin under a name that no other client lists."""

    name = "leadscore"
    shared: Shared = MappingProxyType({})
    """Settings of this worker that all members must share."""
    on_refusal: OnRefusal = staticmethod(lambda _: None)
    """Called with an error before it is raised: aiokafka keeps it for the next poll, and there
    is none while no partition's start offset is known."""

    @classmethod
    def metadata(cls, topics: Iterable[str]) -> ConsumerProtocolMemberMetadata:
        """Return this member's subscription: its topics and its shared settings."""
        return ConsumerProtocolMemberMetadata(
            cls.version, list(topics), encode_settings(cls.shared)
        )

    @classmethod
    def assign(
        cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Assign partitions in turn; each member's assignment carries user data.

        A member without settings has an earlier version, which accepts only the bare user data.
        """
        shared = {
            member: decode_settings(given.user_data or b"") for member, given in members.items()
        }
        group = USER_DATA + encode_settings(common_settings(cls.shared, shared.values()))
        return {
            member: ConsumerProtocolMemberAssignment(
                given.version, given.assignment, group if shared[member] else USER_DATA
            )
            for member, given in super().assign(cluster, members).items()
        }

    @classmethod
    def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Check that a LeadScore leader made the assignment, with this worker's settings.

        Raises
        ------
        InconsistentGroupProtocolError
            The broker made it: the group is one of the protocol of KIP-848, which lets any client
            in.
        OtherDeliveryError
            The group delivers in another way than this worker.
        """
        try:
            cls._check(assignment)
        except KafkaError as error:
            cls.on_refusal(error)
            raise

    @classmethod
    def _check(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
        user_data: bytes = assignment.user_data or b""  # None if the broker made the assignment
        if not user_data.startswith(USER_DATA):
            raise InconsistentGroupProtocolError
        compare(cls.shared, decode_settings(user_data.removeprefix(USER_DATA)))


def assignors(
    protocol: GroupProtocol, shared: Shared, on_refusal: OnRefusal = lambda _: None
) -> tuple[type[AbstractPartitionAssignor], ...]:
    """Return the assignors that a worker lists; the group uses the first that all members list.

    Parameters
    ----------
    protocol
        LeadScore's own, or both.
    shared
        Settings of the worker that all members must share.
    on_refusal
        Called with the error if this worker must not be a member.
    """
    members = {"shared": shared, "on_refusal": staticmethod(on_refusal)}
    own = type("LeadScoreAssignor", (LeadScoreAssignor,), members)
    return (own,) if protocol == "own" else (own, RoundRobinPartitionAssignor)


class _Withheld(NamedTuple):
    """Response to a withheld JoinGroup; aiokafka evaluates the last response only."""

    error_code: int = 0


class GroupConsumer(BoundedConsumer):
    """A consumer that lists all its protocols in every JoinGroup."""

    @property
    def _coordinator(self) -> Any:
        return self.__dict__["_coordinator"]

    @_coordinator.setter
    def _coordinator(self, coordinator: Any) -> None:
        self.__dict__["_coordinator"] = coordinator
        if coordinator is not None:
            protocols = len(self._partition_assignment_strategy)
            coordinator._send_req = _whole_joins_only(coordinator._send_req, protocols)


def _whole_joins_only(
    send: Callable[[Any], Awaitable[Any]], protocols: int
) -> Callable[[Any], Awaitable[Any]]:
    async def send_whole(request: Any) -> Any:
        if isinstance(request, JoinGroupRequest) and len(request._group_protocols) < protocols:
            return _Withheld()
        return await send(request)

    return send_whole
