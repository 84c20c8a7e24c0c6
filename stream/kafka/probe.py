"""Periodic probe of the cluster, independent of reading and writing."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError

from stream.fetch.closing import closed
from stream.kafka.reachability import unreachable

__all__ = ["BrokerProbe"]

ANSWER_LIMIT = 3.0
"""Seconds."""


class BrokerProbe:
    """Sends a metadata request to the cluster.

    Parameters
    ----------
    connection
        aiokafka's ``bootstrap_servers`` and security options.
    """

    def __init__(self, connection: Mapping[str, Any]) -> None:
        self._connection = connection
        self._admin: AIOKafkaAdminClient | None = None

    async def ask(self) -> str | None:
        """Send one request; return None if Kafka answered, else the reason why it did not."""
        servers = self._connection["bootstrap_servers"]
        try:
            async with asyncio.timeout(ANSWER_LIMIT):
                if self._admin is None:
                    admin = AIOKafkaAdminClient(**self._connection)
                    try:
                        await admin.start()
                    except BaseException:
                        await closed(admin.close())
                        raise
                    self._admin = admin
                await self._admin.describe_cluster()
        except (KafkaError, OSError, TimeoutError) as error:
            await self.close()
            if cause := await self._cause(error):
                return f"Kafka does not answer: {cause}"
            return f"Kafka at {servers} does not answer: {str(error) or type(error).__name__}"
        return None

    async def _cause(self, error: Exception) -> str | None:
        """Return the cause of a connection error; None if Kafka is just silent."""
        if isinstance(error, TimeoutError):
            return None
        with suppress(TimeoutError):
            async with asyncio.timeout(ANSWER_LIMIT):
                return await unreachable(self._connection)
        return None

    async def close(self) -> None:
        """Close the connection."""
        admin, self._admin = self._admin, None
        if admin is not None:
            with suppress(KafkaError, OSError, TimeoutError):
                async with asyncio.timeout(ANSWER_LIMIT):
                    await closed(admin.close())
