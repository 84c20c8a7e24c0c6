"""Resets positions that are out of range: reports the loss, and reading continues.

The consumer has no reset policy of its own (``auto_offset_reset="none"``): with one, aiokafka moves
the position itself and logs that at INFO only. Without one it raises, before any record is read
from elsewhere, and the log's bounds then say exactly which offsets can never be read.
"""

from __future__ import annotations

import asyncio
import logging

from aiokafka import TopicPartition
from aiokafka.errors import IllegalStateError, KafkaError, OffsetOutOfRangeError

from stream.consume.assignment import Assignment
from stream.consume.lost_records import Loss, LossReason, OnLoss, report_loss
from stream.kafka.consumer import Consumer
from stream.process.backoff import REQUEST_PAUSE

__all__ = ["OffsetReset"]

log = logging.getLogger(__name__)

ANSWER_LIMIT = 5.0
"""Seconds for the log's bounds; without an answer the next poll raises again."""


class OffsetReset:
    """Moves positions that are out of range to the start of their log.

    Parameters
    ----------
    consumer
        Reads, without a reset policy.
    on_loss
        Called for each loss.
    """

    def __init__(self, consumer: Consumer, on_loss: OnLoss) -> None:
        self._consumer = consumer
        self._on_loss = on_loss

    async def move(self, error: OffsetOutOfRangeError, assignment: Assignment) -> None:
        """Move the partitions that a poll has named to the start of their logs.

        Parameters
        ----------
        error
            What the poll has raised: its first argument holds the positions by partition.
        assignment
            The current one.

        Raises
        ------
        KafkaError
            The bounds of the log can't be read, and that does not pass.
        """
        for partition, position in error.args[0].items():
            await self._move(partition, position, assignment)

    async def _move(self, partition: TopicPartition, position: int, assignment: Assignment) -> None:
        progress = assignment.get(partition)
        if progress is None:
            return
        try:
            async with asyncio.timeout(ANSWER_LIMIT):
                start = (await self._consumer.beginning_offsets([partition]))[partition]
                end = (await self._consumer.end_offsets([partition]))[partition]
        except TimeoutError:
            log.warning(
                "the request for the first and last offset of %s timed out; trying again", partition
            )
            return
        except KafkaError as problem:
            if not problem.retriable:
                raise
            log.warning(
                "the request for the first and last offset of %s failed: %r; trying again",
                partition,
                problem,
            )
            await asyncio.sleep(REQUEST_PAUSE)
            return
        if assignment.get(partition) is not progress:
            return  # the partition was revoked meanwhile
        try:
            last_end = self._consumer.highwater(partition)  # as of the last fetch, before the loss
            self._consumer.seek(partition, start)
        except IllegalStateError:
            return
        if position >= start:  # it was above the end, though the log may have grown since
            assignment.restart(partition)
            stop = max(position, last_end or 0)
            loss = Loss(partition, min(position, end), stop, LossReason.LOG_REPLACED)
            report_loss(loss, self._on_loss)
        elif progress.is_started:
            loss = Loss(partition, position, start, LossReason.RETENTION)
            report_loss(loss, self._on_loss)
        else:
            log.info("%s: no committed offset, reading from the log's start %d", partition, start)
