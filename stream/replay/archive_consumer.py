"""A consumer whose records come from an archive, and whose commits go to Kafka.

A replay reads it as it reads a topic: positions, gaps, records that could not be read, and offsets
that no file has, which are like those that retention removed.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from aiokafka import OffsetAndMetadata, TopicPartition
from aiokafka.errors import CorruptRecordException

from stream.archive.reader import Archive
from stream.fetch.memory_budget import RECORD_OVERHEAD
from stream.fetch.raw_batches import RawStep
from stream.fetch.raw_records import RawRecord, UnreadableRecord

__all__ = ["ArchiveConsumer"]

NOWHERE = 2**62
"""Offset beyond the end of every log: without a later file, all records that follow have
expired."""


class ArchiveConsumer:
    """Reads an archive by the methods of ``stream.kafka.consumer.Consumer`` that a replay uses.

    Parameters
    ----------
    consumer
        An aiokafka consumer of the replay's group, not started: it sends the commits.
    archive
        The files.
    poll_bytes
        Bytes of a poll, up to its last record.
    """

    def __init__(self, consumer: Any, archive: Archive, poll_bytes: int) -> None:
        self._consumer = consumer
        self._archive = archive
        self._poll_bytes = poll_bytes
        self._positions: dict[TopicPartition, int] = {}
        self._steps: dict[TopicPartition, Iterator[RawStep]] = {}
        self._pending: dict[TopicPartition, Sequence[RawRecord]] = {}
        self._paused: set[TopicPartition] = set()
        self._turn = 0

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        """Assign partitions; the consumer itself fetches none of them."""
        self._consumer.assign(partitions)
        self._consumer.pause(*partitions)
        self._positions = dict.fromkeys(partitions, 0)

    async def start(self) -> None:
        """Connect."""
        await self._consumer.start()

    async def stop(self) -> None:
        """Close the connections."""
        await self._consumer.stop()

    async def commit(self, offsets: Mapping[TopicPartition, OffsetAndMetadata]) -> None:
        """Commit offsets to Kafka."""
        await self._consumer.commit(offsets)

    def assignment(self) -> Iterable[TopicPartition]:
        """Return the assigned partitions."""
        return self._positions.keys()

    def pause(self, *partitions: TopicPartition) -> None:
        """Read nothing of these partitions."""
        self._paused.update(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        """Read them again."""
        self._paused.difference_update(partitions)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        """Set the position."""
        self._positions[partition] = offset
        self._steps.pop(partition, None)
        self._pending.pop(partition, None)

    async def position(self, partition: TopicPartition) -> int:
        """Return the offset of the next record."""
        return self._positions[partition]

    async def beginning_offsets(
        self, partitions: Sequence[TopicPartition]
    ) -> Mapping[TopicPartition, int]:
        """Return where the files begin that have the positions, or come after them."""
        found = {
            at: self._archive.next_file(at.partition, self._positions[at]) for at in partitions
        }
        return {at: NOWHERE if file is None else file.start for at, file in found.items()}

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[RawRecord]]:
        """Return the next records of one of these partitions, each in turn.

        Raises
        ------
        OffsetOutOfRangeError
            No file has the position.
        CorruptRecordException
            The next record could not be read when it was archived.
        """
        wanted = sorted(set(partitions) - self._paused)
        self._turn += 1
        for at in range(len(wanted)):
            partition = wanted[(self._turn + at) % len(wanted)]
            if records := await self._next(partition, max_records):
                return {partition: records}
        return {}

    async def _next(self, partition: TopicPartition, most: int) -> Sequence[RawRecord]:
        pending = self._pending.pop(partition, ())
        if not pending:
            steps = self._steps.get(partition)
            if steps is None:
                steps = self._archive.steps(partition.partition, self._positions[partition])
                self._steps[partition] = steps
            step = await asyncio.to_thread(next, steps, None)
            if step is None:
                del self._steps[partition]  # the next file follows
                return ()
            if not step.records:
                self._positions[partition] = step.next_offset
                return ()
            pending = step.records
        if isinstance(pending[0], UnreadableRecord):
            raise CorruptRecordException(f"{partition} at offset {pending[0].offset}")
        count = self._count(pending, most)
        self._pending[partition] = pending[count:]
        self._positions[partition] = pending[count - 1].offset + 1
        return pending[:count]

    def _count(self, records: Sequence[RawRecord], most: int) -> int:
        """Return the number of records of a poll, at least one."""
        left = self._poll_bytes
        for at, record in enumerate(records[:most]):
            if isinstance(record, UnreadableRecord):
                return at
            left -= record.held_bytes + RECORD_OVERHEAD
            if left <= 0:
                return at + 1
        return min(most, len(records))
