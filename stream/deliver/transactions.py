"""Exactly once: what comes of a partition, and its offsets, in one transaction after the other.

A partition that is assigned is not read at once: first its writer fences whoever wrote before, and
looks up where that one has left off (stream/deliver/transactional_writer.py); then it is read from
there, and not from where the client has begun meanwhile. That takes tens of milliseconds, beside
the group's protocol: aiokafka sends no heartbeat while ``on_partitions_assigned`` runs.

A transaction lasts about as long as the source's commit interval. Counts of drift are not in it:
they are a function of the log alone, and repetition changes nothing (docs/adr/0006).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Sequence

from aiokafka import TopicPartition

from stream.consume.offset_committer import OnCommit
from stream.consume.partition_progress import Batch, Books, PartitionBooks
from stream.consume.start_offsets import Begin, Beginnings, Crash, without_pin
from stream.deliver.delivery import PartitionLostError
from stream.deliver.transactional_writer import PartitionWriter, WriterOptions
from stream.kafka.committed_offsets import CommittedReader
from stream.kafka.consumer import Consumer
from stream.kafka.producer import Row, TransactionalOpener
from stream.kafka.record_clock import RecordClock
from stream.kafka.topic_limits import TopicLimits

__all__ = ["Transactions"]

log = logging.getLogger(__name__)

COMMIT_LIMIT = 5.0
"""Seconds after which a commit that is under way is told as put off."""


class Transactions:
    """The delivery of outputs and offsets in transactions: ``stream.deliver.delivery.Delivery``.

    Parameters
    ----------
    topics
        Where outputs go; each has as many partitions as the source topic.
    connect
        Makes a transactional producer.
    read_committed
        Fetches the group's commit of a partition.
    begin
        See ``stream.consume.start_offsets.Begin``.
    limits
        What the topics take; whoever made them has read them.
    options
        How partitions are written.
    clock
        Tells the records' time stamps.
    """

    def __init__(
        self,
        *,
        topics: Sequence[str],
        connect: TransactionalOpener,
        read_committed: CommittedReader,
        limits: TopicLimits,
        options: WriterOptions,
        clock: RecordClock | None = None,
        begin: Begin = without_pin,
    ) -> None:
        self._clock = clock
        self.limits = limits
        self.writers: dict[TopicPartition, PartitionWriter] = {}
        self._topics = topics
        self._connect = connect
        self._read_committed = read_committed
        self._options = options
        self._begin = begin

    def committer(
        self, consumer: Consumer, on_commit: OnCommit, crash: Crash
    ) -> TransactionalCommitter:
        """Make the committer of a source that is read exactly once."""
        beginnings = Beginnings(consumer, crash, self._begin, self._options.delivery_limit)
        return TransactionalCommitter(self, beginnings, on_commit, crash)

    def begin(self, partition: TopicPartition, generation: int) -> PartitionWriter:
        """Begin the writer of a partition; nothing is admitted before it is open."""
        writer = self.writers[partition] = PartitionWriter(
            partition,
            generation,
            connect=self._connect,
            read_committed=self._read_committed,
            limits=self.limits,
            topics=self._topics,
            options=self._options,
            clock=self._clock,
        )
        return writer

    async def admit(self, batch: Batch) -> bool:
        """Wait until a batch may be part of a transaction; tells whether it is."""
        writer = self._writer_of(batch)
        return writer is not None and await writer.admit(batch)

    async def send(self, topic: str, batch: Batch, rows: Sequence[Row]) -> list[asyncio.Task[None]]:
        """Send outputs of a batch, in the open transaction of its partition."""
        writer = self._writer_of(batch)
        return [asyncio.create_task(_lost(batch))] if writer is None else writer.send(topic, rows)

    def done(self, batch: Batch) -> None:
        """Have the batch's offsets committed with the transaction."""
        writer = self._writer_of(batch)
        if writer is not None:
            writer.done(batch)

    def _writer_of(self, batch: Batch) -> PartitionWriter | None:
        """Find the writer under whose assignment a batch was read."""
        writer = self.writers.get(batch.partition)
        return writer if writer is not None and writer.generation == batch.generation else None


async def _lost(batch: Batch) -> None:
    raise PartitionLostError(f"{batch.partition} belongs to another")


class TransactionalCommitter:
    """Commits offsets with the outputs, and begins to read where the last commit is.

    A ``stream.consume.offset_committer.Committer``.

    Parameters
    ----------
    transactions
        Have the writers.
    beginnings
        Begin partitions.
    on_commit, crash
        See there.
    """

    def __init__(
        self,
        transactions: Transactions,
        beginnings: Beginnings,
        on_commit: OnCommit,
        crash: Crash,
    ) -> None:
        self.last_commit: float | None = None
        self.put_off_since: float | None = None
        self._lost_since: float | None = None
        self._transactions = transactions
        self._writers = transactions.writers
        self._on_commit = on_commit
        self._crash = crash
        self._beginnings = beginnings
        self._commits: dict[TopicPartition, tuple[asyncio.Task[None], float]] = {}

    # Partitions come and go

    def take_over(self, assigned: Iterable[TopicPartition], generation: int, books: Books) -> None:
        """Have the books of each partition begin once its writer is open."""
        self._lost_since = None
        for partition in assigned:
            writer = self._transactions.begin(partition, generation)
            self._beginnings.begin(partition, books, writer.open)

    async def taken_over(self, partition: TopicPartition) -> None:
        """Wait until the books of a partition have begun, or never will."""
        await self._beginnings.begun(partition)

    def interrupt(self) -> None:
        """End nothing: a commit that is under way ends with its writer, if not before."""

    async def give_up(self, books: Books, by: float) -> None:
        """Commit what is done, abort what is not, and close the producers."""
        await self._beginnings.end(by)
        reserve = (by - _now()) / 4  # for closing
        await self._commit_once_more(books, by - reserve)
        writers = list(self._writers.values())
        self._writers.clear()
        self._commits.clear()
        await asyncio.gather(*(writer.close(by) for writer in writers))

    async def _commit_once_more(self, books: Books, by: float) -> None:
        """Commit all that is done; a commit that is under way may leave something for another."""
        for _ in range(2):
            self._begin_commits(books)
            tasks = [task for task, _ in self._commits.values()]
            if tasks:
                await asyncio.wait(tasks, timeout=max(0.0, by - _now()))

    # Commits

    async def commit(self, books: Books, by: float) -> None:
        """Begin to commit what is due; waits for nothing, as one partition may be slower."""
        self._begin_commits(books)

    def _begin_commits(self, books: Books) -> None:
        for partition, entry in list(books.items()):
            writer = self._writers.get(partition)
            if writer is None:
                continue
            if writer.is_lost:
                self._lose(partition, books)
                continue
            entry.settle()
            if entry.is_due and partition not in self._commits:
                task = writer.commit(entry)
                self._commits[partition] = task, _now()
                task.add_done_callback(self._ended(writer, entry, books))
        begun = min((since for _, since in self._commits.values()), default=_now())
        is_late = _now() - begun > COMMIT_LIMIT
        # Who is fenced is told so by the group, too, and soon; where not, it is a commit put off.
        self.put_off_since = begun if is_late else self._lost_since

    def _ended(
        self, writer: PartitionWriter, entry: PartitionBooks, books: Books
    ) -> Callable[[asyncio.Task[None]], None]:
        def end(task: asyncio.Task[None]) -> None:
            partition = writer.partition
            if self._writers.get(partition) is not writer:
                return
            self._commits.pop(partition, None)
            error = None if task.cancelled() else task.exception()
            if error is None and entry.committed is not None:
                self.last_commit = _now()
                self._on_commit({partition: entry.committed})
            elif isinstance(error, PartitionLostError):
                self._lose(partition, books)
            elif error is not None:
                crashing = asyncio.ensure_future(self._crash(error))
                crashing.add_done_callback(lambda _: None)

        return end

    def _lose(self, partition: TopicPartition, books: Books) -> None:
        """Read no more of a partition that is another's."""
        if entry := books.pop(partition, None):
            entry.revoke()
        if self._lost_since is None:
            self._lost_since = _now()


def _now() -> float:
    return asyncio.get_running_loop().time()
