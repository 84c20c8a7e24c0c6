"""Resumes drift counts where an earlier owner of a partition, or another model, has stopped.

A block's counts cover all of its leads. Its owner may have died with some of them read and not
published; no later lead may come to make the block whole. So the records between the start of the
block and the first offset that is read here are counted again, without scoring events for them.
"""

from __future__ import annotations

from collections.abc import Mapping

from aiokafka import TopicPartition

from stream.consume.batch_source import BatchSource
from stream.process.background_tasks import BackgroundTasks, Crash
from stream.scoring.drift_publisher import DriftPublisher
from stream.scoring.model_changes import ModelChanges

__all__ = ["DriftResumption"]


class DriftResumption:
    """Counts the open blocks of assigned partitions from their start.

    Parameters
    ----------
    publisher
        Counts and publishes.
    changes
        Knows the model of each partition.
    source
        Knows the position of each partition.
    crash
        Called with an unrecoverable error.
    """

    def __init__(
        self, publisher: DriftPublisher, changes: ModelChanges, source: BatchSource, crash: Crash
    ) -> None:
        self._publisher = publisher
        self._changes = changes
        self._source = source
        self._tasks = BackgroundTasks(crash)

    def assigned(self, partitions: frozenset[TopicPartition]) -> None:
        """Forget other partitions; resume these in the background, as their starts are known."""
        self._publisher.assigned(tp.partition for tp in partitions)
        self._tasks.start(self._resume_all(partitions, self._source.assignment.generation))

    async def stop(self) -> None:
        """Resume nothing more."""
        await self._tasks.cancel()

    async def _resume_all(self, partitions: frozenset[TopicPartition], generation: int) -> None:
        for partition in sorted(partitions):
            position = await self._source.position(partition)
            if generation != self._source.assignment.generation:
                return  # revoked meanwhile
            if position is not None and self._changes.current is not None:
                self._resume(partition, generation, position)

    async def publish_rest(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Publish all drift counts of partitions whose model is about to change.

        Also those that an earlier owner did not publish before it died: the partition may have
        been assigned a moment ago, and its next owner counts from the change on.

        Parameters
        ----------
        offsets
            For each partition, the first offset that the next model scores.
        """
        for partition, offset in offsets.items():
            self._resume(partition, self._source.assignment.generation, offset)
        await self._publisher.publish_rest(partition.partition for partition in offsets)

    def _resume(self, partition: TopicPartition, generation: int, offset: int) -> None:
        scorer, since = self._changes.scorer(partition)
        self._publisher.resume(partition.partition, scorer, generation, offset, since)
