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
from collections.abc import Callable, Sequence

from aiokafka import TopicPartition

from stream.consume.assignment import Assignment
from stream.consume.offset_committer import OnCommit
from stream.consume.partition_progress import Batch, PartitionProgress
from stream.consume.start_offsets import Crash, PinOf, StartOffsets, without_pin
from stream.deliver.delivery import PartitionLostError
from stream.deliver.transactional_writer import PartitionWriter, WriterOptions
from stream.kafka.committed_offsets import CommittedReader
from stream.kafka.consumer import Consumer
from stream.kafka.producer import Output, TransactionalOpener
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
    pin_of
        See ``stream.consume.start_offsets.PinOf``.
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
        pin_of: PinOf = without_pin,
    ) -> None:
        self._clock = clock
        self.limits = limits
        self.writers: dict[TopicPartition, PartitionWriter] = {}
        self._topics = topics
        self._connect = connect
        self._read_committed = read_committed
        self._options = options
        self._pin_of = pin_of

    def committer(
        self, consumer: Consumer, on_commit: OnCommit, crash: Crash
    ) -> TransactionalCommitter:
        """Make the committer of a source that is read exactly once."""
        limit = self._options.delivery_limit
        start_offsets = StartOffsets(consumer, crash, self._pin_of, limit)
        return TransactionalCommitter(self, start_offsets, on_commit, crash)

    def add_writer(self, partition: TopicPartition, generation: int) -> PartitionWriter:
        """Make the writer of a partition; nothing is admitted before it is open."""
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

    async def send(
        self, topic: str, batch: Batch, rows: Sequence[Output]
    ) -> list[asyncio.Task[None]]:
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
    """Commits offsets with the outputs, and starts partitions at their last commit.

    A ``stream.consume.offset_committer.Committer``.

    Parameters
    ----------
    transactions
        Have the writers.
    start_offsets
        Starts partitions.
    on_commit, crash
        See there.
    """

    def __init__(
        self,
        transactions: Transactions,
        start_offsets: StartOffsets,
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
        self._start_offsets = start_offsets
        self._commits: dict[TopicPartition, tuple[asyncio.Task[None], float]] = {}

    # Partitions come and go

    def start(self, assignment: Assignment) -> None:
        """Open the writer of each partition in the background; the partition starts then."""
        self._lost_since = None
        for partition in assignment.partitions:
            writer = self._transactions.add_writer(partition, assignment.generation)
            self._start_offsets.look_up(partition, assignment, writer.open)

    async def started(self, partition: TopicPartition) -> None:
        """Wait until a partition has started, or never will."""
        await self._start_offsets.known(partition)

    def interrupt(self) -> None:
        """End nothing: a commit that is under way ends with its writer, if not before."""

    async def finish(self, assignment: Assignment, by: float) -> None:
        """Commit what is done, abort what is not, and close the producers."""
        await self._start_offsets.cancel(by)
        reserve = (by - _now()) / 4  # for closing
        await self._commit_once_more(assignment, by - reserve)
        writers = list(self._writers.values())
        self._writers.clear()
        self._commits.clear()
        await asyncio.gather(*(writer.close(by) for writer in writers))

    async def _commit_once_more(self, assignment: Assignment, by: float) -> None:
        """Commit all that is done; a commit that is under way may leave something for another."""
        for _ in range(2):
            self._begin_commits(assignment)
            tasks = [task for task, _ in self._commits.values()]
            if tasks:
                await asyncio.wait(tasks, timeout=max(0.0, by - _now()))

    # Commits

    async def commit(self, assignment: Assignment, by: float) -> None:
        """Schedule a commit of what is due; waits for none, as one partition may be slower."""
        self._begin_commits(assignment)

    def _begin_commits(self, assignment: Assignment) -> None:
        for partition, progress in list(assignment.items()):
            writer = self._writers.get(partition)
            if writer is None:
                continue
            if writer.is_lost:
                self._lose(partition, assignment)
                continue
            progress.settle()
            if progress.is_due and partition not in self._commits:
                task = writer.commit(progress)
                self._commits[partition] = task, _now()
                task.add_done_callback(self._ended(writer, progress, assignment))
        begun = min((since for _, since in self._commits.values()), default=_now())
        is_late = _now() - begun > COMMIT_LIMIT
        # A fenced worker usually gets a rebalance; until then the commit is reported as overdue.
        self.put_off_since = begun if is_late else self._lost_since

    def _ended(
        self, writer: PartitionWriter, progress: PartitionProgress, assignment: Assignment
    ) -> Callable[[asyncio.Task[None]], None]:
        def end(task: asyncio.Task[None]) -> None:
            partition = writer.partition
            if self._writers.get(partition) is not writer:
                return
            self._commits.pop(partition, None)
            error = None if task.cancelled() else task.exception()
            if error is None and progress.committed is not None:
                self.last_commit = _now()
                self._on_commit({partition: progress.committed})
            elif isinstance(error, PartitionLostError):
                self._lose(partition, assignment)
            elif error is not None:
                crashing = asyncio.ensure_future(self._crash(error))
                crashing.add_done_callback(lambda _: None)

        return end

    def _lose(self, partition: TopicPartition, assignment: Assignment) -> None:
        """Read no more of a partition that another worker writes for."""
        assignment.lose(partition)
        if self._lost_since is None:
            self._lost_since = _now()


def _now() -> float:
    return asyncio.get_running_loop().time()
