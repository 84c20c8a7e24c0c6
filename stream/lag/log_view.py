"""Requests of a lag reading to Kafka: partitions, commits, bounds of logs, records."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any, NamedTuple, Protocol

from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.client import AIOKafkaClient
from aiokafka.errors import TopicAuthorizationFailedError

from stream.fetch.closing import closed
from stream.fetch.raw_batches import RawBatchReader, RawReader
from stream.kafka.group_requests import read_commits
from stream.kafka.log_reader import LogReader
from stream.kafka.requests import describe_topics
from stream.lag.backlog import FETCH_BYTES, SKIM

__all__ = ["Bounds", "KafkaLogView", "LogView", "open_log_view"]


class Bounds(NamedTuple):
    """Bounds of a partition's log."""

    start: int
    """First offset that is still there."""
    end: int
    """Offset after the last readable record."""


class LogView(Protocol):
    """Reads offsets; tests have a fake."""

    records: RawReader
    """Reads records; keys and values may be left out."""

    async def partitions(self, topics: Collection[str]) -> Sequence[TopicPartition]:
        """Return the partitions of those topics that exist."""

    async def commits(self, group: str) -> Mapping[TopicPartition, int]:
        """Return the committed offsets of a group."""

    async def bounds(
        self, partitions: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, Bounds]:
        """Return the bounds of logs."""


class KafkaLogView:
    """Reads offsets from Kafka: `open_log_view` opens one.

    Parameters
    ----------
    client
        Sends requests about topics and groups; connected.
    consumer
        Reads the bounds of logs; connected, without a group.
    records
        Reads records.
    """

    def __init__(
        self, client: AIOKafkaClient, consumer: AIOKafkaConsumer, records: RawReader
    ) -> None:
        self.records = records
        self._client = client
        self._consumer = consumer

    async def partitions(self, topics: Collection[str]) -> Sequence[TopicPartition]:
        """Return the partitions of those topics that exist, by topic and number.

        Raises
        ------
        TopicAuthorizationFailedError
            This user may not describe one of them.
        KafkaError
            Kafka does not answer.
        """
        described = await describe_topics(self._client, topics) if topics else {}
        for topic, found in described.items():
            if found.operations == frozenset():
                raise TopicAuthorizationFailedError(topic)
        return [
            TopicPartition(topic, number)
            for topic in sorted(described)
            for number in range(described[topic].partitions or 0)
        ]

    async def commits(self, group: str) -> Mapping[TopicPartition, int]:
        """Return the committed offsets of a group.

        Raises
        ------
        KafkaError
            The coordinator does not answer, is loading the group, or refuses.
        """
        return await read_commits(self._client, group)

    async def bounds(
        self, partitions: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, Bounds]:
        """Return the bounds of logs.

        Raises
        ------
        KafkaError
            A leader does not answer, or refuses.
        """
        if not partitions:
            return {}
        asked = list(partitions)
        starts = await self._consumer.beginning_offsets(asked)
        ends = await self._consumer.end_offsets(asked)
        return {at: Bounds(int(starts[at]), int(ends[at])) for at in asked}


@asynccontextmanager
async def open_log_view(
    connection: Mapping[str, Any], isolation_level: str
) -> AsyncIterator[KafkaLogView]:
    """Connect to Kafka until the body ends.

    Parameters
    ----------
    connection
        aiokafka's ``bootstrap_servers`` and security options.
    isolation_level
        ``read_committed``: records count up to the last stable offset, without those of aborted
        transactions. ``read_uncommitted``: all records count.

    Raises
    ------
    KafkaError
        Kafka can't be reached.
    """
    async with AsyncExitStack() as stack:
        client = AIOKafkaClient(**connection)
        stack.push_async_callback(lambda: closed(client.close()))
        await client.bootstrap()
        await asyncio.sleep(0)  # lets its task begin, as stopping one that has not is an error
        consumer = await stack.enter_async_context(LogReader(connection, isolation_level).open())
        records = await stack.enter_async_context(
            RawBatchReader(connection, isolation_level, limits=SKIM, fetch_bytes=FETCH_BYTES)
        )
        yield KafkaLogView(client, consumer, records)
