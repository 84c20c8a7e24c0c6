"""Writes the batches of the source to the archive; a batch is done when its file is durable.

What is archived is decided by the files: a partition is read from the end of its last complete
file, whatever the group has committed. A file has a temporary name until it is whole and synced to
disk, so after a kill at any moment no file is incomplete, and no record is missing or repeated.
"""

from __future__ import annotations

import asyncio
import logging
import shutil
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from aiokafka import TopicPartition

from schemas.errors import FatalError, StartupError
from stream.archive.files import ArchiveFile, partition_folder
from stream.archive.open_file import topic_id_of
from stream.archive.partition_owner import PartitionOwner
from stream.archive.partition_writer import Completed, PartitionWriter
from stream.consume.lost_records import Loss, LossReason
from stream.consume.partition_progress import Batch
from stream.consume.start_offsets import Start
from stream.fetch.memory_budget import MemoryBudget
from stream.fetch.record_batches import raw_limits
from stream.kafka.commit_metadata import Commit
from stream.process.background_tasks import BackgroundTasks, Crash
from stream.process.deadlines import now
from stream.process.thread_calls import in_thread
from stream.settings import Settings

__all__ = ["ArchiveWriter", "RollOptions", "archive_budget", "roll_options"]

log = logging.getLogger(__name__)

LOCK_LOOK, ROOM_LOOK = 0.5, 2.0
"""Seconds between two looks at a lock, and at the free space."""
GROUP_BYTES = 8 << 20
"""Bytes of records that are written to a file at once: a row group."""


@dataclass(frozen=True, slots=True)
class RollOptions:
    """When a file is complete, and how much memory and disk is used.

    Attributes
    ----------
    file_bytes
        Size at which a file is completed.
    seconds
        Age at which a file is completed.
    buffer_bytes
        Bytes of records in memory, of all partitions together.
    least_free_bytes
        Free bytes of the disk below which nothing more is written.
    """

    file_bytes: int = 128 << 20
    seconds: float = 600.0
    buffer_bytes: int = 16 << 20
    least_free_bytes: int = 256 << 20


def archive_budget(settings: Settings) -> MemoryBudget:
    """Return the memory budget: records are kept whole up to the limit of the raw reader."""
    largest = raw_limits(settings.max_event_bytes).value_bytes
    return MemoryBudget(settings.memory_budget_mb << 20, largest)


def roll_options(settings: Settings, budget: MemoryBudget) -> RollOptions:
    """Return when files are completed, by the settings."""
    return RollOptions(
        file_bytes=settings.archive_file_mb << 20,
        seconds=settings.archive_file_seconds,
        # The source stops at the bytes in flight, so less than those may wait for a file.
        buffer_bytes=budget.in_flight_bytes // 2,
        least_free_bytes=settings.archive_least_free_mb << 20,
    )


def free_bytes(folder: Path) -> int:
    """Return the bytes that this user may still write to the disk of a folder."""
    return shutil.disk_usage(folder).free


class ArchiveWriter:
    """Writes batches to files.

    Parameters
    ----------
    archive
        Folder of the archive; it exists.
    options
        When files are completed.
    topic_id
        Reads the id of a topic.
    crash
        Called with an unrecoverable error.
    on_complete
        Called with each file that is complete.
    on_room
        Called when the disk is full, with the sentence, and with None when it is not any more.
    free
        Returns the free bytes of the disk.

    Attributes
    ----------
    taken
        Number of batches that were taken.
    is_waiting
        Whether it waits for room on the disk.
    """

    def __init__(
        self,
        archive: Path,
        options: RollOptions,
        *,
        topic_id: Callable[[str], Awaitable[str | None]],
        crash: Crash,
        on_complete: Callable[[Completed], None] = lambda _: None,
        on_room: Callable[[str | None], None] = lambda _: None,
        free: Callable[[Path], int] = free_bytes,
    ) -> None:
        self.taken = 0
        self.is_waiting = False
        self._archive = archive
        self._options = options
        self._topic_id = topic_id
        self._crash = crash
        self._on_complete = on_complete
        self._on_room = on_room
        self._free = free
        self._writers: dict[TopicPartition, PartitionWriter] = {}
        self._closing: list[PartitionWriter] = []
        self._turn = asyncio.Lock()
        self._tasks = BackgroundTasks(crash)

    # Partitions

    def assigned(self, partitions: Collection[TopicPartition]) -> None:
        """Discard the open files: after a rebalance, all partitions are started again."""
        self._closing += self._writers.values()
        for writer in self._closing:
            writer.is_lost = True
        self._writers = {}
        self._tasks.start(self._close())

    async def _close(self) -> None:
        async with self._turn:
            while self._closing:
                await self._closing.pop().close()

    async def start_of(self, partition: TopicPartition, commit: Commit | None) -> Start:
        """Return where a partition continues: after its last complete file, whatever is committed.

        Waits until no other process writes to the partition's folder. Without a file the partition
        is read from the start of its log.

        Raises
        ------
        StartupError
            The files are of a topic that was deleted.
        InputError
            Files have offsets in common.
        FatalError
            The folder can't be written.
        """
        await self._close()
        folder = partition_folder(self._archive, partition.topic, partition.partition)
        owner = PartitionOwner(folder)
        try:
            await self._acquire(owner)
            last = await in_thread(owner.last)
            topic_id = await self._topic_id(partition.topic)
            self._require_same_topic(partition, last, topic_id)
        except BaseException as error:
            owner.release()
            if isinstance(error, OSError):
                raise _unwritable(folder, error) from error
            raise
        end = None if last is None else last.end
        if commit is not None and commit.offset > 0 and end is None:
            log.warning(
                "%s/%d: %s has no file, but this group has committed offset %d: the log is read"
                " from its start. If this is not the disk that was used before, stop the worker and"
                " restore the files",
                *(partition.topic, partition.partition, folder, commit.offset),
            )
        self._writers[partition] = PartitionWriter(partition, owner, end, topic_id)
        return Start(end, topic_id=topic_id, has_commit=commit is not None)

    def _require_same_topic(
        self, partition: TopicPartition, last: ArchiveFile | None, topic_id: str | None
    ) -> None:
        before = None if last is None else topic_id_of(last)
        if before is not None and topic_id is not None and before != topic_id:
            raise _replaced(self._archive, partition)

    async def _acquire(self, owner: PartitionOwner) -> None:
        is_reported = False
        while not await in_thread(owner.acquire):
            if not is_reported:
                log.warning(
                    "another process writes to %s: waiting until it releases the folder",
                    owner.folder,
                )
            is_reported = True
            await asyncio.sleep(LOCK_LOOK)

    def lost(self, loss: Loss) -> None:
        """Note records that can never be read."""
        writer = self._writers.get(loss.partition)
        if loss.reason is LossReason.LOG_REPLACED:
            if writer is not None:
                writer.is_lost = True  # what follows has the offsets of other records
            self._tasks.crash(_replaced(self._archive, loss.partition))
        elif writer is not None:
            writer.lost_records(loss)

    # Records

    async def accept(self, batches: Sequence[Batch]) -> None:
        """Write the batches of a poll; waits while the disk is full."""
        try:
            await self._wait_for_room()
            async with self._turn:
                for batch in batches:
                    await self._accept(batch)
        except OSError as error:
            await self._crash(_unwritable(self._archive, error))
        except Exception as error:
            await self._crash(error)

    async def _accept(self, batch: Batch) -> None:
        writer = self._writers.get(batch.partition)
        if writer is None or writer.is_lost or batch.is_revoked:
            return
        self.taken += 1
        self._completed(await writer.add(batch))
        if writer.buffered_bytes >= GROUP_BYTES:
            await writer.flush()
        while self._buffered_bytes() >= self._options.buffer_bytes:
            await max(self._writers.values(), key=lambda each: each.buffered_bytes).flush()
        if writer.file_bytes >= self._options.file_bytes:
            self._completed(await writer.complete())

    def _buffered_bytes(self) -> int:
        return sum(writer.buffered_bytes for writer in self._writers.values())

    def _completed(self, completed: Completed | None) -> None:
        if completed is not None:
            self._on_complete(completed)

    async def roll(self) -> None:
        """Complete the files that are old enough; call it at regular times."""
        await self._complete_older(self._options.seconds)

    async def complete(self) -> None:
        """Complete all open files, before the worker stops."""
        await self._complete_older(0.0)

    async def _complete_older(self, seconds: float) -> None:
        try:
            async with self._turn:
                for writer in list(self._writers.values()):
                    if not (writer.is_empty or writer.is_lost) and writer.age >= seconds:
                        self._completed(await writer.complete())
        except OSError as error:
            await self._crash(_unwritable(self._archive, error))

    async def _wait_for_room(self) -> None:
        least = self._options.least_free_bytes
        since = now()
        while (free := self._free(self._archive)) < least:
            if not self.is_waiting:
                self.is_waiting = True
                sentence = (
                    f"the disk of {self._archive} has {free >> 20} MiB left, less than"
                    f" {least >> 20} (LEADSCORE_ARCHIVE_LEAST_FREE_MB): nothing is archived until"
                    " there is room; move old files elsewhere"
                )
                log.error("%s", sentence)
                self._on_room(sentence)
            await asyncio.sleep(ROOM_LOOK)
        if self.is_waiting:
            self.is_waiting = False
            log.warning("there is room on the disk again, after %.0f s", now() - since)
            self._on_room(None)

    async def stop(self) -> None:
        """Discard what is in no complete file, and release the folders."""
        await self._tasks.cancel()
        self._closing += self._writers.values()
        self._writers = {}
        await self._close()


def _unwritable(folder: Path, error: OSError) -> FatalError:
    return FatalError(
        f"expected to write to {folder}, but {error.strerror or error}: check the disk and the"
        " owner of the folder. What is in no complete file is read again"
    )


def _replaced(archive: Path, partition: TopicPartition) -> StartupError:
    topic = partition.topic
    return StartupError(
        f"expected the log of {topic}/{partition.partition} that {archive} has the beginning"
        " of, but the topic was deleted and created again, or its log was truncated: its offsets"
        f" mean other records now. Move the folder {archive / topic} to another archive, which"
        " stays a source of replays (--archive), and start the worker again"
    )
