"""An assignment: the partitions of one generation of the group, and how far each has got."""

from __future__ import annotations

from collections.abc import ItemsView, Iterable, Iterator, Mapping, ValuesView

from aiokafka import TopicPartition

from stream.consume.partition_progress import PartitionProgress
from stream.kafka.commit_metadata import ModelPin

__all__ = ["Assignment"]


class Assignment(Mapping[TopicPartition, PartitionProgress]):
    """The progress of each partition whose start offset is known.

    It is made when partitions are assigned, and ends when they are revoked. It is empty from then
    on, so tasks that still refer to it cannot change the next assignment. Only its methods add and
    remove partitions.

    Parameters
    ----------
    generation
        Number of the assignment; within one, the batches of a partition are consecutive.
    partitions
        The partitions that the group has assigned.

    Attributes
    ----------
    generation, partitions
        As given.
    has_ended
        Whether the partitions were revoked.
    """

    def __init__(self, generation: int = 0, partitions: Iterable[TopicPartition] = ()) -> None:
        self.generation = generation
        self.partitions = frozenset(partitions)
        self.has_ended = False
        self._progress: dict[TopicPartition, PartitionProgress] = {}

    def start(
        self,
        partition: TopicPartition,
        committed: int | None = None,
        pin: ModelPin | None = None,
        topic_id: str | None = None,
        has_commit: bool = False,
    ) -> None:
        """Note that the start offset of a partition is known; ignored once the assignment ended.

        Parameters
        ----------
        partition
            One of the partitions.
        committed
            The group's offset; None where it has none.
        pin
            Which model scores the partition, as the group's commit says.
        topic_id
            Id of the topic whose log is read; None where it is not known.
        has_commit
            Whether the group has committed in this log, though it is read from elsewhere.
        """
        if not self.has_ended:
            progress = PartitionProgress(committed, pin, topic_id, has_commit=has_commit)
            self._progress[partition] = progress

    def restart(self, partition: TopicPartition) -> None:
        """Forget the progress of a partition whose log was replaced.

        Batches in flight have offsets of the old log: they may finish, and lead to no commit. The
        id of the new log's topic is read with the next assignment.
        """
        if old := self._progress.get(partition):
            self._progress[partition] = PartitionProgress(has_commit=old.had_commit)

    def lose(self, partition: TopicPartition) -> None:
        """Drop a partition that another worker writes for; a revocation waits for none of it."""
        if progress := self._progress.pop(partition, None):
            progress.abandon()

    def revoke(self) -> None:
        """Revoke all partitions: no batch may begin any more; those in flight may still finish."""
        for progress in self._progress.values():
            progress.revoke()

    def end(self) -> None:
        """Forget all progress: the partitions are no longer ours."""
        self.has_ended = True
        # A new dict: a commit that waits for its answer may still iterate over the old one.
        self._progress = {}

    def __getitem__(self, partition: TopicPartition) -> PartitionProgress:
        return self._progress[partition]

    def __iter__(self) -> Iterator[TopicPartition]:
        return iter(self._progress)

    def __len__(self) -> int:
        return len(self._progress)

    def items(self) -> ItemsView[TopicPartition, PartitionProgress]:
        """Return partitions with their progress, as they are now."""
        return self._progress.items()

    def values(self) -> ValuesView[PartitionProgress]:
        """Return the progress of each partition, as it is now."""
        return self._progress.values()
