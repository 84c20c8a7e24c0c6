"""Batches of records from Kafka for a Faust agent.

::

    @app.agent(source.channel)
    async def score(polls):
        async for batches in polls:      # what a poll has brought: a batch of each partition
            for batch in batches:        # batch.records: consecutive records of the partition
                if batch.begin():        # False: its partition was revoked
                    ...                  # write the outputs, await delivery; on error: app.crash
                    batch.done()         # now its offsets may be committed

The source commits the longest prefix of done batches: each interval, before partitions are
revoked, and at the end. The next owner reads again what was not done: at least once.

Never wait for ``getmany`` during a rebalance: aiokafka holds it back from the start of the
rebalance until the new assignment, so waiting for it in ``on_partitions_revoked`` is a deadlock.
It calls ``on_partitions_assigned`` before it hands over a record of the new assignment.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress

import faust
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    IllegalStateError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from mode import Service

from schemas.errors import InvalidEventError
from stream.consume.assignment import Assignment
from stream.consume.batch_channel import BatchChannel
from stream.consume.in_flight import BytesInFlight
from stream.consume.log_watch import LogWatch
from stream.consume.observer import SourceObserver, Unobserved
from stream.consume.offset_committer import CommitterMaker
from stream.consume.offset_reset import OffsetReset
from stream.consume.partition_progress import NO_VERDICTS, Batch, PartitionProgress, Record
from stream.consume.pin_ends import Fetched, divided_at_pins
from stream.consume.read_errors import as_fatal
from stream.consume.source_options import SourceOptions
from stream.consume.unreadable_records import UnreadableRecords
from stream.fetch.bounded_polls import bytes_of
from stream.fetch.closing import closed
from stream.fetch.raw_batches import RawReader
from stream.kafka.consumer import Consumer
from stream.kafka.lenient_polls import may_be_unreadable
from stream.process.background_tasks import BackgroundTasks
from stream.process.backoff import REQUEST_PAUSE
from stream.process.deadlines import now

__all__ = ["Batch", "BatchSource"]

log = logging.getLogger(__name__)

POLL_MS = 200
"""Milliseconds that a poll waits for records; a stop is noticed after it."""

START_POLL_MS = 5
"""Milliseconds that a poll waits while the start offset of some partitions is not known yet."""

CRASH_LOOK = 0.05
"""Seconds between two looks whether the app has crashed, while batches in flight are awaited."""

POSITION_LIMIT = 0.05
"""Seconds: a position is known at once, or the next commit asks for it again."""

LEAVE_LIMIT = 1.5
"""Seconds of the stop that are kept for the last commit and for leaving the group."""


class BatchSource(Service, ConsumerRebalanceListener):
    """A service that reads one topic as member of a group and puts batches on a channel.

    Parameters
    ----------
    app
        The Faust app: it gets the channel, and is crashed by an unrecoverable error.
    topic
        What to read.
    connect
        Makes the consumer (``stream.kafka.consumer.open_consumer``).
    make_committer
        Makes the offset committer, which also looks up start offsets.
    reader
        Reads records that the consumer can't decode.
    options
        How it reads.

    Attributes
    ----------
    channel
        The batches.
    observer
        Is called with what the source does; set it before the start.
    assignment
        The progress of each assigned partition whose start offset is known.
    held
        The partitions of which nothing is fetched now; see ``hold``.
    """

    def __init__(
        self,
        app: faust.App,
        topic: str,
        connect: Callable[[], Consumer],
        make_committer: CommitterMaker,
        reader: RawReader,
        *,
        options: SourceOptions | None = None,
    ) -> None:
        super().__init__()
        self.topic = topic
        self.options = options or SourceOptions()
        self.channel = BatchChannel(app, maxsize=self.options.ahead)
        self.assignment = Assignment()
        self.held: set[TopicPartition] = set()
        self._app = app
        self._connect = connect
        self._make_committer = make_committer
        self._reader = reader
        self.observer: SourceObserver = Unobserved()
        self._is_connected = False
        self._is_fetching = True
        self._batch_done = asyncio.Event()
        self._background = BackgroundTasks(self._end_worker)
        self._in_flight = BytesInFlight(self.options.in_flight_bytes)

    # State

    @property
    def assigned(self) -> frozenset[TopicPartition]:
        """The partitions that the group has assigned to this worker."""
        return frozenset(self._consumer.assignment()) if self._is_connected else frozenset()

    @property
    def last_commit(self) -> float | None:
        """The loop's time of the last successful commit; None before the first."""
        return self._committer.last_commit if self._is_connected else None

    @property
    def commit_overdue_for(self) -> float:
        """Seconds for which Kafka has not accepted a commit that is due; 0 when all is well."""
        since = self._committer.overdue_since if self._is_connected else None
        return 0.0 if since is None else now() - since

    @property
    def stalled_for(self) -> float:
        """Seconds for which a partition has had records and none has come; 0 when all is well.

        Updated each commit interval.
        """
        time, since = now(), [progress.behind_since for progress in self.assignment.values()]
        return time - min((at for at in since if at is not None), default=time)

    @property
    def stopped_at(self) -> Mapping[TopicPartition, int]:
        """By partition that stopped at an unreadable record, the record's offset."""
        return self._unreadable.stopped_at if self._is_connected else {}

    @property
    def in_flight_bytes(self) -> int:
        """Bytes of the records in flight."""
        return self._in_flight.used

    def end_offset(self, partition: TopicPartition) -> int | None:
        """Return the offset after the last record that can be read, as of the last fetch.

        None before the first fetch, and for partitions that are not assigned to this worker.
        """
        return self._logs.end_offset(partition) if self._is_connected else None

    def remembers(self, partition: TopicPartition) -> bool:
        """Return whether this worker has seen a commit of a partition before."""
        return self._is_connected and self._logs.remembers(partition)

    async def position(self, partition: TopicPartition) -> int | None:
        """Return the offset that is read next; None once the partition is revoked."""
        await self._committer.started(partition)
        if partition not in self.assignment:
            return None
        try:
            return int(await self._consumer.position(partition))
        except IllegalStateError:
            return None

    async def commit(self, by: float) -> None:
        """Commit what is due now, by a time of the event loop."""
        # Before the commit: a worker that dies after it has reported what is lost.
        self._logs.look_for_replaced(self.assignment)
        await self._committer.commit(self.assignment, by)

    def hold(self, partition: TopicPartition) -> None:
        """Fetch nothing more of a partition until it is released: its batches wait elsewhere."""
        self.held.add(partition)

    def release(self, partition: TopicPartition) -> None:
        """Fetch a partition again after ``hold``."""
        self.held.discard(partition)
        if partition in self.assigned and partition not in self._unreadable.stopped_at:
            self._consumer.resume(partition)

    # Start and stop

    async def on_start(self) -> None:
        """Connect and join the group; returns when the group has assigned partitions."""
        self._consumer = self._connect()
        self._committer = self._make_committer(
            self._consumer, self.observer.on_commit, self._end_worker
        )
        self._unreadable = UnreadableRecords(
            self._consumer, self._reader, self._hand_over, self.options.unreadable
        )
        self._offset_reset = OffsetReset(self._consumer, self.observer.on_loss)
        self._logs = LogWatch(
            self._consumer, self.topic, self.observer.on_loss, self.options.topic_limit
        )
        self._is_connected = True
        self._consumer.subscribe([self.topic], listener=self)
        try:
            await self._consumer.start()
        except KafkaError as error:
            await closed(self._consumer.stop())
            raise as_fatal(error, self.topic) from error

    def stop_fetching(self) -> None:
        """Hand over no more batches; revoke those that no one has started to process."""
        self._is_fetching = False
        self.assignment.revoke()

    async def on_stop(self) -> None:
        """Finish the batches in flight, commit, leave the group: all within the stop limit."""
        if not self._is_connected:
            return
        self.stop_fetching()
        deadline = now() + self.options.stop_limit
        await self._finish(deadline - LEAVE_LIMIT, deadline - LEAVE_LIMIT / 2)
        try:
            async with asyncio.timeout_at(deadline):
                await closed(self._consumer.stop())
        except TimeoutError:
            log.warning(
                "LeaveGroup timed out: the group reassigns the partitions when the session times"
                " out"
            )

    # Rebalances

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Start a new assignment."""
        # No await before the assignment is replaced: a poll that ends meanwhile would enter its
        # records in the assignment of the generation before.
        self.assignment.end()
        self.assignment = Assignment(self.assignment.generation + 1, assigned)
        self._unreadable.stopped_at.clear()
        self._logs.assigned(self.assignment.partitions)
        if self._is_fetching:  # a stop under way would not end what is started now
            self._committer.start(self.assignment)
        self.observer.on_rebalance(self.assignment.partitions)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Finish the batches in flight and commit; never wait for the consumer to fetch.

        aiokafka holds ``getmany`` back until the rebalance is over: waiting for it is a deadlock.
        """
        finish_by = now() + self.options.revoke_limit
        await self._finish(finish_by, finish_by + self.options.commit_limit)

    async def _finish(self, finish_by: float, commit_by: float) -> None:
        """Wait for batches in flight, commit, end the assignment; the next owner reads the rest."""
        assignment = self.assignment
        assignment.revoke()
        # aiokafka retries a commit while no coordinator answers. The one under way would be sent
        # in the next generation, with offsets of partitions that others own by then.
        self._committer.interrupt()
        await self._finish_in_flight(list(assignment.values()), finish_by)
        for progress in assignment.values():
            progress.settle()
        self._logs.look_for_replaced(assignment)
        try:
            await self._committer.finish(assignment, commit_by)
        except KafkaError as error:
            await self._end_worker(error)
        # Again: the first commit of the assignment may only just have been made.
        self._logs.look_for_replaced(assignment)
        assignment.end()

    async def _finish_in_flight(self, started: Sequence[PartitionProgress], by: float) -> None:
        # By its own list: a revocation that overlaps a stop may end the assignment meanwhile.
        while not self._app.crashed and any(progress.is_in_flight for progress in started):
            if now() >= by:
                log.warning(
                    "batches in flight did not finish in time: the next owner of their partitions"
                    " scores them again"
                )
                return
            self._batch_done.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(CRASH_LOOK):
                    await self._batch_done.wait()

    # Fetching

    @Service.task
    async def _fetch_until_stopped(self) -> None:
        try:
            while self._is_fetching:
                await self._fetch()
        except Exception as error:
            await self._end_worker(error)
        finally:
            await self._reader.close()

    async def _fetch(self) -> None:
        await self._in_flight.room()
        consumer = self._consumer
        started: Sequence[TopicPartition] = ()  # all
        poll_ms = POLL_MS
        assigned = consumer.assignment()
        if self.held:  # each time: a new assignment forgets what was paused
            consumer.pause(*self.held.intersection(assigned))
        if len(self.assignment) < len(assigned):
            started, poll_ms = [at for at in assigned if at in self.assignment], START_POLL_MS
            if not started:
                await self.sleep(START_POLL_MS / 1000)
                return
        try:
            fetched = await consumer.getmany(
                *started, timeout_ms=poll_ms, max_records=self.options.max_records
            )
        except Exception as error:
            if not self._is_fetching:
                return
            if isinstance(error, OffsetOutOfRangeError):
                await self._offset_reset.move(error, self.assignment)
            elif isinstance(error, NoOffsetForPartitionError):
                pass  # the poll began before the rebalance; StartOffsets seeks the partition
            elif may_be_unreadable(error):
                await self._unreadable.read_past(error, self.assignment)
            elif isinstance(error, KafkaError) and error.retriable:
                log.warning("reading %s failed: %r; trying again", self.topic, error)
                await self.sleep(REQUEST_PAUSE)
            else:
                raise
            return
        if self.options.linger > 0 and self._is_small(fetched):
            await self._linger_with(fetched)
            return
        await self._hand_over(fetched)
        # Under a backlog neither getmany nor the channel waits, and several polls in a row would
        # keep every other task from running.
        await asyncio.sleep(0)

    async def _linger_with(self, fetched: Mapping[TopicPartition, Sequence[Record]]) -> None:
        """Hand over the records of a small poll, and let more accumulate before the next fetch."""
        # Before the client sends its next request: the broker would answer it with the first
        # record that arrives, and the records after it would wait there for the next poll.
        self._consumer.hold_fetches()
        try:
            await self._hand_over(fetched)
            await asyncio.sleep(self.options.linger)
        finally:
            self._consumer.release_fetches()

    async def _hand_over(
        self,
        fetched: Mapping[TopicPartition, Sequence[Record]],
        verdicts: Mapping[int, InvalidEventError] = NO_VERDICTS,
    ) -> None:
        # No await between a fetch and its entry in the progress: to a commit, a partition without
        # batches means that all records below the client's position are done.
        parts = divided_at_pins(Fetched(fetched, verdicts), self.assignment)
        for batches in [self._enter(*part) for part in parts]:
            if batches:
                await self.channel.put(batches)  # waits while the agent is behind

    def _is_small(self, fetched: Mapping[TopicPartition, Sequence[Record]]) -> bool:
        return 0 < sum(map(len, fetched.values())) < self.options.small_poll

    def _enter(
        self,
        fetched: Mapping[TopicPartition, Sequence[Record]],
        verdicts: Mapping[int, InvalidEventError],
    ) -> list[Batch]:
        batches = [
            self._batch(partition, records, verdicts)
            for partition, records in fetched.items()
            if partition in self.assignment
        ]
        for batch in batches:
            self._enter_one(batch)
        return batches

    def _batch(
        self,
        partition: TopicPartition,
        records: Sequence[Record],
        verdicts: Mapping[int, InvalidEventError],
    ) -> Batch:
        batch = Batch(
            partition,
            records,
            self._batch_done.set,
            self.assignment.generation,
            size=bytes_of(records),
            on_release=self._in_flight.remove,
            verdicts=verdicts,
        )
        self._in_flight.add(batch.size)
        return batch

    def _enter_one(self, batch: Batch) -> None:
        progress = self.assignment[batch.partition]
        batch.topic_id = progress.topic_id
        progress.add(batch)
        self.observer.on_fetch(batch)
        if not self._is_fetching:
            batch.revoke()

    # Committing

    @Service.task
    async def _commit_until_stopped(self) -> None:
        try:
            while not self.should_stop:
                await self.sleep(self.options.commit_interval)
                await self._look_after_partitions()
        except Exception as error:
            await self._end_worker(error)

    async def _look_after_partitions(self) -> None:
        assignment = self.assignment
        for partition, progress in list(assignment.items()):
            progress.settle()
            await self._follow_position(assignment, partition, progress)
            # A restart would help neither.
            is_read = partition not in self._unreadable.stopped_at and partition not in self.held
            progress.note_stall(self.end_offset(partition) if is_read else None, now())
            self._logs.look_for_transactions(partition)
        self._logs.look_for_replaced(assignment)
        await self._committer.commit(assignment, now() + self.options.commit_limit)
        self._logs.look_for_removed()

    async def _follow_position(
        self, assignment: Assignment, partition: TopicPartition, progress: PartitionProgress
    ) -> None:
        try:
            async with asyncio.timeout(POSITION_LIMIT):
                position = await self._consumer.position(partition)
        except (TimeoutError, IllegalStateError):
            return
        if assignment.get(partition) is not progress or not self._is_fetching:
            # The partition was revoked meanwhile, or its log replaced. The position belongs to
            # another log or owner: records below it are not done.
            return
        progress.pass_gap(position)

    # Errors

    def refused(self, error: KafkaError) -> None:
        """End the worker, as it must not be a member of the group."""
        self._background.crash(error)

    async def _end_worker(self, error: BaseException) -> None:
        self.stop_fetching()
        reason = error
        if isinstance(error, KafkaError):
            reason = as_fatal(error, self.topic)
            reason.__cause__ = error  # stream/crash_reason.py recognises a missing right by it
        await self._app.crash(reason)
