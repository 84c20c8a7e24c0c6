"""Finds out why a partition has no commit though records of it were scored before.

Kafka deletes the commits of a topic with the topic, and those of a group without members after
``offsets.retention.minutes``. A topic that is deleted and created again while no worker runs then
looks like one that the group has never read. What is left are the outputs: they name the offsets of
the records that they were made of. A partition's first commit precedes its first output
(docs/adr/0016), so outputs without a commit mean that the commit was deleted.

A worker that was running remembers the commits (stream/consume/recreated_topics.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from stream.consume.foreign_commits import ForeignCommits
from stream.consume.lost_records import Loss, LossReason
from stream.consume.offset_reset import OnLoss

__all__ = ["Bounds", "MissingCommits"]

log = logging.getLogger(__name__)

ANSWER_LIMIT = 5.0
"""Seconds for the log's bounds."""

Bounds = Callable[[TopicPartition], Awaitable[tuple[int, int]]]
"""Returns a log's first offset and the offset after its last record."""


class MissingCommits:
    """Reports partitions that start without a commit though they have outputs.

    Parameters
    ----------
    bounds
        As described at the type.
    foreign
        Reports a commit that was deleted, or has expired.
    on_loss
        Called when the log is another one, or its unread records were removed.
    """

    def __init__(self, bounds: Bounds, foreign: ForeignCommits, on_loss: OnLoss) -> None:
        self._bounds = bounds
        self._foreign = foreign
        self._on_loss = on_loss

    async def report(self, partition: TopicPartition, emitted: int) -> None:
        """Report what the outputs of a partition without a commit say.

        Parameters
        ----------
        partition
            Is about to start, at its log's start.
        emitted
            Offset after the last record of which there is an output.

        Raises
        ------
        StartupError
            The commit was deleted or has expired, and the settings say to stop then.
        """
        try:
            async with asyncio.timeout(ANSWER_LIMIT):
                start, end = await self._bounds(partition)
        except (KafkaError, TimeoutError) as error:
            log.warning("the bounds of %s can't be read: %r", partition, error)
            start, end = 0, emitted  # the commit is missing, whatever they are
        if end < emitted:
            self._lose(Loss(partition, emitted, emitted, LossReason.LOG_REPLACED))
        elif start > emitted:
            self._lose(Loss(partition, emitted, start, LossReason.RETENTION))
        elif start < emitted:
            self._foreign.missing_at_start(partition, start, emitted)

    def _lose(self, loss: Loss) -> None:
        log.error("%s", loss, extra={"loss": loss.as_fields()})
        self._on_loss(loss)
