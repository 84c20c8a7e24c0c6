"""Read the ids and partitions of topics, without creating one that is missing.

A topic that was deleted and created again has another id (KIP-516).

aiokafka 0.14 has no version of the Metadata request with ids (10 and above, Kafka 2.8), so version
11 is declared here with the private parts of its protocol. Tests of this module and
tests/integration/test_worker_starts.py fail where they, or Kafka's answer, change.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import random
from collections.abc import Mapping
from typing import Any, NamedTuple

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import IncompatibleBrokerVersion, StaleMetadata, for_code
from aiokafka.protocol.abstract import AbstractType
from aiokafka.protocol.api import Request, RequestStruct, Response
from aiokafka.protocol.types import (
    Boolean,
    CompactArray,
    CompactString,
    Int16,
    Int32,
    Schema,
)
from aiokafka.protocol.types import TaggedFields as Tags

from stream.fetch.closing import closed
from stream.kafka.producer import ANSWER_LIMIT, is_retriable
from stream.process.backoff import retry
from stream.process.deadlines import now

__all__ = ["TopicIds"]

log = logging.getLogger(__name__)

METADATA = 3
NO_ID = bytes(16)
"""Id in the answer of a cluster that gives topics none."""
ASKED = 2
"""Brokers that are asked: one that has not heard of a new topic yet answers with the old id."""
FRESH = 1.0
"""Seconds for which an answer is used again: all partitions of an assignment start at once."""


class _Uuid(AbstractType[bytes]):
    """Sixteen bytes."""

    @classmethod
    def encode(cls, value: bytes) -> bytes:
        return value

    @classmethod
    def decode(cls, data: Any) -> bytes:
        return bytes(data.read(len(NO_ID)))

    @classmethod
    def repr(cls, value: bytes) -> str:
        return value.hex()


class _Metadata_v11(Response):  # noqa: N801 - aiokafka's way to name versions
    API_KEY = METADATA
    API_VERSION = 11
    SCHEMA = Schema(
        ("throttle_time_ms", Int32),
        (
            "brokers",
            CompactArray(
                ("node_id", Int32),
                ("host", CompactString("utf-8")),
                ("port", Int32),
                ("rack", CompactString("utf-8")),
                ("tags", Tags),
            ),
        ),
        ("cluster_id", CompactString("utf-8")),
        ("controller_id", Int32),
        (
            "topics",
            CompactArray(
                ("error_code", Int16),
                ("topic", CompactString("utf-8")),
                ("topic_id", _Uuid),
                ("is_internal", Boolean),
                (
                    "partitions",
                    CompactArray(
                        ("error_code", Int16),
                        ("partition", Int32),
                        ("leader", Int32),
                        ("leader_epoch", Int32),
                        ("replicas", CompactArray(Int32)),
                        ("isr", CompactArray(Int32)),
                        ("offline_replicas", CompactArray(Int32)),
                        ("tags", Tags),
                    ),
                ),
                ("authorized_operations", Int32),
                ("tags", Tags),
            ),
        ),
        ("tags", Tags),
    )


class _MetadataRequest_v11(RequestStruct):  # noqa: N801
    API_KEY = METADATA
    API_VERSION = 11
    FLEXIBLE_VERSION = True
    RESPONSE_TYPE = _Metadata_v11
    SCHEMA = Schema(
        (
            "topics",
            CompactArray(("topic_id", _Uuid), ("topic", CompactString("utf-8")), ("tags", Tags)),
        ),
        ("allow_auto_topic_creation", Boolean),
        ("include_topic_authorized_operations", Boolean),
        ("tags", Tags),
    )


class _IdRequest(Request[_MetadataRequest_v11]):
    """Request for a topic with its id; it creates no topic."""

    API_KEY = METADATA

    def __init__(self, topic: str) -> None:
        self._topic = topic

    def build(self, request_struct_class: type[_MetadataRequest_v11]) -> _MetadataRequest_v11:
        return request_struct_class([(NO_ID, self._topic, {})], False, False, {})


class _Described(NamedTuple):
    id: str | None
    partitions: int


class TopicIds:
    """Reads the ids of topics, and how many partitions they have.

    Parameters
    ----------
    connection
        aiokafka's ``bootstrap_servers`` and security options.
    """

    def __init__(self, connection: Mapping[str, Any]) -> None:
        self._connection = connection
        self._turn = asyncio.Lock()
        self._known: dict[str, tuple[float, _Described | None]] = {}

    async def read(self, topic: str) -> str | None:
        """Return a topic's id as Kafka's tools print it.

        Tries until two brokers give the same answer, or the only one answers: set a deadline.

        Returns
        -------
        str or None
            None if the cluster gives topics no ids (before Kafka 2.8).

        Raises
        ------
        KafkaError
            One that does not pass.
        """
        found = await self._described(topic)
        return None if found is None else found.id

    async def partitions(self, topic: str) -> int | None:
        """Return the number of partitions of a topic.

        Tries as `read` does: set a deadline.

        Returns
        -------
        int or None
            None if the cluster can't be asked without creating a missing topic (before Kafka 2.8).

        Raises
        ------
        KafkaError
            One that does not pass.
        """
        found = await self._described(topic)
        return None if found is None else found.partitions

    async def _described(self, topic: str) -> _Described | None:
        async with self._turn:
            read_at, found = self._known.get(topic, (float("-inf"), None))
            if now() - read_at > FRESH:
                found = await retry(
                    lambda: self._read(topic),
                    doing=f"reading the id of topic {topic}",
                    may_pass=is_retriable,
                    log=log,
                )
                self._known[topic] = (now(), found)
            return found

    async def _read(self, topic: str) -> _Described | None:
        admin = AIOKafkaAdminClient(
            **self._connection, request_timeout_ms=round(ANSWER_LIMIT * 1000)
        )
        try:
            await admin.start()
            nodes = [broker.nodeId for broker in admin._client.cluster.brokers()]
            answers = [
                await admin._send_request(_IdRequest(topic), node)
                for node in random.sample(nodes, min(ASKED, len(nodes)))
            ]
        except (NotImplementedError, IncompatibleBrokerVersion):
            log.info("the broker gives topics no ids: Kafka 2.8 or later does")
            return None
        finally:
            await closed(admin.close())
        return _agreed(topic, {_described_in(each.to_object()["topics"]) for each in answers})


def _agreed(topic: str, described: set[_Described]) -> _Described:
    if len(described) != 1:
        raise StaleMetadata(f"expected brokers that agree on topic {topic}, got {described}")
    [found] = described
    return found


def _described_in(topics: list[dict[str, Any]]) -> _Described:
    [topic] = topics
    if error := topic["error_code"]:
        raise for_code(error)(f"the id of topic {topic['topic']} can't be read")
    topic_id = topic["topic_id"]
    text = base64.urlsafe_b64encode(topic_id).rstrip(b"=").decode()
    return _Described(None if topic_id == NO_ID else text, len(topic["partitions"]))
