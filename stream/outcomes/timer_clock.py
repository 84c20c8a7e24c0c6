"""Up to which time the records of a partition were read, so that timers can be decided."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from aiokafka import TopicPartition

from stream.consume.batch_source import BatchSource
from stream.outcomes.overdue_publisher import GRACE_MS
from stream.outcomes.partitions import OutcomePartitions

__all__ = ["ReadTimes"]


class ReadTimes:
    """The time that scores and outcomes are read up to: ``overdue_publisher.TimerClock``.

    While leads are scored, it is that of the latest score. Where none came, it is the clock's, once
    both logs were read to where they ended after that time.

    Parameters
    ----------
    partitions
        The joins.
    source
        Reads the scores.
    is_caught_up
        Whether what was there of a partition when it was assigned has been read.
    read_to_end
        Waits until the outcomes that are there now are read.
    end_of
        Reads the end of a partition's log.
    now_ms
        The clock; None: leads of the past are played, whose times are not the clock's.
    """

    def __init__(
        self,
        partitions: OutcomePartitions,
        source: BatchSource,
        *,
        is_caught_up: Callable[[int], bool],
        read_to_end: Callable[[], Awaitable[None]],
        end_of: Callable[[TopicPartition], Awaitable[int]],
        now_ms: Callable[[], float] | None,
    ) -> None:
        self._partitions = partitions
        self._source = source
        self._is_caught_up = is_caught_up
        self._read_to_end = read_to_end
        self._end_of = end_of
        self._now_ms = now_ms

    def now(self, partition: int) -> float:
        """Return the clock's time, or that of the leads of the past."""
        return self._watermark(partition) if self._now_ms is None else self._now_ms()

    def _watermark(self, partition: int) -> int:
        join = self._partitions.joins.get(partition)
        return 0 if join is None else join.progress.watermark

    async def read_until(self, partition: int) -> int | None:
        """Return a time before which all records of a partition were read; None: not known."""
        if not self._is_caught_up(partition):
            return None
        time = self._watermark(partition) - GRACE_MS
        if self._now_ms is not None:
            now = round(self._now_ms()) - GRACE_MS
            if self._may_be_due(partition, now) and await self._are_read(partition):
                time = max(time, now)
        return time

    def _may_be_due(self, partition: int, time: int) -> bool:
        join = self._partitions.joins.get(partition)
        return join is not None and join.timers is not None and join.timers.queue.next_due <= time

    async def _are_read(self, partition: int) -> bool:
        at = TopicPartition(self._source.topic, partition)
        end = await self._end_of(at)
        await self._read_to_end()
        progress = self._source.assignment.get(at)  # None just after a rebalance
        done = None if progress is None else progress.done_offset
        return done is not None and done >= end
