"""Whole batches of records to Kafka, in order, by one idempotent producer at a time.

At most one batch per partition is in flight. aiokafka counts a batch's sequence numbers as used
even when the broker refuses the batch (seen on Kafka 4.1): the batches behind it are then refused
as out of order, or, if it was the producer's first batch to that partition, written before it. With
one in flight there is none behind it: a new producer replaces this one, and the order is kept. Rows
that are sent meanwhile are combined into the next batch, so a queue is empty after one answer.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import (
    InvalidTimestampError,
    KafkaError,
    MessageSizeTooLargeError,
    ProducerClosed,
    RecordListTooLargeError,
)

from schemas.errors import FatalError
from stream.fetch.closing import closed
from stream.kafka.producer import (
    BatchBuilder,
    Output,
    Parcel,
    PromptProducer,
    as_fatal,
    await_partition,
    is_retriable,
    pack,
)
from stream.kafka.record_clock import RecordClock
from stream.kafka.topic_limits import LimitReader, TopicLimits
from stream.process.background_tasks import BackgroundTasks
from stream.process.backoff import REQUEST_PAUSE, retry
from stream.process.deadlines import fail_at, now

__all__ = ["EmitOptions", "Emitter", "Output", "RecordsTooLargeError"]

log = logging.getLogger(__name__)

AT_ONCE_ROWS = 100
"""Most rows that are sent without a task for them: few enough to be packed twice if need be."""


class RecordsTooLargeError(FatalError):
    """The broker refused records as too large, all others of the batch were delivered.

    Handled, it is a dead letter for each; else it stops the worker.

    Attributes
    ----------
    positions
        Which records, as indices of the rows given to ``send``.
    """

    def __init__(self, topic: str, positions: Sequence[int]) -> None:
        super().__init__(
            f"Topic {topic} was expected to take every record, but refused {len(positions)} as too "
            "large: raise its max.message.bytes, or let this user read it (DescribeConfigs), so "
            "that such records become dead letters before they are sent."
        )
        self.topic = topic
        self.positions = tuple(positions)


@dataclass(frozen=True, slots=True)
class EmitOptions:
    """How the emitter sends; times in seconds.

    Attributes
    ----------
    max_batch_bytes
        Most bytes of a batch, where the topics allow as much.
    fallback_limit
        Assumed ``max.message.bytes`` of a topic where it can't be read.
    delivery_limit
        From ``send`` to delivery: a broker outage that is shorter ends nothing. Rows that go
        together have the deadline of the oldest.
    partition_limit
        For a partition that an output topic does not have yet, but the source topic has.
    stop_limit
        For batches in flight when the emitter stops.
    """

    max_batch_bytes: int = 512 * 1024
    fallback_limit: int = 1_000_000
    delivery_limit: float = 120.0
    partition_limit: float = 30.0
    stop_limit: float = 5.0


@dataclass(frozen=True, slots=True)
class _Sending:
    """The rows of one call, until they are delivered."""

    rows: Sequence[Output]
    deadline: float
    """The loop's time until which they must be delivered."""
    delivered: asyncio.Future[None]

    def end(self, error: Exception | None) -> None:
        """Set the caller's result, unless the caller has stopped waiting."""
        if self.delivered.done():
            return
        if error is None:
            self.delivered.set_result(None)
        else:
            self.delivered.set_exception(error)


@dataclass(frozen=True, slots=True)
class _Begun:
    """The rows of one call, sent as one batch; no task waits for it."""

    sending: _Sending
    parcel: Parcel
    producer: PromptProducer
    written: asyncio.Future[Any]
    overdue: asyncio.TimerHandle


class Emitter:
    """Sends batches, each to a given partition.

    Parameters
    ----------
    topics
        Every topic that is sent to.
    connect
        Makes a producer, given the most bytes of its batches
        (``stream.kafka.producer.open_producer``).
    read_limits
        Asks the broker for the topics' limits (``stream.kafka.topic_limits.limit_reader``).
    options
        How it sends.
    clock
        Gives records their time stamps.

    Attributes
    ----------
    limits
        The largest batch and record that each topic takes.
    """

    def __init__(
        self,
        topics: Collection[str],
        connect: Callable[[int], PromptProducer],
        read_limits: LimitReader,
        *,
        options: EmitOptions | None = None,
        clock: RecordClock | None = None,
    ) -> None:
        self.options = options or EmitOptions()
        self._clock = clock or RecordClock()
        self._connect = connect
        self.limits = TopicLimits(
            topics,
            read_limits,
            fallback=self.options.fallback_limit,
            batch_bytes=self.options.max_batch_bytes,
        )
        self._is_connected = False
        self._waiting: dict[TopicPartition, deque[_Sending]] = {}
        self._delivering: set[TopicPartition] = set()
        self._begun: dict[TopicPartition, _Begun] = {}
        self._deliveries = BackgroundTasks()
        self._replacing = asyncio.Lock()
        self._retiring = BackgroundTasks()

    async def start(self) -> None:
        """Read the topics' limits and connect.

        Raises
        ------
        FatalError
            When no broker answers, or this user may not write.
        """
        await self.limits.read()
        try:
            await self._open()
        except KafkaError as error:
            raise as_fatal(error) from error
        self._is_connected = True

    async def stop(self) -> None:
        """Deliver the batches in flight, within the stop limit, and close the connections."""
        if not self._is_connected:
            return
        by = now() + self.options.stop_limit
        for to in list(self._begun):
            self._take_over(to)
        if not await self._deliveries.finish(by):
            log.warning(
                "batches were not acknowledged within %.1f s of the stop: their offsets are not"
                " committed, so their leads are scored again",
                self.options.stop_limit,
            )
            await self._deliveries.cancel(by)
        self._retire(self._producer)
        await self._retiring.finish(by)

    async def send(
        self,
        topic: str,
        partition: int,
        rows: Sequence[Output],
    ) -> Sequence[asyncio.Future[None]]:
        """Send records to a partition, in order, behind those of earlier calls.

        Parameters
        ----------
        topic
            One of the emitter's topics.
        partition
            Its partition.
        rows
            Key, value and headers of each record.

        Returns
        -------
        sequence of asyncio.Future
            One, or none where there are no rows; it completes when the rows are delivered, and
            raises a FatalError when they could not be.

        Raises
        ------
        FatalError
            When the topic has no such partition.
        """
        if not rows:
            return ()
        to = TopicPartition(topic, partition)
        if to not in self._waiting:
            await self._expect(to)
        loop = asyncio.get_running_loop()
        deadline = loop.time() + self.options.delivery_limit
        sending = _Sending(rows, deadline, loop.create_future())
        sending.delivered.add_done_callback(_retrieve_error)
        self._waiting[to].append(sending)
        if to not in self._delivering:
            self._delivering.add(to)
            if not self._begin(to, sending):
                self._deliveries.start(self._deliver_all(to))
        return (sending.delivered,)

    def _begin(self, to: TopicPartition, sending: _Sending) -> bool:
        """Send the only rows that wait for a partition; return False if a task has to.

        At a low rate most batches have few rows and are delivered at once: what awaits a task with
        a time limit costs more than all else that is done for such a batch.
        """
        if len(sending.rows) > AT_ONCE_ROWS:
            return False
        producer, parcel = self._producer, next(self._pack(sending.rows, 0))
        if len(parcel.rows) < len(sending.rows):
            return False
        written = producer.send_batch_at_once(parcel.builder, to.topic, partition=to.partition)
        if written is None:
            return False
        self._waiting[to].clear()
        overdue = asyncio.get_running_loop().call_at(sending.deadline, self._take_over, to)
        self._begun[to] = _Begun(sending, parcel, producer, written, overdue)
        written.add_done_callback(partial(self._end_begun, to))
        return True

    def _end_begun(self, to: TopicPartition, written: asyncio.Future[Any]) -> None:
        """Complete the call of a batch that was written; a task handles all else."""
        begun = self._begun.get(to)
        if begun is None or begun.written is not written:
            return  # a task has taken over
        if written.cancelled() or written.exception() is not None:
            self._take_over(to)
            return
        self._pop_begun(to).sending.end(None)
        if self._waiting[to]:
            self._deliveries.start(self._deliver_all(to))
        else:
            self._delivering.discard(to)

    def _take_over(self, to: TopicPartition) -> None:
        """Wait for a batch by a task: it has failed, is overdue, or the emitter stops."""
        self._deliveries.start(self._deliver_all(to, self._pop_begun(to)))

    def _pop_begun(self, to: TopicPartition) -> _Begun:
        begun = self._begun.pop(to)
        begun.overdue.cancel()
        return begun

    async def _expect(self, to: TopicPartition) -> None:
        try:
            await await_partition(self._producer, to, self.options.partition_limit)
        except KafkaError as error:
            raise as_fatal(error) from error
        self._waiting.setdefault(to, deque())

    async def _deliver_all(self, to: TopicPartition, begun: _Begun | None = None) -> None:
        """Deliver what was begun, and the waiting rows of a partition until there are none."""
        waiting = self._waiting[to]
        group: list[_Sending] = []
        try:
            while waiting or begun:
                group = _next_of(waiting) if begun is None else [begun.sending]
                if not group:
                    continue
                try:
                    refused = await self._deliver(to, group, begun)
                except Exception as error:
                    for sending in group:
                        sending.end(error)
                else:
                    _end_all(to.topic, group, refused)
                begun = None
        finally:
            self._delivering.discard(to)
            for sending in (*group, *waiting):  # only if the emitter was stopped
                sending.delivered.cancel()

    async def _deliver(
        self, to: TopicPartition, group: Sequence[_Sending], begun: _Begun | None
    ) -> list[int]:
        """Write rows; return the positions of those refused as too large."""
        rows = group[0].rows
        if len(group) > 1:
            rows = [row for sending in group for row in sending.rows]
        refused: list[int] = []
        sentence = (
            f"A batch for {to.topic}/{to.partition} was expected to be delivered within "
            f"{self.options.delivery_limit:.0f} s, but was not: check the brokers, and that "
            f"the topic still has partition {to.partition}."
        )
        if group[0].deadline <= now():  # the batch before it has failed so, and may be under way
            raise FatalError(sentence)
        try:
            async with fail_at(group[0].deadline, sentence):
                for parcel in self._pack(rows, 0) if begun is None else [begun.parcel]:
                    refused += await self._write(to, parcel, begun)
        except KafkaError as error:
            raise as_fatal(error) from error
        return refused

    def _pack(self, rows: Sequence[Output], start: int) -> Iterator[Parcel]:
        def create_batch() -> BatchBuilder:
            return self._producer.create_batch()  # not bound early: it may be replaced meanwhile

        return pack(create_batch, rows, start=start, timestamp_ms=self._clock.stamp())

    async def _write(
        self, to: TopicPartition, parcel: Parcel, begun: _Begun | None = None
    ) -> list[int]:
        """Write a batch, or wait for it; return the positions of the rows refused as too large."""
        producer = self._producer if begun is None else begun.producer
        is_too_large = len(parcel.rows) > 1 and parcel.builder.size() > self._producer_bytes
        if begun is None and is_too_large:
            return await self._write_anew(to, parcel)  # packed before a refusal lowered the limit
        try:
            if begun is None:
                # Each time: a topic may have been deleted and created again with fewer partitions.
                await await_partition(producer, to, self.options.partition_limit)
                await (await producer.send_batch(parcel.builder, to.topic, partition=to.partition))
            else:
                await asyncio.shield(begun.written)
        except (MessageSizeTooLargeError, RecordListTooLargeError):
            await self._learn_limit(to.topic, parcel, producer)
            if len(parcel.rows) == 1:
                return [parcel.start]
        except InvalidTimestampError:
            await self._clock.correct(to.topic, parcel.timestamp_ms)
            await self._replace(producer)  # its next batch would be refused as out of order
        except ProducerClosed:
            pass  # an error of another partition has just replaced the producer
        except KafkaError as error:
            if not error.retriable:
                raise
            # aiokafka retries by itself, and stops only if a partition has no leader for long.
            log.warning("sending to %s failed: %r; trying again with a new producer", to, error)
            await asyncio.sleep(REQUEST_PAUSE)
            await self._replace(producer)
        else:
            return []
        return await self._write_anew(to, parcel)

    async def _write_anew(self, to: TopicPartition, parcel: Parcel) -> list[int]:
        refused = []
        for part in self._pack(parcel.rows, parcel.start):
            refused += await self._write(to, part)
        return refused

    async def _learn_limit(self, topic: str, refused: Parcel, producer: PromptProducer) -> None:
        """Lower the limit of a batch, or of a record, after a refusal."""
        async with self._replacing:
            if self._producer is not producer:
                return  # another partition has replaced the producer meanwhile
            size, is_one = refused.builder.size(), len(refused.rows) == 1
            await self.limits.learn(topic, size, is_one_record=is_one)
            await self._open_in_place_of(producer)

    async def _replace(self, producer: PromptProducer) -> None:
        async with self._replacing:
            if self._producer is producer:
                await self._open_in_place_of(producer)

    async def _open_in_place_of(self, producer: PromptProducer) -> None:
        await retry(self._open, doing="opening a producer", may_pass=is_retriable, log=log)
        self._retire(producer)

    async def _open(self) -> None:
        size = self.limits.batch_bytes
        producer = self._connect(size)
        try:
            await producer.start()
            # Before the first send_batch: a batch that waits there for its topic's partitions
            # when the producer is replaced would wait for ever.
            for topic in self.limits.topics:
                await producer.partitions_for(topic)
        except BaseException:
            await closed(producer.stop())
            raise
        self._producer, self._producer_bytes = producer, size

    def _retire(self, producer: PromptProducer) -> None:
        """Close a producer in the background, once it has delivered its batches."""
        self._retiring.start(producer.stop())


def _next_of(waiting: deque[_Sending]) -> list[_Sending]:
    """Remove and return all that wait, except those whose caller has stopped waiting."""
    group: list[_Sending] = []
    while waiting:
        sending = waiting.popleft()
        if not sending.delivered.done():
            group.append(sending)
    return group


def _end_all(topic: str, group: Sequence[_Sending], refused: Sequence[int]) -> None:
    """Complete the calls of a group; a call with refused rows gets an error that names them."""
    first = 0
    for sending in group:
        end = first + len(sending.rows)
        own = [at - first for at in refused if first <= at < end]
        sending.end(RecordsTooLargeError(topic, own) if own else None)
        first = end


def _retrieve_error(delivered: asyncio.Future[None]) -> None:
    """Mark an error as retrieved: who sent several may stop at the first that fails."""
    if not delivered.cancelled():
        delivered.exception()
