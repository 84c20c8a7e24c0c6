"""The group's protocol: an assignor that only LeadScore's members speak.

Kafka lets a client join a group of classic members only if they have a protocol in common. With a
stock protocol any client may join, gets partitions and commits what it never scored. With a name
of our own the broker refuses it (INCONSISTENT_GROUP_PROTOCOL), as it does for Kafka Streams. Our
assignments carry user data, so the broker does not convert the group for a client of KIP-848
either, as that would lose them.

One thing here is private to aiokafka 0.14, and pinned by tests/unit/stream/test_group_protocol.py:
it sends a JoinGroup for each protocol that it adds to its list, rather than one with all of them,
and two such members interrupt each other's joins for ever. ``GroupConsumer`` withholds the
incomplete ones.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Literal, NamedTuple

from aiokafka.cluster import ClusterMetadata
from aiokafka.coordinator.assignors.abstract import AbstractPartitionAssignor
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from aiokafka.coordinator.protocol import (
    ConsumerProtocolMemberAssignment,
    ConsumerProtocolMemberMetadata,
)
from aiokafka.errors import InconsistentGroupProtocolError
from aiokafka.protocol.group import JoinGroupRequest

from stream.bounded_polls import BoundedConsumer

__all__ = [
    "ASSIGNORS",
    "OTHER_PROTOCOL",
    "GroupConsumer",
    "GroupProtocol",
    "LeadScoreAssignor",
]

GroupProtocol = Literal["own", "both"]
"""Which protocols a worker lists when it joins: its own, or the stock round robin as well."""

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

    @classmethod
    def assign(
        cls, cluster: ClusterMetadata, members: Mapping[str, ConsumerProtocolMemberMetadata]
    ) -> dict[str, ConsumerProtocolMemberAssignment]:
        """Assign partitions in turn; each member's assignment carries our user data."""
        return {
            member: ConsumerProtocolMemberAssignment(given.version, given.assignment, USER_DATA)
            for member, given in super().assign(cluster, members).items()
        }

    @classmethod
    def on_assignment(cls, assignment: ConsumerProtocolMemberAssignment) -> None:
        """Check who made the assignment.

        Raises
        ------
        InconsistentGroupProtocolError
            The broker did: the group is one of the protocol of KIP-848, which lets any client in.
        """
        if assignment.user_data != USER_DATA:
            raise InconsistentGroupProtocolError


ASSIGNORS: Mapping[GroupProtocol, tuple[type[AbstractPartitionAssignor], ...]] = {
    "own": (LeadScoreAssignor,),
    "both": (LeadScoreAssignor, RoundRobinPartitionAssignor),
}
"""In the order of preference: the group uses the first that all of its members list."""


class _Withheld(NamedTuple):
    """What an incomplete JoinGroup is answered with; aiokafka looks at the last answer alone."""

    error_code: int = 0


class GroupConsumer(BoundedConsumer):
    """A consumer that lists all of its protocols in each JoinGroup."""

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
