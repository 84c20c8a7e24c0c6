"""Exactly once: the outputs and offsets of each partition, one transaction after the other.

A partition is not read as soon as it is assigned. First its writer fences the previous owner and
fetches the committed offset (stream/deliver/transactional_writer.py). Then the consumer seeks to
that offset, wherever it has begun to fetch meanwhile. That takes tens of milliseconds and runs in
the background: aiokafka sends no heartbeat while ``on_partitions_assigned`` runs, and a slow start
would cost the worker its membership.

A transaction lasts about as long as the source's commit interval. Drift counts are not in it: they
are a function of the log alone, and repeating them changes nothing (docs/adr/0006).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection, Sequence

from aiokafka import TopicPartition

from stream.consume.assignment import Assignment
from stream.consume.offset_committer import Committer, OnCommit
from stream.consume.partition_progress import Batch, PartitionProgress
from stream.consume.start_offsets import StartOf, StartOffsets, unchecked_start
from stream.deliver.delivery import Delivery, PartitionLostError
from stream.deliver.transactional_writer import PartitionWriter, WriterOptions
from stream.kafka.committed_offsets import CommittedReader
from stream.kafka.consumer import Consumer
from stream.kafka.producer import Output, TransactionalOpener
from stream.kafka.record_clock import RecordClock
from stream.kafka.topic_limits import TopicLimits
from stream.process.background_tasks import BackgroundTasks, Crash, all_ended
from stream.process.deadlines import now

__all__ = ["Transactions"]

log = logging.getLogger(__name__)

COMMIT_LIMIT = 5.0
"""Seconds after which a commit under way is reported as overdue."""


class Transactions(Delivery):
    """Delivery exactly once: outputs and offsets are visible together.

    Parameters
    ----------
    topics
        Where outputs go; each has as many partitions as the source topic.
    connect
        Makes a transactional producer.
    read_committed
        Fetches the group's commit of a partition.
    limits
        The largest batch and record that each topic takes. The emitter, which is started before,
        has read them.
    options
        How partitions are written.
    clock
        Gives records their time stamps.

    Attributes
    ----------
    writers
        By partition of the current assignment.
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
    ) -> None:
        self._clock = clock
        self._limits = limits
        self.writers: dict[TopicPartition, PartitionWriter] = {}
        self._topics = topics
        self._connect = connect
        self._read_committed = read_committed
        self._options = options
        self._refusals = BackgroundTasks()

    def committer(
        self,
        consumer: Consumer,
        on_commit: OnCommit,
        crash: Crash,
        *,
        start_of: StartOf = unchecked_start,
    ) -> TransactionalCommitter:
        """Make the committer of a source that is read exactly once.

        Parameters
        ----------
        consumer, on_commit, crash
            See ``stream.consume.offset_committer.CommitterMaker``.
        start_of
            See ``stream.consume.start_offsets.StartOf``.
        """
        limit = self._options.delivery_limit
        start_offsets = StartOffsets(consumer, crash, start_of, limit)
        return TransactionalCommitter(self, start_offsets, on_commit, crash)

    @property
    def limits(self) -> TopicLimits:
        """The largest batch and record that each output topic takes."""
        return self._limits

    def add_writer(self, partition: TopicPartition, generation: int) -> PartitionWriter:
        """Make the writer of a partition; it admits no batch before it is open."""
        writer = self.writers[partition] = PartitionWriter(
            partition,
            generation,
            connect=self._connect,
            read_committed=self._read_committed,
            limits=self._limits,
            topics=self._topics,
            options=self._options,
            clock=self._clock,
        )
        return writer

    async def admit(self, batch: Batch) -> bool:
        """Wait until the open transaction takes a batch; return False if the partition is lost."""
        writer = self._writer_of(batch)
        return writer is not None and await writer.admit(batch)

    async def send(
        self, topic: str, batch: Batch, rows: Sequence[Output]
    ) -> Sequence[asyncio.Future[None]]:
        """Send outputs of a batch in the open transaction of its partition."""
        writer = self._writer_of(batch)
        if writer is None:
            return [self._refusals.start(_fail_as_lost(batch))]
        return writer.send(topic, rows)

    def done(self, batch: Batch) -> None:
        """Mark a batch as done: the commit of its transaction covers its offsets."""
        writer = self._writer_of(batch)
        if writer is not None:
            writer.done(batch)

    @property
    def fenced(self) -> Collection[TopicPartition]:
        """The partitions whose transactional id a newer producer has."""
        return {at for at, writer in self.writers.items() if writer.is_lost}

    def _writer_of(self, batch: Batch) -> PartitionWriter | None:
        """Return the writer of the assignment under which a batch was read; None if it is over."""
        writer = self.writers.get(batch.partition)
        return writer if writer is not None and writer.generation == batch.generation else None


async def _fail_as_lost(batch: Batch) -> None:
    raise PartitionLostError(f"{batch.partition} has a newer owner")


class TransactionalCommitter(Committer):
    """Commits offsets with the outputs, and starts partitions at their last commit.

    Parameters
    ----------
    transactions
        Owns the writers.
    start_offsets
        Starts partitions.
    on_commit, crash
        Called after a commit, and with an unrecoverable error.
    """

    def __init__(
        self,
        transactions: Transactions,
        start_offsets: StartOffsets,
        on_commit: OnCommit,
        crash: Crash,
    ) -> None:
        self.last_commit: float | None = None
        self.overdue_since: float | None = None
        self._lost_since: float | None = None
        self._transactions = transactions
        self._writers = transactions.writers
        self._on_commit = on_commit
        self._tasks = BackgroundTasks(crash)
        self._start_offsets = start_offsets
        self._commits: dict[TopicPartition, tuple[asyncio.Task[None], float]] = {}

    # Rebalances

    def start(self, assignment: Assignment) -> None:
        """Open the writer of each partition in the background; the partition starts then."""
        self._lost_since = None
        for partition in assignment.partitions:
            writer = self._transactions.add_writer(partition, assignment.generation)
            self._start_offsets.look_up(partition, assignment, writer.open)

    async def started(self, partition: TopicPartition) -> None:
        """Wait until the start of a partition has succeeded, failed or been cancelled."""
        await self._start_offsets.known(partition)

    def interrupt(self) -> None:
        """Cancel nothing: a commit under way ends with its writer at the latest."""

    async def finish(self, assignment: Assignment, by: float) -> None:
        """Commit the done batches, abort the rest, and close the producers, by the deadline."""
        await self._start_offsets.cancel(by)
        reserve = (by - now()) / 4  # for closing
        await self._commit_once_more(assignment, by - reserve)
        writers = list(self._writers.values())
        self._writers.clear()
        self._commits.clear()
        await asyncio.gather(*(writer.close(by) for writer in writers))

    async def _commit_once_more(self, assignment: Assignment, by: float) -> None:
        """Commit all done batches; those after a commit under way need a second one."""
        for _ in range(2):
            self._start_commits(assignment)
            tasks = [task for task, _ in self._commits.values()]
            await all_ended(tasks, by)

    # Commits

    async def commit(self, assignment: Assignment, by: float) -> None:
        """Start a commit of each partition where one is due; partitions do not wait for others."""
        self._start_commits(assignment)

    def _start_commits(self, assignment: Assignment) -> None:
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
                self._commits[partition] = task, now()
                task.add_done_callback(self._ended(writer, progress, assignment))
        oldest = min((since for _, since in self._commits.values()), default=now())
        is_overdue = now() - oldest > COMMIT_LIMIT
        # A fenced worker usually gets a rebalance; until then the commit is reported as overdue.
        self.overdue_since = oldest if is_overdue else self._lost_since

    def _ended(
        self, writer: PartitionWriter, progress: PartitionProgress, assignment: Assignment
    ) -> Callable[[asyncio.Task[None]], None]:
        def end(task: asyncio.Task[None]) -> None:
            partition = writer.partition
            if self._writers.get(partition) is not writer:
                return  # the assignment is over: nobody asks for this commit any more
            self._commits.pop(partition, None)
            error = None if task.cancelled() else task.exception()
            if error is None and progress.committed is not None:
                self.last_commit = now()
                self._on_commit({partition: progress.committed})
            elif isinstance(error, PartitionLostError):
                self._lose(partition, assignment)
            elif error is not None:
                self._tasks.crash(error)

        return end

    def _lose(self, partition: TopicPartition, assignment: Assignment) -> None:
        """Stop reading a partition that a newer owner writes for."""
        assignment.lose(partition)
        if self._lost_since is None:
            self._lost_since = now()
