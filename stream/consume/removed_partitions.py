"""Reports the partitions that a topic lacks since it was created again while no worker ran.

No worker is assigned such a partition, and Kafka has deleted its commit with the topic. Only its
scored events are left: the scored topic still has the partition. So the partition with the lowest
number, which every topic has, looks at those of the others when it starts without a commit of its
log. From its first commit on it does not look again.

A worker that was running remembers the partitions (stream/consume/recreated_topics.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from stream.consume.lost_records import Loss, LossReason, OnLoss, report_loss
from stream.consume.missing_commits import EndOfOutputs

__all__ = ["PartitionCount", "RemovedPartitions"]

log = logging.getLogger(__name__)

LOOKS = 0
"""The partition that looks."""
ANSWER_LIMIT = 5.0
"""Seconds for the numbers of partitions."""

PartitionCount = Callable[[str], Awaitable[int | None]]
"""Returns the number of partitions of a topic; None where the cluster can't be asked."""


class RemovedPartitions:
    """Reports partitions that have scored events and do not exist.

    Parameters
    ----------
    remembers
        Whether this worker has seen a commit of a partition before: it then reports anyway that
        the partition is gone.
    count
        As described at the type.
    scored_topic
        Its events go to the number of the source's partition.
    end_of_outputs
        As described at the type.
    on_loss
        Called for each.
    """

    def __init__(
        self,
        remembers: Callable[[TopicPartition], bool],
        count: PartitionCount,
        scored_topic: str,
        end_of_outputs: EndOfOutputs,
        on_loss: OnLoss,
    ) -> None:
        self._remembers = remembers
        self._count = count
        self._scored_topic = scored_topic
        self._end_of_outputs = end_of_outputs
        self._on_loss = on_loss

    async def report(self, partition: TopicPartition) -> None:
        """Look at the partitions that a topic lacks.

        Parameters
        ----------
        partition
            Is about to start without a commit of its log.
        """
        if partition.partition != LOOKS:
            return
        try:
            async with asyncio.timeout(ANSWER_LIMIT):
                source = await self._count(partition.topic)
                scored = await self._count(self._scored_topic)
        except (KafkaError, TimeoutError) as error:
            log.warning("whether %s has lost partitions is not known: %r", partition.topic, error)
            return
        if source is None or scored is None:
            return
        removed = [TopicPartition(partition.topic, number) for number in range(source, scored)]
        await asyncio.gather(*(self._look(at) for at in removed if not self._remembers(at)))

    async def _look(self, partition: TopicPartition) -> None:
        if emitted := await self._end_of_outputs(partition):
            loss = Loss(partition, emitted, emitted, LossReason.LOG_REPLACED)
            report_loss(loss, self._on_loss)
