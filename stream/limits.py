"""The largest batch that each output topic takes, asked of the broker."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType
from aiokafka.errors import KafkaError, for_code

__all__ = ["LimitReader", "limit_reader"]

log = logging.getLogger(__name__)

LimitReader = Callable[[Collection[str]], Awaitable[Mapping[str, int]]]
"""Tells the limit in bytes of those of the named topics whose limit can be told."""

CONFIG = "max.message.bytes"
ANSWER_LIMIT = 10.0
"""Seconds: the limits are worth waiting for, but there is a setting to fall back to."""


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
            await admin.close()

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
                log.warning("the broker does not tell %s of %s: %r", CONFIG, topic, for_code(code))
            for name, value, *_ in entries:
                if name == CONFIG:
                    limits[topic] = int(value)
    return limits
