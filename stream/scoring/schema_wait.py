"""Batches with a schema id that is not known wait; batches of other partitions continue."""

from __future__ import annotations

from collections import deque
from collections.abc import Awaitable, Callable, Sequence

from aiokafka import TopicPartition
from mode import Service

from stream.consume.partition_progress import Batch
from stream.process.background_tasks import BackgroundTasks, Crash
from stream.schema_registry.lookup import SchemaLookup

__all__ = ["SchemaWait"]


class SchemaWait(Service):
    """Stands before the pipeline: hands over batches whose schema ids are known.

    A batch with an unknown id waits, and so do the batches of its partition behind it: order per
    partition is kept. Nothing more of the partition is fetched meanwhile.

    Parameters
    ----------
    lookup
        Looks up ids.
    accept
        Takes the batches of a poll.
    hold, release
        Called with a partition of which nothing more, and again more, is to be fetched.
    crash
        Called with an unrecoverable error.
    """

    def __init__(
        self,
        lookup: SchemaLookup,
        accept: Callable[[Sequence[Batch]], Awaitable[None]],
        *,
        hold: Callable[[TopicPartition], None],
        release: Callable[[TopicPartition], None],
        crash: Crash,
    ) -> None:
        super().__init__()
        self._lookup = lookup
        self._accept = accept
        self._hold = hold
        self._release = release
        self._waiting: dict[TopicPartition, deque[Batch]] = {}
        self._tasks = BackgroundTasks(crash)

    async def accept(self, batches: Sequence[Batch]) -> None:
        """Hand over the batches of a poll, but those that must wait."""
        ready = [batch for batch in batches if not self._must_wait(batch)]
        if ready:
            await self._accept(ready)

    async def on_stop(self) -> None:
        """Drop the batches that wait; the next owner of their partitions reads them again."""
        await self._tasks.cancel()
        await self._lookup.close()

    def _must_wait(self, batch: Batch) -> bool:
        queue = self._waiting.get(batch.partition)
        if queue is not None:
            queue.append(batch)
            return True
        if not self._lookup.missing(batch.records):
            return False
        self._waiting[batch.partition] = queue = deque([batch])
        self._hold(batch.partition)
        self._show()
        self._tasks.start(self._wait(batch.partition, queue))
        return True

    async def _wait(self, partition: TopicPartition, queue: deque[Batch]) -> None:
        while queue:
            await self._lookup.resolve(queue[0].records)
            # It leaves the queue afterwards: batches that come meanwhile must stay behind it.
            await self._accept([queue[0]])
            queue.popleft()
        del self._waiting[partition]
        self._release(partition)
        self._show()

    def _show(self) -> None:
        self._lookup.metrics.waiting(len(self._waiting))
