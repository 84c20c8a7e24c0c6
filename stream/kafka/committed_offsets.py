"""Fetches the commits of a group; distinguishes "no commit" from "coordinator loading".

aiokafka's consumer does not look at the error of an answer as a whole. A coordinator that is still
loading its offsets, as after a broker's start, answers with such an error and without partitions,
and ``AIOKafkaConsumer.committed`` then says that there is no commit. The admin client has the same
answer, but shows which partitions are in it: a requested partition that is missing is an error.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Collection, Mapping
from typing import Any

from aiokafka import TopicPartition
from aiokafka.admin import AIOKafkaAdminClient
from aiokafka.errors import GroupLoadInProgressError, NoError

from stream.fetch.closing import closed
from stream.kafka.commit_metadata import Commit
from stream.kafka.producer import ANSWER_LIMIT, is_retriable
from stream.process.backoff import retry

__all__ = ["CommittedReader", "GroupOffsets"]

log = logging.getLogger(__name__)

AT_ONCE = 4
"""Requests in flight: each has connections of its own."""

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

    async def fetch(
        self, partitions: Collection[TopicPartition]
    ) -> Mapping[TopicPartition, Commit | None]:
        """Fetch commits, in one request.

        Returns
        -------
        mapping
            By partition; None where there is no commit. A coordinator that is loading its offsets
            leaves partitions out.

        Raises
        ------
        KafkaError
            Kafka did not answer, or refused.
        """
        async with self._turns:
            admin = AIOKafkaAdminClient(
                **self._connection, request_timeout_ms=round(ANSWER_LIMIT * 1000)
            )
            try:
                await admin.start()
                found = await admin.list_consumer_group_offsets(
                    self._group_id, partitions=list(partitions)
                )
            finally:
                await closed(admin.close())
        return {
            partition: Commit(int(at.offset), at.metadata) if at.offset >= 0 else None
            for partition, at in found.items()
        }

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
