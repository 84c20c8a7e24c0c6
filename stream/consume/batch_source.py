"""Batches of records from Kafka for a Faust agent.

::

    @app.agent(source.channel)
    async def score(polls):
        async for batches in polls:      # what a poll has brought: a batch of each partition
            for batch in batches:        # batch.records: consecutive records of the partition
                if batch.begin():        # False: its partition is no longer ours
                    ...                  # write the outputs, await delivery; on error: app.crash
                    batch.done()         # now its offsets may be committed

The source commits the longest prefix of done batches: each interval, before partitions are
revoked, and at the end. What was not done is read again by the next owner: at least once.

Never wait for ``getmany`` while partitions change hands: aiokafka holds it back from the start of
a rebalance until the new assignment, so waiting for it in ``on_partitions_revoked`` is a deadlock.
It calls ``on_partitions_assigned`` before it hands over a record of the new assignment.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass

import faust
from aiokafka import ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import (
    IllegalStateError,
    InconsistentGroupProtocolError,
    KafkaError,
    NoOffsetForPartitionError,
    OffsetOutOfRangeError,
)
from mode import Service

from schemas.errors import FatalError, InvalidEventError, StartupError
from stream.consume.assignment import Assignment
from stream.consume.batch_channel import BatchChannel
from stream.consume.in_flight import BytesInFlight
from stream.consume.observer import SourceObserver, Unobserved
from stream.consume.offset_committer import CommitterMaker
from stream.consume.offset_reset import OffsetReset
from stream.consume.partition_progress import NO_VERDICTS, Batch, PartitionProgress, Record
from stream.consume.recreated_topics import RecreatedTopics
from stream.consume.unreadable_records import UnreadablePolicy, UnreadableRecords
from stream.fetch.bounded_polls import bytes_of
from stream.fetch.closing import closed
from stream.fetch.raw_batches import RawReader
from stream.kafka.consumer import Consumer
from stream.kafka.group_protocol import OTHER_PROTOCOL
from stream.kafka.lenient_polls import may_be_unreadable
from stream.kafka.shared_settings import OtherDeliveryError

__all__ = ["Batch", "BatchSource", "SourceOptions"]

log = logging.getLogger(__name__)

POLL_MS = 200
"""How long one look for records waits; bounds how late the end of fetching is noticed."""

BEGIN_POLL_MS = 5
"""The same, while the start offset of some partitions is not known yet."""

RETRY_PAUSE = 0.2
"""Seconds before the next look for records after an error that may pass."""

CRASH_LOOK = 0.05
"""Seconds between two looks whether the app has crashed, while batches in flight are awaited."""

POSITION_LIMIT = 0.05
"""Seconds: a position is known at once, or it is being looked up and the next commit asks again."""

LEAVE_LIMIT = 1.5
"""Seconds of the stop that are kept for the last commit and for leaving the group."""


@dataclass(frozen=True, slots=True)
class SourceOptions:
    """How the source reads; all times in seconds.

    Attributes
    ----------
    max_records
        Most records of a poll, all partitions together.
    ahead
        Most polls on the channel: read while the agent is busy.
    in_flight_bytes
        No poll begins while records of as many bytes were handed over and are not done.
    small_poll
        A poll of fewer records is followed by a linger.
    linger
        How long records may gather in the broker after a small poll: less work an event at a low
        rate, at the price of about half of it in latency. 0: never.
    commit_interval
        Between two commits: bounds what is read twice after a crash.
    commit_limit
        For one commit: it is put off to the next interval then.
    revoke_limit
        For batches in flight to finish when partitions are revoked. With ``commit_limit`` shorter
        than the consumer's rebalance time-out.
    stop_limit
        For the whole stop: batches in flight, the last commit, leaving the group.
    topic_limit
        How long the topic may be missing before the source gives up.
    unreadable
        What happens to a record that can't be read: see stream/consume/unreadable_records.
    """

    max_records: int = 2000
    ahead: int = 2
    in_flight_bytes: int = 32 << 20
    small_poll: int = 500
    linger: float = 0.004
    commit_interval: float = 1.0
    commit_limit: float = 5.0
    revoke_limit: float = 5.0
    stop_limit: float = 8.0
    topic_limit: float = 120.0
    unreadable: UnreadablePolicy = "dead_letter"


class BatchSource(Service, ConsumerRebalanceListener):
    """A service that reads one topic as member of a group and puts batches on a channel.

    Parameters
    ----------
    app
        The Faust app: it gets the channel, and is crashed by an error that nothing here can mend.
    topic
        What to read.
    connect
        Makes the consumer (``stream.kafka.consumer.open_consumer``).
    make_committer
        Makes what commits, and looks up start offsets.
    reader
        Reads beside the consumer what that can't decode.
    options, observer
        See there.

    Attributes
    ----------
    channel
        Where the batches come out.
    assignment
        The progress of each partition that is ours, once its start offset is known.
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
        observer: SourceObserver | None = None,
    ) -> None:
        super().__init__()
        self.topic = topic
        self.options = options or SourceOptions()
        self.channel = BatchChannel(app, maxsize=self.options.ahead)
        self.assignment = Assignment()
        self._app = app
        self._connect = connect
        self._make_committer = make_committer
        self._reader = reader
        self._observer = observer or Unobserved()
        self._is_connected = False
        self._is_fetching = True
        self._missing_since: float | None = None
        self._batch_done = asyncio.Event()
        self._in_flight = BytesInFlight(self.options.in_flight_bytes)

    # What can be read of it once it is started

    @property
    def assigned(self) -> frozenset[TopicPartition]:
        """The partitions that the group has assigned to us."""
        return frozenset(self._consumer.assignment()) if self._is_connected else frozenset()

    @property
    def last_commit(self) -> float | None:
        """The loop's time of the last successful commit; None before the first."""
        return self._committer.last_commit if self._is_connected else None

    @property
    def put_off_for(self) -> float:
        """Seconds since which Kafka has not accepted a commit; 0 when all is well."""
        since = self._committer.put_off_since if self._is_connected else None
        return 0.0 if since is None else _now() - since

    @property
    def stalled_for(self) -> float:
        """Seconds since which there is something to read and none of it comes; 0 when all is well.

        Looked at each commit interval.
        """
        now, since = _now(), [progress.behind_since for progress in self.assignment.values()]
        return now - min((at for at in since if at is not None), default=now)

    @property
    def in_flight_bytes(self) -> int:
        """Bytes of records that were handed over and are not done."""
        return self._in_flight.used

    def end_offset(self, partition: TopicPartition) -> int | None:
        """Offset after the last record that can be read, as of the last fetch.

        None before the first fetch, and for partitions that are not ours.
        """
        if not self._is_connected or partition not in self._consumer.assignment():
            return None
        stable = self._consumer.last_stable_offset(partition)
        return stable if stable is not None and stable >= 0 else self._consumer.highwater(partition)

    async def position(self, partition: TopicPartition) -> int | None:
        """Return the offset that is read next; None when the partition is not ours any more."""
        await self._committer.started(partition)
        if partition not in self.assignment:
            return None
        try:
            return int(await self._consumer.position(partition))
        except IllegalStateError:
            return None

    async def commit(self, by: float) -> None:
        """Commit what is due now, by a time of the loop."""
        await self._committer.commit(self.assignment, by)

    # Start and stop

    async def on_start(self) -> None:
        """Connect and join the group; returns when the group has assigned partitions."""
        self._consumer = self._connect()
        self._committer = self._make_committer(
            self._consumer, self._observer.on_commit, self._crash
        )
        self._unreadable = UnreadableRecords(
            self._consumer, self._reader, self._hand_over, self.options.unreadable
        )
        self._offset_reset = OffsetReset(self._consumer, self._observer.on_loss)
        self._recreated_topics = RecreatedTopics(self._observer.on_loss)
        self._is_connected = True
        self._consumer.subscribe([self.topic], listener=self)
        try:
            await self._consumer.start()
        except KafkaError as error:
            await closed(self._consumer.stop())
            raise self._unmendable(error) from error

    def stop_fetching(self) -> None:
        """Hand nothing over from now on; what was handed over but not begun is revoked."""
        self._is_fetching = False
        self.assignment.revoke()

    async def on_stop(self) -> None:
        """Finish what is in flight, commit it, leave the group: all within the stop limit."""
        if not self._is_connected:
            return
        self.stop_fetching()
        deadline = _now() + self.options.stop_limit
        await self._finish(deadline - LEAVE_LIMIT, deadline - LEAVE_LIMIT / 2)
        try:
            async with asyncio.timeout_at(deadline):
                await closed(self._consumer.stop())
        except TimeoutError:
            log.warning("LeaveGroup timed out: the group notices when the session does")

    # Partitions come and go

    async def on_partitions_assigned(self, assigned: Iterable[TopicPartition]) -> None:
        """Start a new assignment."""
        self.assignment.end()
        self.assignment = Assignment(self.assignment.generation + 1, assigned)
        self._unreadable.stopped_at.clear()
        self._recreated_topics.assigned(self.assignment.partitions)
        if self._is_fetching:  # else nobody would end it
            self._committer.start(self.assignment)
        self._observer.on_rebalance(self.assignment.partitions)

    async def on_partitions_revoked(self, revoked: Iterable[TopicPartition]) -> None:
        """Finish and commit what is in flight; never waits for the consumer to fetch."""
        finish_by = _now() + self.options.revoke_limit
        await self._finish(finish_by, finish_by + self.options.commit_limit)

    async def _finish(self, finish_by: float, commit_by: float) -> None:
        """Wait for what is in flight, commit, end the assignment; the next owner has the rest."""
        assignment = self.assignment
        assignment.revoke()
        self._committer.interrupt()
        await self._finish_in_flight(list(assignment.values()), finish_by)
        for progress in assignment.values():
            progress.settle()
        self._look_at_logs(assignment)
        try:
            await self._committer.finish(assignment, commit_by)
        except KafkaError as error:
            await self._crash(error)
        self._look_at_logs(assignment)  # for a first commit that has just been made
        assignment.end()

    async def _finish_in_flight(self, started: Sequence[PartitionProgress], by: float) -> None:
        # Not by the assignment: a revocation that overlaps a stop may end it meanwhile.
        while not self._app.crashed and any(progress.is_in_flight for progress in started):
            if _now() >= by:
                log.warning("batches in flight took too long: their next owner reads them again")
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
            await self._crash(error)
        finally:
            await self._reader.close()

    async def _fetch(self) -> None:
        await self._in_flight.room()
        consumer = self._consumer
        started: Sequence[TopicPartition] = ()  # all
        poll_ms = POLL_MS
        assigned = consumer.assignment()
        if len(self.assignment) < len(assigned):
            started, poll_ms = [at for at in assigned if at in self.assignment], BEGIN_POLL_MS
            if not started:
                await self.sleep(BEGIN_POLL_MS / 1000)
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
                pass  # this poll began before the rebalance; the partition is sought when it starts
            elif may_be_unreadable(error):
                await self._unreadable.read_past(error, self.assignment)
            elif isinstance(error, KafkaError) and error.retriable:
                log.warning("reading %s: %r, trying again", self.topic, error)
                await self.sleep(RETRY_PAUSE)
            else:
                raise
            return
        lingers = self.options.linger > 0 and self._is_small(fetched)
        if lingers:
            # Now, before the client sends its next request: that would be answered with the first
            # record to come, and the records after it would wait in the broker for our return.
            consumer.pause(*consumer.assignment())
        await self._hand_over(fetched)
        # Also without a linger: neither the client nor the channel has to wait under a backlog, and
        # several polls would follow each other while nothing else has its turn.
        await asyncio.sleep(self.options.linger if lingers else 0)
        if lingers:
            consumer.resume(*(set(consumer.paused()) - self._unreadable.stopped_at.keys()))

    async def _hand_over(
        self,
        fetched: Mapping[TopicPartition, Sequence[Record]],
        verdicts: Mapping[int, InvalidEventError] = NO_VERDICTS,
    ) -> None:
        # No await between a fetch and its entry in the progress: to a commit, a partition without
        # batches means that everything below the client's position is done.
        if batches := self._enter(fetched, verdicts):
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
        self.assignment[batch.partition].add(batch)
        self._observer.on_fetch(batch)
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
            await self._crash(error)

    async def _look_after_partitions(self) -> None:
        assignment = self.assignment
        for partition, progress in list(assignment.items()):
            progress.settle()
            await self._follow_position(assignment, partition, progress)
            self._note_stall(partition, progress)
        self._look_at_logs(assignment)
        await self._committer.commit(assignment, _now() + self.options.commit_limit)
        self._check_topic()

    def _look_at_logs(self, assignment: Assignment) -> None:
        for partition, progress in assignment.items():
            end = self.end_offset(partition)
            self._recreated_topics.look(partition, progress, assignment.generation, end)

    async def _follow_position(
        self, assignment: Assignment, partition: TopicPartition, progress: PartitionProgress
    ) -> None:
        try:
            async with asyncio.timeout(POSITION_LIMIT):
                position = await self._consumer.position(partition)
        except (TimeoutError, IllegalStateError):
            return
        if assignment.get(partition) is not progress or not self._is_fetching:
            # Meanwhile the partition was revoked, or its log replaced: the position is of another
            # log or owner, and what lies below it is not done.
            return
        progress.pass_gap(position)

    def _note_stall(self, partition: TopicPartition, progress: PartitionProgress) -> None:
        end = self.end_offset(partition)
        is_left_out = partition in self._unreadable.stopped_at  # a new start would not help
        if end is None or is_left_out or progress.has_open or progress.done_offset in (None, end):
            progress.behind_since = None
        elif progress.behind_since is None:
            progress.behind_since = _now()

    def _check_topic(self) -> None:
        if self._consumer.partitions_for_topic(self.topic):
            self._missing_since = None
        elif self._missing_since is None:
            self._missing_since = _now()
        elif _now() - self._missing_since > self.options.topic_limit:
            raise FatalError(
                f"Topic {self.topic} was expected, but the broker has not known it for "
                f"{self.options.topic_limit:.0f} s: create it with `leadscore topics create`."
            )

    # Errors

    def refused(self, error: KafkaError) -> None:
        """End the worker: it must not be a member of the group."""
        self.add_future(self._crash(error))

    async def _crash(self, error: BaseException) -> None:
        self.stop_fetching()
        reason = error
        if isinstance(error, KafkaError):
            reason = self._unmendable(error)
            reason.__cause__ = error  # a missing right is recognised by it
        await self._app.crash(reason)

    def _unmendable(self, error: KafkaError) -> FatalError:
        if isinstance(error, OtherDeliveryError):
            return StartupError(str(error.args[0]))
        if isinstance(error, InconsistentGroupProtocolError):
            return StartupError(OTHER_PROTOCOL)
        return FatalError(
            f"Records of topic {self.topic} were expected, but Kafka answered {error!r}: check "
            "that the topic exists and that this user may read it and its consumer group."
        )


def _now() -> float:
    return asyncio.get_running_loop().time()
