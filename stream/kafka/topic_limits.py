"""The largest batch that topics take, asked of the broker."""

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
"""Tells the limit in bytes of those of the named topics whose limit can be told."""

CONFIG = "max.message.bytes"
ANSWER_LIMIT = 10.0
"""Seconds: the limits are worth waiting for, but there is a setting to fall back to."""


class TopicLimits:
    """What each output topic takes, as far as it is known; learnt from refusals, too.

    Parameters
    ----------
    topics
        Every topic that is sent to.
    read
        Asks the broker.
    fallback
        Bytes that a topic is taken to allow whose limit can't be read.
    batch_bytes
        Most bytes of a batch, where the topics allow as much.

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
        """Every topic that is sent to."""
        return self._limits.keys()

    async def read(self) -> None:
        """Ask the broker."""
        self._limits.update(await self._read(self._limits.keys()))
        self.batch_bytes = min(self.batch_bytes, *self._limits.values())

    def of(self, topic: str) -> int:
        """Return the bytes of the largest batch that a topic takes."""
        return self._limits[topic]

    def fits(
        self,
        topic: str,
        key: bytes | None,
        value: bytes | None,
        headers: Sequence[tuple[str, bytes | None]],
    ) -> bool:
        """Return whether a topic takes a record, whatever the compression does for it."""
        return record_bytes(key, value, headers) <= self._limits[topic]

    async def learn(self, topic: str, size: int, *, is_one_record: bool) -> None:
        """Make batches smaller, and know the limit of a record, after a refusal.

        Parameters
        ----------
        topic
            Which has refused.
        size
            Bytes of the batch that it refused.
        is_one_record
            Whether there was but one record in it.
        """
        log.warning("topic %s refused a batch of %d bytes as too large", topic, size)
        self._limits.update(await self._read(self._limits.keys()))
        if is_one_record:
            self._limits[topic] = min(self._limits[topic], size - 1)
        elif self._limits[topic] >= size:  # it can't be told, or does not hold
            self.batch_bytes = min(self.batch_bytes, size // 2)
        self.batch_bytes = min(self.batch_bytes, self._limits[topic])


def limit_reader(connection: Mapping[str, Any]) -> LimitReader:
    """Make a reader of ``max.message.bytes``.

    A broker that does not support the question (the mock broker), or refuses to answer it to this
    user (no DescribeConfigs), makes it tell nothing.

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
            log.warning("the broker does not tell the topics' %s: %r", CONFIG, error)
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
                    "%s of topic %s is not known: %s (the right for it is DescribeConfigs, which"
                    " is optional: docs/rights.md)",
                    *(CONFIG, topic, for_code(code).__name__),
                )
            for name, value, *_ in entries:
                if name == CONFIG:
                    limits[topic] = int(value)
    return limits
