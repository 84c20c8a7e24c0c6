"""Reports a partition that starts without a commit of its log though records of it were scored.

Kafka deletes the commits of a topic with the topic, and those of a group without members after
``offsets.retention.minutes``. A topic that is deleted and created again while no worker runs then
looks like one that the group has never read. Only the scored events are left: they name the offsets
of the records that they were made of. A partition's first commit precedes its first event
(docs/adr/0016), so events without a commit mean that the commit was deleted.

Only scored events count, and only committed ones. The dead-letter topic may be shared with another
group, and no output names its group. With exactly once, events of a worker that died before its
first commit are aborted.

If the commit has survived, it names the id of the topic whose log it belongs to.

A worker that was running remembers the commits (stream/consume/recreated_topics.py).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable

from aiokafka import TopicPartition
from aiokafka.errors import KafkaError

from stream.consume.foreign_commits import ForeignCommits
from stream.consume.lost_records import Loss, LossReason, OnLoss, report_loss
from stream.kafka.commit_metadata import Commit

__all__ = ["Bounds", "EndOfOutputs", "MissingCommits"]

log = logging.getLogger(__name__)

ANSWER_LIMIT = 5.0
"""Seconds for the log's bounds."""

Bounds = Callable[[TopicPartition], Awaitable[tuple[int, int]]]
"""Returns a log's first offset and the offset after its last record."""

EndOfOutputs = Callable[[TopicPartition], Awaitable[int | None]]
"""Returns the offset after the last record that was scored; 0 if none was, None if not known."""


class MissingCommits:
    """Reports partitions that start without a commit of their log though they have outputs.

    Parameters
    ----------
    remembers
        Whether this worker has seen a commit of a partition before: it then reports anyway that
        the commit is gone.
    end_of_outputs, bounds
        As described at the types.
    foreign
        Reports a commit that was deleted, or has expired.
    on_loss
        Called when the log is another one, or its unread records were removed.
    """

    def __init__(
        self,
        remembers: Callable[[TopicPartition], bool],
        end_of_outputs: EndOfOutputs,
        bounds: Bounds,
        foreign: ForeignCommits,
        on_loss: OnLoss,
    ) -> None:
        self._remembers = remembers
        self._end_of_outputs = end_of_outputs
        self._bounds = bounds
        self._foreign = foreign
        self._on_loss = on_loss

    def report_replaced(self, partition: TopicPartition, commit: Commit) -> None:
        """Report that a commit belongs to the log of a topic that was deleted."""
        if not self._remembers(partition):
            self._lose(partition, commit.offset, commit.offset, LossReason.LOG_REPLACED)

    async def report(self, partition: TopicPartition) -> None:
        """Report what the outputs of a partition without a commit say.

        Parameters
        ----------
        partition
            Is about to start, at its log's start.

        Raises
        ------
        StartupError
            The commit was deleted or has expired, or the outputs can't be read to find that out,
            and the settings say to stop then.
        """
        if self._remembers(partition):
            return
        emitted = await self._end_of_outputs(partition)
        if emitted is None:
            self._foreign.unknown_at_start(partition)
        elif emitted:
            await self._compare(partition, emitted)

    async def _compare(self, partition: TopicPartition, emitted: int) -> None:
        try:
            async with asyncio.timeout(ANSWER_LIMIT):
                start, end = await self._bounds(partition)
        except (KafkaError, TimeoutError) as error:
            log.warning("the bounds of %s can't be read: %r", partition, error)
            start, end = 0, emitted  # the commit is missing, whatever they are
        if end < emitted:
            self._lose(partition, emitted, emitted, LossReason.LOG_REPLACED)
        elif start > emitted:
            self._lose(partition, emitted, start, LossReason.RETENTION)
        elif start < emitted:
            self._foreign.missing_at_start(partition, start, emitted)

    def _lose(self, partition: TopicPartition, start: int, stop: int, reason: LossReason) -> None:
        report_loss(Loss(partition, start, stop, reason), self._on_loss)
