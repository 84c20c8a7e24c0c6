"""The file of one partition that is being filled, and the batches whose records are in it."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

from aiokafka import TopicPartition

from agents.records import SourceRecord as Record
from schemas.errors import FatalError
from stream.archive.files import ArchiveFile
from stream.archive.open_file import OpenFile
from stream.archive.partition_owner import PartitionOwner
from stream.archive.rows import load_pyarrow, to_table
from stream.consume.lost_records import Loss
from stream.consume.partition_progress import Batch
from stream.process.deadlines import now
from stream.process.thread_calls import in_thread

__all__ = ["Completed", "PartitionWriter"]

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Completed:
    """A file that was completed, with its number of records and of bytes."""

    file: ArchiveFile
    records: int
    bytes: int


class PartitionWriter:
    """Fills the files of a partition, one after the other.

    A batch is begun when its file is about to be completed, and done when it is durable. So a
    partition that is revoked meanwhile leaves no batch in flight: its next owner reads again the
    records that no complete file has.

    Parameters
    ----------
    partition
        The partition.
    owner
        Holds the lock of its folder.
    end
        Offset after the last complete file; None if there is none.
    topic_id
        Id of the topic; None if it is not known.

    Attributes
    ----------
    buffered_bytes
        Bytes of the records that are not in the open file yet.
    is_lost
        Whether the partition was revoked: nothing more is written.
    """

    def __init__(
        self,
        partition: TopicPartition,
        owner: PartitionOwner,
        end: int | None = None,
        topic_id: str | None = None,
    ) -> None:
        self.partition = partition
        self.buffered_bytes = 0
        self.is_lost = False
        self._owner = owner
        self._topic_id = topic_id
        self._next = end
        self._start = end
        self._file: OpenFile | None = None
        self._since = 0.0
        self._bytes = self._records = 0
        self._batches: list[Batch] = []
        self._buffered: list[Batch] = []
        self._losses: deque[Loss] = deque()

    @property
    def is_empty(self) -> bool:
        """Whether no record waits for the completion of a file."""
        return not self._batches

    @property
    def age(self) -> float:
        """Seconds since the first record of the file was added."""
        return now() - self._since

    @property
    def file_bytes(self) -> int:
        """Bytes of the open file."""
        return self._bytes

    def lost_records(self, loss: Loss) -> None:
        """Note offsets that can never be read: the file before them ends there."""
        self._losses.append(loss)

    async def add(self, batch: Batch) -> Completed | None:
        """Add a batch; return the file before a loss, if that ended one.

        Raises
        ------
        FatalError
            The batch has offsets that were added before.
        """
        completed = await self._pass_losses(batch.first_offset)
        if self._next is None:
            self._next = self._start = batch.first_offset
        if batch.first_offset < self._next:
            raise FatalError(
                f"expected offsets of {self.partition} from {self._next} on, but got"
                f" {batch.first_offset}: start the worker again"
            )
        if not self._batches:
            self._since = now()
        self._batches.append(batch)
        self._buffered.append(batch)
        self.buffered_bytes += batch.size
        self._next = batch.next_offset
        return completed

    async def _pass_losses(self, offset: int) -> Completed | None:
        completed = None
        while self._losses and self._losses[0].stop <= offset:
            loss = self._losses.popleft()
            if not self.is_empty:
                self._next = loss.start
                completed = await self.complete()
            self._next = self._start = loss.stop
        return completed

    async def flush(self) -> None:
        """Write the buffered records to the open file."""
        batches, self._buffered, self.buffered_bytes = self._buffered, [], 0
        # A revoked batch has released its records; the file is discarded soon.
        if self.is_lost or any(batch.is_revoked for batch in batches):
            self.is_lost = True
            return
        records = [record for batch in batches for record in batch.records]
        if not records:
            return
        self._bytes = await self._in_thread(lambda: self._write(records))
        self._records += len(records)
        for batch in batches:
            batch.release()

    def _write(self, records: Sequence[Record]) -> int:
        pyarrow: Any = load_pyarrow()
        if self._file is None:
            assert self._start is not None
            self._file = OpenFile(self._owner.folder, self._start, self._topic_id)
        at = self.partition
        return self._file.write(to_table(pyarrow, at.topic, at.partition, records))

    async def complete(self) -> Completed | None:
        """Complete the open file, and mark its batches as done; None if the partition is lost."""
        await self.flush()
        batches = self._batches
        if self.is_lost or not all(batch.begin() for batch in batches) or self._file is None:
            self.is_lost = self.is_lost or bool(batches)
            return None
        file, end = self._file, self._next
        assert end is not None
        made = await self._in_thread(lambda: file.complete(end))
        completed = Completed(made, self._records, self._bytes)
        self._file, self._batches, self._start = None, [], self._next
        self._bytes = self._records = 0
        for batch in batches:
            batch.done()
        return completed

    async def close(self) -> None:
        """Discard the open file, and release the lock of the folder."""
        self.is_lost = True
        self._batches, self._buffered, self.buffered_bytes = [], [], 0
        file, self._file = self._file, None
        if file is not None:
            await in_thread(file.discard)
        self._owner.release()

    async def _in_thread(self, work: Callable[[], T]) -> T:
        """Run work on the file; without success the file is not completed any more."""
        try:
            return await in_thread(work)
        except BaseException:
            self.is_lost = True
            raise
