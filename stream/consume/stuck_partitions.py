"""Find assigned partitions that have work and make no progress. No Kafka, no clock."""

from __future__ import annotations

import logging
from collections.abc import Collection, Mapping

from aiokafka import TopicPartition

from stream.consume.partition_progress import PartitionProgress

__all__ = ["StuckPartitions"]

log = logging.getLogger(__name__)

STUCK_AFTER = 15.0
"""Seconds; longer than the pause of a rebalance, or of a broker's election."""
FENCED_AFTER = 3.0
"""Seconds; longer than a worker that was suspended needs to join its group again."""

Progress = tuple[int | None, int | None] | None
"""Offsets done and committed; None where the partition has not started."""


class StuckPartitions:
    """Compares the progress of assigned partitions between looks.

    Parameters
    ----------
    held_for
        Seconds for which records may be held back before they are processed.

    Attributes
    ----------
    now
        By partition that is stuck, the reason, as of the last look.
    """

    def __init__(self, held_for: float = 0.0) -> None:
        self._after = STUCK_AFTER + held_for
        self.now: Mapping[TopicPartition, str] = {}
        self._since: dict[TopicPartition, tuple[Progress, float]] = {}
        self._fenced_since: dict[TopicPartition, float] = {}

    def look(
        self,
        time: float,
        assigned: Collection[TopicPartition],
        started: Mapping[TopicPartition, PartitionProgress],
        fenced: Collection[TopicPartition],
        stopped_at: Mapping[TopicPartition, int],
    ) -> None:
        """Look at the partitions; logs each that is stuck from now on, or not any more.

        Parameters
        ----------
        time
            Seconds of a monotonic clock.
        assigned
            By the group.
        started
            The progress of those that have started.
        fenced
            Those whose transactional id another producer has.
        stopped_at
            By partition that stopped at an unreadable record, the record's offset.
        """
        found: dict[TopicPartition, str] = {}
        # A worker that wakes up is fenced until the group assigns its partitions again.
        self._fenced_since = {at: self._fenced_since.get(at, time) for at in fenced}
        for partition in sorted(assigned):
            progress = started.get(partition)
            if time - self._fenced_since.get(partition, time) >= FENCED_AFTER:
                found[partition] = "another producer has fenced its transactional id"
            elif partition in stopped_at:
                found[partition] = f"it stopped at the unreadable record {stopped_at[partition]}"
            elif self._waits(time, partition, progress):
                found[partition] = _reason(progress)
        for partition in self._since.keys() - set(assigned):
            del self._since[partition]
        for partition in found.keys() - self.now.keys():
            log.error("%s makes no progress: %s", partition, found[partition])
        for partition in self.now.keys() - found.keys():
            log.info("%s makes progress again, or is assigned to another worker", partition)
        self.now = found

    def _waits(
        self, time: float, partition: TopicPartition, progress: PartitionProgress | None
    ) -> bool:
        offsets = None if progress is None else (progress.done_offset, progress.committed)
        is_idle = progress is not None and not (
            progress.has_open or progress.is_due or progress.behind_since is not None
        )
        known, since = self._since.get(partition, (offsets, time))
        if is_idle or known != offsets:
            since = time
        self._since[partition] = offsets, since
        return time - since >= self._after


def _reason(progress: PartitionProgress | None) -> str:
    if progress is None:
        return "its committed offset, or its model, has not been found yet"
    if progress.has_open:
        return "the outputs of its leads are not delivered"
    if progress.is_due:
        return "its offsets are not committed"
    return "it has leads, but receives none of them"
