"""Where a group has left off, asked so that an error is never taken for "nowhere".

aiokafka's consumer does not look at the error of an answer as a whole. A coordinator that is still
loading its offsets, as after a broker's start, answers with such an error and without partitions,
and ``AIOKafkaConsumer.committed`` then says that there is no commit. The admin client has the same
answer, but tells which partitions are in it: one that was asked for and is missing is an error.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import KafkaError, NoError

from stream.producer import ANSWER_LIMIT, RETRY_PAUSE

__all__ = ["CommittedReader", "committed_reader"]

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Questions: each has connections of its own."""

CommittedReader = Callable[[TopicPartition], Awaitable[int | None]]
"""Asks the broker for a group's offset; None where the group has none."""


def committed_reader(connection: Mapping[str, Any], group_id: str) -> CommittedReader:
    """Make a reader of a group's offsets; it tries until it has an answer.

    It raises a KafkaError that does not pass, as for a group that this user may not read.

    Parameters
    ----------
    connection
        aiokafka's ``bootstrap_servers`` and security options.
    group_id
        The consumer group.
    """
    turns = asyncio.Semaphore(AT_ONCE)

    async def ask(partition: TopicPartition) -> int | None:
        admin = AIOKafkaAdminClient(**connection, request_timeout_ms=round(ANSWER_LIMIT * 1000))
        try:
            await admin.start()
            found = await admin.list_consumer_group_offsets(group_id, partitions=[partition])
        finally:
            await admin.close()
        return int(found[partition].offset) if partition in found else None

    async def read(partition: TopicPartition) -> int | None:
        while True:
            try:
                async with turns:
                    offset = await ask(partition)
            except KafkaError as error:
                # A partition's own error comes as the answer's, which is none.
                if not (error.retriable or isinstance(error, NoError)):
                    raise
                log.warning("asking for the commit of %s: %r, trying again", partition, error)
            else:
                if offset is not None:
                    return None if offset < 0 else offset
                log.warning("the commit of %s is not told yet, trying again", partition)
            await asyncio.sleep(RETRY_PAUSE)

    return read
