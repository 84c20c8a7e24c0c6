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
    Producer,
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
        connect: Callable[[int], Producer],
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
            self._deliveries.start(self._deliver_all(to))
        return (sending.delivered,)

    async def _expect(self, to: TopicPartition) -> None:
        try:
            await await_partition(self._producer, to, self.options.partition_limit)
        except KafkaError as error:
            raise as_fatal(error) from error
        self._waiting.setdefault(to, deque())

    async def _deliver_all(self, to: TopicPartition) -> None:
        """Deliver the waiting rows of a partition until there are none."""
        waiting = self._waiting[to]
        group: list[_Sending] = []
        try:
            while waiting:
                group = _next_of(waiting)
                if not group:
                    continue
                try:
                    refused = await self._deliver(to, group)
                except Exception as error:
                    for sending in group:
                        sending.end(error)
                else:
                    _end_all(to.topic, group, refused)
        finally:
            self._delivering.discard(to)
            for sending in (*group, *waiting):  # only if the emitter was stopped
                sending.delivered.cancel()

    async def _deliver(self, to: TopicPartition, group: Sequence[_Sending]) -> list[int]:
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
        try:
            async with fail_at(group[0].deadline, sentence):
                for parcel in self._pack(rows, 0):
                    refused += await self._write(to, parcel)
        except KafkaError as error:
            raise as_fatal(error) from error
        return refused

    def _pack(self, rows: Sequence[Output], start: int) -> Iterator[Parcel]:
        def create_batch() -> BatchBuilder:
            return self._producer.create_batch()  # not bound early: it may be replaced meanwhile

        return pack(create_batch, rows, start=start, timestamp_ms=self._clock.stamp())

    async def _write(self, to: TopicPartition, parcel: Parcel) -> list[int]:
        """Write a batch; return the positions of the rows refused as too large."""
        producer = self._producer
        if len(parcel.rows) > 1 and parcel.builder.size() > self._producer_bytes:
            return await self._write_anew(to, parcel)  # packed before a refusal lowered the limit
        try:
            # Each time: a topic may have been deleted and created again with fewer partitions.
            await await_partition(producer, to, self.options.partition_limit)
            await (await producer.send_batch(parcel.builder, to.topic, partition=to.partition))
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

    async def _learn_limit(self, topic: str, refused: Parcel, producer: Producer) -> None:
        """Lower the limit of a batch, or of a record, after a refusal."""
        async with self._replacing:
            if self._producer is not producer:
                return  # another partition has replaced the producer meanwhile
            size, is_one = refused.builder.size(), len(refused.rows) == 1
            await self.limits.learn(topic, size, is_one_record=is_one)
            await self._open_in_place_of(producer)

    async def _replace(self, producer: Producer) -> None:
        async with self._replacing:
            if self._producer is producer:
                await self._open_in_place_of(producer)

    async def _open_in_place_of(self, producer: Producer) -> None:
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

    def _retire(self, producer: Producer) -> None:
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
