"""One input partition, exactly once: its outputs and its offsets, transaction by transaction.

The rule that makes it sound: the writer of a partition uses that partition's transactional id. It
opens its producer *first*, which fences the previous holder of the id and aborts the transaction it
left open, and fetches the committed offset *then*. So of all workers that ever believed to own the
partition only the latest can commit, and it starts exactly at the last commit.

A transaction that fails is written again from its journal, by a new producer. If another worker
owns the partition by now, that producer fences the rightful owner. So the committed offset is
fetched again: unless it is the one that this writer left, the writer drops the partition.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

from aiokafka import OffsetAndMetadata, TopicPartition
from aiokafka.errors import (
    IllegalOperation,
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    RecordListTooLargeError,
)

from schemas.errors import FatalError
from stream.consume.partition_progress import Batch, PartitionProgress
from stream.deliver.delivery import PartitionLostError
from stream.deliver.journal import Journal, JournalEntry
from stream.deliver.sending import RecordsTooLargeError
from stream.deliver.transactional_producer import FENCED, TransactionalId, may_pass
from stream.kafka.commit_metadata import Commit, ModelPin, metadata_of
from stream.kafka.committed_offsets import CommittedReader
from stream.kafka.producer import (
    Output,
    TransactionalOpener,
    TransactionalProducer,
    as_fatal,
    await_partition,
    pack,
)
from stream.kafka.record_clock import RecordClock
from stream.kafka.topic_limits import TopicLimits
from stream.process.background_tasks import BackgroundTasks
from stream.process.backoff import REQUEST_PAUSE
from stream.process.deadlines import fail_at, now

__all__ = ["PartitionWriter", "WriterOptions"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class WriterOptions:
    """How a partition is written; times in seconds.

    Attributes
    ----------
    group_id
        Whose offsets are committed.
    most_rows
        Outputs of a transaction, about; more of them wait for the next one.
    most_bytes
        Bytes of the records whose outputs a transaction has, about.
    delivery_limit
        For the delivery of an output, and for the commit of a transaction.
    partition_limit
        For a partition that an output topic does not have yet, but the source topic has.
    """

    group_id: str
    most_rows: int = 20_000
    most_bytes: int = 8 << 20
    delivery_limit: float = 120.0
    partition_limit: float = 30.0


class _RefusedError(Exception):
    """The broker refused a batch; the limits or the clock have been corrected."""


class PartitionWriter:
    """Writes the outputs and offsets of one partition while this worker owns it.

    Parameters
    ----------
    partition
        The input partition.
    generation
        Number of the assignment that the partition belongs to.
    connect
        Makes a producer.
    read_committed
        Fetches the group's commit; None where there is none.
    limits
        The largest batch and record that each output topic takes.
    topics
        The output topics.
    options
        How it writes.
    clock
        Gives records their time stamps.

    Attributes
    ----------
    is_lost
        Whether a newer owner has fenced this writer.
    committed
        The group's commit as this writer found or made it; None where there is none.
    """

    def __init__(
        self,
        partition: TopicPartition,
        generation: int,
        *,
        connect: TransactionalOpener,
        read_committed: CommittedReader,
        limits: TopicLimits,
        topics: Collection[str],
        options: WriterOptions,
        clock: RecordClock | None = None,
    ) -> None:
        self._clock = clock or RecordClock()
        self.partition = partition
        self.generation = generation
        self.is_lost = False
        self.committed: Commit | None = None
        number = partition.partition
        self._id = TransactionalId(
            f"{options.group_id}/{partition.topic}/{number}",
            connect,
            limits,
            [TopicPartition(topic, number) for topic in topics],
            options.partition_limit,
        )
        self._read_committed = read_committed
        self._limits = limits
        self._options = options
        self._in_transaction = False
        self._attempted: tuple[Commit, ModelPin | None] | None = None
        self._accepted: tuple[Commit, ModelPin | None] | None = None
        self._journal = Journal(options.most_rows, options.most_bytes)
        self._is_closed = False
        self._changed = asyncio.Event()
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._turn = asyncio.Lock()
        self._tasks = BackgroundTasks()

    # Open and close

    async def open(self) -> Commit | None:
        """Fence the previous owner, then fetch the group's commit.

        Returns
        -------
        Commit or None
            The group's commit; None where there is none.

        Raises
        ------
        FatalError
            When Kafka refuses, or an output topic lacks the partition.
        """
        try:
            await self._id.open()
            self.committed = await self._read_committed(self.partition)
        except KafkaError as error:
            raise as_fatal(error) from error
        return self.committed

    @property
    def is_ours(self) -> bool:
        """Whether this writer may still write."""
        return not (self.is_lost or self._is_closed)

    async def close(self, by: float) -> None:
        """Abort the open transaction and close the connections, by a time of the event loop."""
        self._is_closed = True
        self._wake()
        await self._tasks.cancel()
        producer = self._id.producer
        if (
            producer is not None
            and self._in_transaction
            and not self.is_lost
            # Nothing may be aborted after a commit whose answer is missing: it may be accepted.
            and self._attempted is None
        ):
            self._in_transaction = False
            try:
                async with asyncio.timeout_at(by):
                    await producer.abort_transaction()
            except (KafkaError, IllegalOperation, TimeoutError, AssertionError) as error:
                # AssertionError: aiokafka asserts that its producer has not failed meanwhile.
                log.warning(
                    "aborting the transaction of %s failed: %r; the next owner of the partition"
                    " aborts it",
                    self._id.name,
                    error,
                )
        await self._id.close(by)

    def lose(self) -> None:
        """Drop what is in flight: a newer owner has fenced this writer."""
        if self.is_ours:
            log.warning(
                "%s is fenced by a newer owner: batches in flight are dropped", self.partition
            )
        self.is_lost = True
        self._wake()

    def _wake(self) -> None:
        """Wake all callers that wait."""
        self._is_open.set()
        self._changed.set()

    # Batches

    async def admit(self, batch: Batch) -> bool:
        """Wait until the open transaction takes a batch; return False if the partition is lost."""
        while self.is_ours and (not self._is_open.is_set() or self._journal.is_full):
            self._changed.clear()
            await (self._is_open if not self._is_open.is_set() else self._changed).wait()
        if self.is_ours:
            self._journal.admit(batch)
        return self.is_ours

    def done(self, batch: Batch) -> None:
        """Mark a batch as done: all its outputs are in the transaction."""
        if self.is_ours:
            batch.done()
            self._changed.set()

    def send(self, topic: str, rows: Sequence[Output]) -> list[asyncio.Task[None]]:
        """Send rows to the partition of this number, after those of earlier calls."""
        return [self._tasks.start(self._deliver(JournalEntry(topic, rows)))] if rows else []

    def commit(self, progress: PartitionProgress) -> asyncio.Task[None]:
        """Start to commit the transaction, once all batches admitted to it are done.

        No further batch is admitted until the commit ends.

        Returns
        -------
        asyncio.Task
            Ends with the commit, or as soon as the partition is lost.
        """
        self._is_open.clear()
        return self._tasks.start(self._commit(progress))

    async def _deliver(self, entry: JournalEntry) -> None:
        async with self._limited(), self._turn:
            self._journal.add(entry)
            await self._until_it_works(self._write_journal)
            entry.is_over = True
        if entry.refused:
            raise RecordsTooLargeError(entry.topic, sorted(entry.refused))

    async def _commit(self, progress: PartitionProgress) -> None:
        try:
            async with self._limited():
                while self.is_ours and not self._journal.is_complete:
                    self._changed.clear()
                    await self._changed.wait()
                async with self._turn:
                    progress.settle()
                    await self._until_it_works(lambda: self._end_transaction(progress))
        finally:
            self._wake()

    @asynccontextmanager
    async def _limited(self) -> AsyncIterator[None]:
        limit = self._options.delivery_limit
        sentence = (
            f"The outputs of {self.partition} were expected to be delivered and committed within "
            f"{limit:.0f} s, but were not: check the brokers."
        )
        try:
            async with fail_at(now() + limit, sentence):
                yield
        except asyncio.CancelledError:
            if self._is_closed:
                raise self._lost() from None
            raise

    def _lost(self) -> PartitionLostError:
        return PartitionLostError(f"{self.partition} has a newer owner")

    # In the transaction

    async def _until_it_works(self, step: Callable[[], Awaitable[None]]) -> None:
        """Run a step; after an error that may pass, write the transaction again and repeat it."""
        is_broken = False
        while True:
            if not self.is_ours:
                raise self._lost()
            try:
                if not is_broken:
                    return await step()
                await self._open_anew()
                is_broken = False
            except _RefusedError:
                is_broken = True
            except FENCED as error:
                self.lose()
                raise self._lost() from error
            except (KafkaError, IllegalOperation) as error:
                if not may_pass(error):
                    raise as_fatal(error) from error
                log.warning(
                    "the transaction of %s failed: %r; writing it again", self._id.name, error
                )
                await asyncio.sleep(REQUEST_PAUSE)
                is_broken = True

    async def _write_journal(self) -> None:
        for entry in self._journal.unwritten():
            await self._write(entry)

    async def _write(self, entry: JournalEntry) -> None:
        producer, number = await self._producer_in_transaction(), self.partition.partition
        kept, now_ms = entry.kept, self._clock.stamp()
        rows = [entry.rows[at] for at in kept]
        to = TopicPartition(entry.topic, number)
        for parcel in pack(producer.create_batch, rows, timestamp_ms=now_ms):
            try:
                await await_partition(producer, to, self._options.partition_limit)
                await (await producer.send_batch(parcel.builder, entry.topic, partition=number))
            except (MessageSizeTooLargeError, RecordListTooLargeError) as error:
                is_one = len(parcel.rows) == 1
                size = parcel.builder.size()
                await self._limits.learn(entry.topic, size, is_one_record=is_one)
                if is_one:
                    entry.refused.add(kept[parcel.start])
                    if entry.is_over:  # the limit was lowered since; a restart reads it
                        raise FatalError(
                            f"Topic {entry.topic} was expected to take a record that it took"
                            f" before, but Kafka answered {error!r}: the worker exits and reads the"
                            " topic's size limit again; do not lower its max.message.bytes while"
                            " workers run."
                        ) from error
                raise _RefusedError from error
            except InvalidTimestampError as error:
                await self._clock.correct(entry.topic, parcel.timestamp_ms)
                raise _RefusedError from error
        entry.is_written = True

    async def _producer_in_transaction(self) -> TransactionalProducer:
        producer = self._id.producer
        assert producer is not None, "open() comes first"
        if not self._in_transaction:
            await producer.begin_transaction()
            self._in_transaction = True
        return producer

    async def _end_transaction(self, progress: PartitionProgress) -> None:
        if self._accepted is None:
            offset, pin = progress.to_commit()
            commit = Commit(offset, metadata_of(offset, pin, progress.topic_id))
            await self._write_journal()
            producer = await self._producer_in_transaction()
            offsets = {self.partition: OffsetAndMetadata(*commit)}
            await producer.send_offsets_to_transaction(offsets, self._options.group_id)
            self._attempted = commit, pin
            await producer.commit_transaction()
            self.committed, self._attempted, self._in_transaction = commit, None, False
        else:
            commit, pin = self._accepted
        progress.is_committed(commit.offset, pin)
        self._accepted = None
        self._journal.clear()

    # Producers

    async def _open_anew(self) -> None:
        """Open a new producer, which aborts the transaction; mark its journal as not written."""
        await self._id.open()
        found = await self._read_committed(self.partition)
        if self._attempted is not None and found == self._attempted[0]:
            # The commit was accepted and only its answer lost; or another worker has committed the
            # same offset and model, with the same outputs.
            self._accepted = self._attempted
        elif found != self.committed:  # equal: the transaction of this writer was aborted
            self.lose()
        self.committed, self._attempted, self._in_transaction = found, None, False
        self._journal.mark_unwritten()
