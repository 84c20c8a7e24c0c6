"""Notice that a topic was deleted and created again where no position shows it.

Kafka deletes a group's offsets with their topic. aiokafka notices that the topic is gone, the group
rebalances, and the partition that comes back begins without a commit, like one that was never read.
But this worker has seen a commit of it before. Where no worker has, see
stream/consume/missing_commits.py.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from aiokafka import TopicPartition

from stream.consume.lost_records import Loss, LossReason, OnLoss, report_loss
from stream.consume.partition_progress import PartitionProgress

__all__ = ["RecreatedTopics"]


@dataclass(frozen=True, slots=True)
class _Seen:
    """A partition whose group had a commit, when it was last looked at.

    Attributes
    ----------
    generation
        Number of the assignment.
    read_to
        Offset after the last record that was handed over.
    end
        Offset after the last record of the log, as far as it was known.
    """

    generation: int
    read_to: int
    end: int


class RecreatedTopics:
    """Reports logs that lack the commit that was seen before.

    Parameters
    ----------
    on_loss
        Called for each.
    """

    def __init__(self, on_loss: OnLoss) -> None:
        self._on_loss = on_loss
        self._seen: dict[TopicPartition, _Seen] = {}

    def assigned(self, partitions: Collection[TopicPartition], existing: Collection[int]) -> None:
        """Forget the partitions that are read by others from now on.

        Nothing is forgotten by an assignment of none: the topic may be missing.

        Parameters
        ----------
        partitions
            The assigned partitions.
        existing
            The numbers of the topic's partitions, as far as they are known.
        """
        if partitions:
            self._seen = {
                at: seen
                for at, seen in self._seen.items()
                if at in partitions or at.partition not in existing
            }

    def look_for_removed(self, existing: Collection[int]) -> None:
        """Report the partitions that no longer exist: the topic has fewer than before.

        Parameters
        ----------
        existing
            The numbers of the topic's partitions; none while the topic is missing.
        """
        removed = [at for at in self._seen if existing and at.partition not in existing]
        for partition in removed:
            self._report(partition, self._seen.pop(partition))

    def remembers(self, partition: TopicPartition) -> bool:
        """Return whether a commit of a partition was seen, so that `look` reports if it is gone."""
        return partition in self._seen

    def look(
        self,
        partition: TopicPartition,
        progress: PartitionProgress,
        generation: int,
        end: int | None,
    ) -> None:
        """Look at a partition: before each commit, and after the last one of an assignment.

        The commit with which the assignment began is what counts: by the first look the worker may
        have committed itself, because the model of a partition is committed as soon as it starts.

        Parameters
        ----------
        partition, progress
            The partition and how far it has got.
        generation
            Number of the assignment.
        end
            Offset after the last record that can be read, as of the last fetch.
        """
        seen = self._seen.get(partition)
        is_new = seen is not None and seen.generation != generation
        if seen is not None and is_new and not progress.had_commit:
            del self._seen[partition]
            self._report(partition, seen)
        elif progress.committed is not None:
            read_to = progress.committed if progress.end is None else progress.end
            self._seen[partition] = _Seen(generation, read_to, max(read_to, end or 0))

    def _report(self, partition: TopicPartition, seen: _Seen) -> None:
        loss = Loss(partition, seen.read_to, seen.end, LossReason.LOG_REPLACED)
        report_loss(loss, self._on_loss)
