"""Requests for which aiokafka's clients have no method, built with its protocol classes.

They are read-only: none of them changes a group or affects a running producer. Any broker
authorizes them, so no coordinator lookup is needed.
"""

from __future__ import annotations

from collections.abc import Collection
from typing import Any, NamedTuple

from aiokafka.client import AIOKafkaClient
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    GroupAuthorizationFailedError,
    InvalidTransactionTimeout,
    KafkaError,
    NoError,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
    for_code,
)
from aiokafka.protocol.admin import ApiVersionRequest
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.group import HeartbeatRequest
from aiokafka.protocol.metadata import MetadataRequest_v5
from aiokafka.protocol.transaction import InitProducerIdRequest
from aiokafka.protocol.types import Array, Boolean, Int16, Int32, Schema, String

from stream.kafka.access import Operation

__all__ = [
    "DescribedTopic",
    "describe_topics",
    "may_produce",
    "may_read_group",
    "supported_versions",
    "try_transactions",
]

METADATA = 3
NOT_SAID = -(2**31)
"""Value of a topic's operations if the broker does not return them (KIP-430)."""
NO_MEMBER = ""


class _Metadata_v8(Response):  # noqa: N801 - aiokafka's way to name versions
    API_KEY = METADATA
    API_VERSION = 8
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            Array(
                ("node_id", Int32),
                ("host", String("utf-8")),
                ("port", Int32),
                ("rack", String("utf-8")),
            ),
        ),
        ("cluster_id", String("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            Array(
                ("error_code", Int16),
                ("topic", String("utf-8")),
                ("is_internal", Boolean),
                (
                    "partitions",
                    Array(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", Array(Int32)),
                        ("isr", Array(Int32)),
                        ("offline_replicas", Array(Int32)),
                    ),
                ),
                ("authorized_operations", Int32),
            ),
        ),
        ("cluster_authorized_operations", Int32),
    )


class _MetadataRequest_v8(RequestStruct):  # noqa: N801
    API_KEY = METADATA
    API_VERSION = 8
    RESPONSE_TYPE = _Metadata_v8
    SCHEMA = Schema(
        ("topics", Array(String("utf-8"))),
        ("allow_auto_topic_creation", Boolean),
        ("include_cluster_authorized_operations", Boolean),
        ("include_topic_authorized_operations", Boolean),
    )


class _TopicsRequest(Request[MetadataRequest_v5 | _MetadataRequest_v8]):
    """Request for topics and the operations that this client may do; it creates no topic."""

    API_KEY = METADATA

    def __init__(self, topics: Collection[str]) -> None:
        self._topics = list(topics)

    def build(self, request_struct_class: Any) -> Any:
        asks = (False, True) if request_struct_class is _MetadataRequest_v8 else ()
        return request_struct_class(self._topics, False, *asks)


class DescribedTopic(NamedTuple):
    """A topic as the broker describes it to this client."""

    partitions: int | None
    """Number of partitions; None if the topic does not exist or this client may not describe it."""
    operations: frozenset[Operation] | None
    """Operations that this client may do; None if the broker does not return them."""
    replicas: int = 0
    """Replicas of the partition that has the fewest."""
    in_sync: int = 0
    """In-sync replicas of the partition that has the fewest."""


async def describe_topics(
    client: AIOKafkaClient, topics: Collection[str]
) -> dict[str, DescribedTopic]:
    """Return topics by name, with the operations that this client is authorized for.

    Raises
    ------
    KafkaError
        The broker gives no answer, or an error other than that a topic is missing or not
        authorized.
    """
    answer = await _send(client, _TopicsRequest(topics))
    return {topic["topic"]: _described(topic) for topic in answer.to_object()["topics"]}


def _described(topic: Any) -> DescribedTopic:
    error = for_code(topic["error_code"])
    if error is TopicAuthorizationFailedError:
        return DescribedTopic(None, frozenset())
    if error is not NoError and not error.retriable:  # an unknown topic may be created soon
        raise error(topic["topic"])
    bits = topic.get("authorized_operations", NOT_SAID)
    allowed = frozenset(operation for operation in Operation if bits >> operation & 1)
    partitions = topic["partitions"]
    return DescribedTopic(
        len(partitions) or None,
        None if bits == NOT_SAID else allowed,
        replicas=min((len(at["replicas"]) for at in partitions), default=0),
        in_sync=min((len(at["isr"]) for at in partitions), default=0),
    )


async def supported_versions(client: AIOKafkaClient) -> dict[int, tuple[int, int]]:
    """Return the lowest and the highest version of each request that a broker supports, by key.

    Raises
    ------
    KafkaError
        The broker gives no answer.
    """
    answer = await _send(client, ApiVersionRequest())
    return {key: (least, most) for key, least, most in answer.api_versions}


async def may_read_group(client: AIOKafkaClient, group: str) -> bool:
    """Return whether this client may join a group and commit its offsets.

    It sends a heartbeat without a member id: a broker checks the right before the member.
    """
    answer = await _send(client, HeartbeatRequest(group, -1, NO_MEMBER))
    return for_code(answer.error_code) is not GroupAuthorizationFailedError


async def may_produce(client: AIOKafkaClient) -> bool:
    """Return whether this client may have an idempotent producer.

    Since Kafka 2.8 Write on any topic suffices (KIP-679); older brokers require IdempotentWrite on
    the cluster.
    """
    answer = await _send(client, InitProducerIdRequest(None, 0))
    return for_code(answer.error_code) is not ClusterAuthorizationFailedError


async def try_transactions(
    client: AIOKafkaClient, transactional_id: str, timeout_ms: int
) -> type[KafkaError] | None:
    """Request a transactional producer id and discard it, as a check.

    Parameters
    ----------
    client
        Sends the request.
    transactional_id
        An id that no producer uses, as its producer would be fenced.
    timeout_ms
        Transaction timeout in milliseconds.

    Returns
    -------
    type of KafkaError or None
        The unrecoverable reason for which a transaction would be refused:
        TransactionalIdAuthorizationFailed, InvalidTransactionTimeout or None. A broker checks these
        two first.
    """
    answer = await _send(client, InitProducerIdRequest(transactional_id, timeout_ms))
    error = for_code(answer.error_code)
    return (
        error if error in (TransactionalIdAuthorizationFailed, InvalidTransactionTimeout) else None
    )


async def _send(client: AIOKafkaClient, request: Request[Any]) -> Any:
    return await client.send(client.get_random_node(), request)
