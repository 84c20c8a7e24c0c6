"""Largest batch size of topics, read from the broker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

from stream.fetch.closing import closed
from stream.kafka.producer import record_bytes

__all__ = ["LimitReader", "TopicLimits", "limit_reader"]

log = logging.getLogger(__name__)

LimitReader = Callable[[Collection[str]], Awaitable[Mapping[str, int]]]
"""Reads the limits in bytes of the named topics; those that can't be read are missing."""

CONFIG = "max.message.bytes"
ANSWER_LIMIT = 10.0
"""Seconds to wait for the limits; after that the fallback is used."""


class TopicLimits:
    """Size limits of the output topics, read from the broker or learnt from refusals.

    Parameters
    ----------
    topics
        All output topics.
    read
        Reads the limits from the broker.
    fallback
        Bytes that are assumed for a topic whose limit can't be read.
    batch_bytes
        Most bytes of a batch, if the topics allow as much.

    Attributes
    ----------
    batch_bytes
        Most bytes of a batch, for all topics.
    """

    def __init__(
        self, topics: Collection[str], read: LimitReader, *, fallback: int, batch_bytes: int
    ) -> None:
        self.batch_bytes = batch_bytes
        self._read = read
        self._limits = dict.fromkeys(topics, fallback)

    @property
    def topics(self) -> Collection[str]:
        """All output topics."""
        return self._limits.keys()

    async def read(self) -> None:
        """Read the limits from the broker."""
        self._limits.update(await self._read(self._limits.keys()))
        self.batch_bytes = min(self.batch_bytes, *self._limits.values())

    def max_bytes(self, topic: str) -> int:
        """Return the bytes of the largest batch that a topic accepts."""
        return self._limits[topic]

    def fits(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]],
    ) -> bool:
        """Return whether a topic accepts a record, even uncompressed."""
        return record_bytes(key, value, headers) <= self._limits[topic]

    async def learn(self, topic: str, size: int, *, is_one_record: bool) -> None:
        """Reduce the batch size, or the limit of a record, after a refusal.

        Parameters
        ----------
        topic
            The topic.
        size
            Bytes of the refused batch.
        is_one_record
            Whether the batch had a single record.
        """
        log.warning("topic %s refused a batch of %d bytes as too large", topic, size)
        self._limits.update(await self._read(self._limits.keys()))
        if is_one_record:
            self._limits[topic] = min(self._limits[topic], size - 1)
        elif self._limits[topic] >= size:  # the limit is unknown or has changed
            self.batch_bytes = min(self.batch_bytes, size // 2)
        self.batch_bytes = min(self.batch_bytes, self._limits[topic])


def limit_reader(connection: Mapping[str, Any]) -> LimitReader:
    """Return a reader of ``max.message.bytes``.

    It returns no limits if the broker does not support the request (the mock broker) or this user
    lacks the right DescribeConfigs.

    Parameters
    ----------
    connection
        aiokafka's ``bootstrap_servers`` and security options.
    """

    async def read(topics: Collection[str]) -> dict[str, int]:
        admin = AIOKafkaAdminClient(**connection)
        try:
            async with asyncio.timeout(ANSWER_LIMIT):
                await admin.start()
                return _limits(await admin.describe_configs(_question(topics)))
        except (KafkaError, TimeoutError) as error:
            log.warning("the topics' %s can't be read, defaults are used: %r", CONFIG, error)
            return {}
        finally:
            await closed(admin.close())

    return read


def _question(topics: Collection[str]) -> list[ConfigResource]:
    return [
        ConfigResource(ConfigResourceType.TOPIC, topic, configs={CONFIG: None}) for topic in topics
    ]


def _limits(responses: list[Any]) -> dict[str, int]:
    limits = {}
    for response in responses:
        for code, _, _, topic, entries in response.resources:
            if code:
                log.warning(
                    "%s of topic %s can't be read: %s (it needs the right DescribeConfigs, which is"
                    " optional: docs/rights.md)",
                    *(CONFIG, topic, for_code(code).__name__),
                )
            for name, value, *_ in entries:
                if name == CONFIG:
                    limits[topic] = int(value)
    return limits
