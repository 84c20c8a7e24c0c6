"""Configs of topics as the broker has them, its defaults where a topic sets none; and its own."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.admin.config_resource import ConfigResource, ConfigResourceType

from stream.fetch.closing import closed

__all__ = ["read_broker_config", "read_topic_configs"]


async def read_topic_configs(
    connection: Mapping[str, Any], topics: Collection[str], names: Collection[str]
) -> dict[str, dict[str, str]]:
    """Read configs of topics.

    Parameters
    ----------
    connection
        aiokafka's ``bootstrap_servers`` and security options.
    topics
        The topics.
    names
        The configs' names.

    Returns
    -------
    dict of str to dict of str to str
        By topic and name; a topic that this user may not describe (DescribeConfigs) is missing.

    Raises
    ------
    KafkaError
        Kafka does not answer.
    """
    admin = AIOKafkaAdminClient(**connection)
    asked = [
        ConfigResource(ConfigResourceType.TOPIC, topic, configs=dict.fromkeys(names))
        for topic in topics
    ]
    try:
        await admin.start()
        responses = await admin.describe_configs(asked) if asked else []
    finally:
        await closed(admin.close())
    return {
        topic: {name: value for name, value, *_ in entries if name in names}
        for response in responses
        for code, _, _, topic, entries in response.resources
        if not code
    }


async def read_broker_config(connection: Mapping[str, Any], name: str) -> str | None:
    """Return a config of a broker; None if this user may not read it.

    Parameters
    ----------
    connection
        aiokafka's ``bootstrap_servers`` and security options.
    name
        The config's name.

    Raises
    ------
    KafkaError
        Kafka does not answer.
    """
    admin = AIOKafkaAdminClient(**connection)
    try:
        await admin.start()
        brokers = (await admin.describe_cluster())["brokers"]
        broker = ConfigResource(
            ConfigResourceType.BROKER, str(brokers[0]["node_id"]), configs={name: None}
        )
        responses = await admin.describe_configs([broker])
    finally:
        await closed(admin.close())
    values = [
        value
        for response in responses
        for code, _, _, _, entries in response.resources
        if not code
        for found, value, *_ in entries
        if found == name
    ]
    return values[0] if values else None
