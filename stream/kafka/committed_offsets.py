"""Fetches the commits of a group; distinguishes "no commit" from "coordinator loading".

aiokafka's consumer does not look at the error of an answer as a whole. A coordinator that is still
loading its offsets, as after a broker's start, answers with such an error and without partitions,
and ``AIOKafkaConsumer.committed`` then says that there is no commit. The admin client has the same
answer, but shows which partitions are in it: a requested partition that is missing is an error.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping
from contextlib import asynccontextmanager
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupLoadInProgressError, NoError

from stream.fetch.closing import closed
from stream.kafka.commit_metadata import Commit
from stream.kafka.producer import ANSWER_LIMIT, is_retriable
from stream.process.backoff import retry

__all__ = ["Commits", "CommittedReader", "GroupOffsets"]

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Requests in flight: each has connections of its own."""

Commits = Mapping[TopicPartition, Commit | None]
"""Commits by partition; None where there is none. A coordinator that is loading its offsets leaves
partitions out."""

CommittedReader = Callable[[TopicPartition], Awaitable[Commit | None]]
"""Fetches a group's commit of a partition; None where there is none."""


class GroupOffsets:
    """Fetches the commits of a group.

    Parameters
    ----------
    connection
        aiokafka's ``bootstrap_servers`` and security options.
    group_id
        The consumer group.
    """

    def __init__(self, connection: Mapping[str, Any], group_id: str) -> None:
        self._connection = connection
        self._group_id = group_id
        self._turns = asyncio.Semaphore(AT_ONCE)

    async def fetch(self, partitions: Collection[TopicPartition]) -> Commits:
        """Fetch commits, in one request over a connection of its own.

        Raises
        ------
        KafkaError
            Kafka did not answer, or refused.
        """
        async with self._turns, self.open() as fetch:
            return await fetch(partitions)

    @asynccontextmanager
    async def open(
        self,
    ) -> AsyncIterator[Callable[[Collection[TopicPartition]], Awaitable[Commits]]]:
        """Keep a connection until the body ends; yield what fetches commits over it.

        Raises
        ------
        KafkaError
            Kafka did not answer, or refused; so does a fetch.
        """
        admin = AIOKafkaAdminClient(
            **self._connection, request_timeout_ms=round(ANSWER_LIMIT * 1000)
        )

        async def fetch(partitions: Collection[TopicPartition]) -> Commits:
            found = await admin.list_consumer_group_offsets(
                self._group_id, partitions=list(partitions)
            )
            return {
                partition: Commit(int(at.offset), at.metadata) if at.offset >= 0 else None
                for partition, at in found.items()
            }

        try:
            await admin.start()
            yield fetch
        finally:
            await closed(admin.close())

    async def read(self, partition: TopicPartition) -> Commit | None:
        """Fetch one commit; tries until the coordinator answers and has loaded it.

        Raises
        ------
        KafkaError
            One that does not pass, as for a group that this user may not read.
        """

        async def read() -> Commit | None:
            found = await self.fetch([partition])
            if partition not in found:
                raise GroupLoadInProgressError
            return found[partition]

        return await retry(
            read, doing=f"fetching the commit of {partition}", may_pass=_may_pass, log=log
        )


def _may_pass(error: Exception) -> bool:
    # aiokafka raises a partition's own error as that of the whole answer, which has none.
    return is_retriable(error) or isinstance(error, NoError)
