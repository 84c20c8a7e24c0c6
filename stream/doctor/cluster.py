"""View of a Kafka cluster for the checks: read-only requests, answered once and kept."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Collection, Mapping
from contextlib import asynccontextmanager
from typing import NamedTuple, Protocol

from aiokafka import TopicPartition
from aiokafka.client import AIOKafkaClient

from stream.kafka.access import Use
from stream.kafka.broker_clock import clock_reader
from stream.kafka.group_requests import DescribedGroup, describe_group
from stream.kafka.producer import is_retriable
from stream.kafka.reachability import connected
from stream.kafka.requests import DescribedTopic, describe_topics, supported_versions
from stream.kafka.rights import verify_rights
from stream.kafka.topic_catalog import TOPICS
from stream.kafka.topic_configs import read_broker_config, read_topic_configs
from stream.lag.backlog import look
from stream.lag.log_view import open_log_view
from stream.process.backoff import retry
from stream.settings import Settings

__all__ = ["Cluster", "KafkaCluster", "Oldest", "open_cluster"]

log = logging.getLogger(__name__)

CONFIGS = (
    "cleanup.policy",
    "max.message.bytes",
    "min.insync.replicas",
    "retention.bytes",
    "retention.ms",
)


class Oldest(NamedTuple):
    """The first visible record of a partition."""

    partition: int
    timestamp_ms: int | None
    """Milliseconds since 1970; None if there is no record, or none was found in time."""


class Cluster(Protocol):
    """Answers of a Kafka cluster; tests have a fake."""

    async def brokers(self) -> Collection[str]:
        """Return host:port of each broker."""

    async def versions(self) -> Mapping[int, tuple[int, int]]:
        """Return the supported versions of each request, by its key."""

    async def topics(self) -> Mapping[str, DescribedTopic]:
        """Return LeadScore's topics by name, missing ones included."""

    async def configs(self) -> Mapping[str, Mapping[str, str]]:
        """Return configs by topic and name; a topic that may not be described is missing."""

    async def commit_minutes(self) -> float | None:
        """Return how long a group without members keeps its commits; None if it is not known."""

    async def time(self) -> float | None:
        """Return Kafka's time, in seconds since 1970; None if it does not show it."""

    async def group(self, name: str) -> DescribedGroup:
        """Describe a consumer group."""

    async def verify_rights(self, uses: Collection[Use]) -> None:
        """Raise a StartupError if a right of these uses is missing."""

    async def oldest(self, topic: str) -> list[Oldest]:
        """Return the first visible record of each partition."""


class KafkaCluster:
    """Answers of the cluster that the settings name: `open_cluster` connects one.

    Parameters
    ----------
    settings
        Kafka's address, and the topics' names.
    client
        Sends requests; connected.
    """

    def __init__(self, settings: Settings, client: AIOKafkaClient) -> None:
        self._settings = settings
        self._connection = settings.kafka_client_options()
        self._client = client
        self._topics: Mapping[str, DescribedTopic] | None = None
        self._configs: Mapping[str, Mapping[str, str]] | None = None
        self._turn = asyncio.Lock()

    async def brokers(self) -> Collection[str]:
        """Return host:port of each broker."""
        return [f"{broker.host}:{broker.port}" for broker in self._client.cluster.brokers()]

    async def versions(self) -> Mapping[int, tuple[int, int]]:
        """Return the supported versions of each request, by its key."""
        return await supported_versions(self._client)

    async def topics(self) -> Mapping[str, DescribedTopic]:
        """Return LeadScore's topics by name, missing ones included."""
        async with self._turn:
            if self._topics is None:
                names = [topic.name(self._settings) for topic in TOPICS]
                self._topics = await describe_topics(self._client, names)
        return self._topics

    async def configs(self) -> Mapping[str, Mapping[str, str]]:
        """Return configs by topic and name; a topic that may not be described is missing."""
        existing = [name for name, topic in (await self.topics()).items() if topic.partitions]
        async with self._turn:
            if self._configs is None:
                self._configs = await read_topic_configs(self._connection, existing, CONFIGS)
        return self._configs

    async def commit_minutes(self) -> float | None:
        """Return how long a group without members keeps its commits; None if it is not known."""
        kept = await read_broker_config(self._connection, "offsets.retention.minutes")
        return None if kept is None else float(kept)

    async def time(self) -> float | None:
        """Return Kafka's time, in seconds since 1970; None if it does not show it."""
        return await clock_reader(self._connection)()

    async def group(self, name: str) -> DescribedGroup:
        """Describe a consumer group; a coordinator that a new cluster has not yet is waited for."""
        return await retry(
            lambda: describe_group(self._client, name),
            doing=f"describing the group {name}",
            may_pass=is_retriable,
            level=logging.INFO,  # a new cluster has no coordinator at first
            log=log,
        )

    async def verify_rights(self, uses: Collection[Use]) -> None:
        """Raise a StartupError if a right of these uses is missing."""
        await verify_rights(self._client, self._settings, uses)

    async def oldest(self, topic: str) -> list[Oldest]:
        """Return the first visible record of each partition."""
        async with open_log_view(self._connection, self._settings.isolation_level) as view:
            partitions = await view.partitions([topic])
            bounds = await view.bounds(partitions)
            found = []
            for partition in partitions:
                start, end = bounds[partition]
                oldest = None
                if start < end:
                    at = TopicPartition(topic, partition.partition)
                    oldest = (await look(view.records, at, start, end)).oldest_ms
                found.append(Oldest(partition.partition, oldest))
        return found


@asynccontextmanager
async def open_cluster(settings: Settings) -> AsyncIterator[KafkaCluster]:
    """Connect to Kafka until the body ends.

    Raises
    ------
    StartupError
        Kafka can't be reached; the message has the cause and the remedy.
    """
    async with connected(settings) as client:
        yield KafkaCluster(settings, client)
