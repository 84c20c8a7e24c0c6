"""Whole batches of records to Kafka, in order, by one idempotent producer at a time.

Of a partition one batch is on its way at a time. aiokafka counts a batch's sequence numbers as
used even when the broker refuses the batch (seen on Kafka 4.1): what is behind it is then refused
as out of order, or, where it was the producer's first batch to that partition, written before it.
With one on its way nothing is behind it: a fresh producer takes over, and the order is kept. What
is sent meanwhile goes together, as the next one: so a queue is gone with the next answer.
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
    RETRY_PAUSE,
    BatchBuilder,
    Output,
    Parcel,
    Producer,
    await_partition,
    pack,
    unmendable,
)
from stream.kafka.record_clock import RecordClock
from stream.kafka.topic_limits import LimitReader, TopicLimits

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
        Bytes that a topic is taken to allow whose ``max.message.bytes`` can't be read.
    delivery_limit
        For a batch from ``send`` to its delivery: a broker that is away for less is survived. What
        goes together has the limit of the oldest of it.
    partition_limit
        For a partition that an output topic does not have yet, but the source topic has.
    stop_limit
        For what is on its way when the emitter stops.
    """

    max_batch_bytes: int = 512 * 1024
    fallback_limit: int = 1_000_000
    delivery_limit: float = 120.0
    partition_limit: float = 30.0
    stop_limit: float = 5.0


@dataclass(frozen=True, slots=True)
class _Sending:
    """Rows of one call, on their way."""

    rows: Sequence[Output]
    deadline: float
    """The loop's time until which they must be delivered."""
    delivered: asyncio.Future[None]

    def end(self, error: Exception | None) -> None:
        """Tell the caller, unless that one has given up."""
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
        Makes a producer whose batches have at most so many bytes
        (``stream.kafka.producer.open_producer``).
    read_limits
        Asks the broker for the topics' limits (``stream.kafka.topic_limits.limit_reader``).
    options
        See there.
    clock
        Tells the records' time stamps.

    Attributes
    ----------
    limits
        What the topics take.
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
        self._deliveries: dict[TopicPartition, asyncio.Task[None]] = {}
        self._replacing = asyncio.Lock()
        self._retiring: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Read the topics' limits and connect.

        Raises
        ------
        FatalError
            When there is no broker, or none that lets this user write.
        """
        await self.limits.read()
        try:
            await self._open()
        except KafkaError as error:
            raise unmendable(error) from error
        self._is_connected = True

    async def stop(self) -> None:
        """Deliver what is on its way, within the stop limit, and close the connections."""
        if not self._is_connected:
            return
        by = _now() + self.options.stop_limit
        deliveries = list(self._deliveries.values())
        if not await _finished(deliveries, by):
            log.warning("stopped with batches on their way: the broker did not answer in time")
            for delivery in deliveries:
                delivery.cancel()
        self._retire(self._producer)
        await _finished(self._retiring, by)

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
        sending.delivered.add_done_callback(_look_at)
        self._waiting[to].append(sending)
        if to not in self._deliveries:
            self._deliveries[to] = asyncio.create_task(self._deliver_all(to))
        return (sending.delivered,)

    async def _expect(self, to: TopicPartition) -> None:
        try:
            await await_partition(self._producer, to, self.options.partition_limit)
        except KafkaError as error:
            raise unmendable(error) from error
        self._waiting.setdefault(to, deque())

    async def _deliver_all(self, to: TopicPartition) -> None:
        """Deliver what waits for a partition, until nothing does."""
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
            del self._deliveries[to]
            for sending in (*group, *waiting):  # there are some where the emitter was stopped
                sending.delivered.cancel()

    async def _deliver(self, to: TopicPartition, group: Sequence[_Sending]) -> list[int]:
        """Have rows written; returns the positions of those refused as too large."""
        rows = group[0].rows
        if len(group) > 1:
            rows = [row for sending in group for row in sending.rows]
        refused: list[int] = []
        try:
            async with asyncio.timeout_at(group[0].deadline):
                for parcel in self._pack(rows, 0):
                    refused += await self._write(to, parcel)
        except TimeoutError:
            raise FatalError(
                f"A batch for {to.topic}/{to.partition} was expected to be delivered within "
                f"{self.options.delivery_limit:.0f} s, but was not: check the brokers, and that "
                f"the topic still has partition {to.partition}."
            ) from None
        except KafkaError as error:
            raise unmendable(error) from error
        return refused

    def _pack(self, rows: Sequence[Output], start: int) -> Iterator[Parcel]:
        def create_batch() -> BatchBuilder:
            return self._producer.create_batch()  # that of now: it may be replaced meanwhile

        return pack(create_batch, rows, start=start, timestamp_ms=self._clock.stamp())

    async def _write(self, to: TopicPartition, parcel: Parcel) -> list[int]:
        """Have a batch written; returns the positions of the rows refused as too large."""
        producer = self._producer
        if len(parcel.rows) > 1 and parcel.builder.size() > self._producer_bytes:
            return await self._write_anew(to, parcel)  # packed before a refusal
        try:
            # Asked each time: a topic that was deleted may have come back with fewer partitions.
            await await_partition(producer, to, self.options.partition_limit)
            await (await producer.send_batch(parcel.builder, to.topic, partition=to.partition))
        except (MessageSizeTooLargeError, RecordListTooLargeError):
            await self._learn_limit(to.topic, parcel, producer)
            if len(parcel.rows) == 1:
                return [parcel.start]
        except InvalidTimestampError:
            await self._clock.correct(to.topic, parcel.timestamp_ms)
            await self._replace(producer)  # what it sends next would be out of order
        except ProducerClosed:
            pass  # another partition's trouble has just replaced it
        except KafkaError as error:
            if not error.retriable:
                raise
            # aiokafka itself retries; it gives up only where a partition had no leader for long.
            log.warning("sending to %s: %r, trying again", to, error)
            await asyncio.sleep(RETRY_PAUSE)
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
        """Make batches smaller, and know the limit of a record, after a refusal."""
        async with self._replacing:
            if self._producer is not producer:
                return  # what follows was done for another partition meanwhile
            size, is_one = refused.builder.size(), len(refused.rows) == 1
            await self.limits.learn(topic, size, is_one_record=is_one)
            await self._take_over(producer)

    async def _replace(self, producer: Producer) -> None:
        async with self._replacing:
            if self._producer is producer:
                await self._take_over(producer)

    async def _take_over(self, producer: Producer) -> None:
        while self._producer is producer:
            try:
                await self._open()
            except KafkaError as error:
                if not error.retriable:
                    raise
                log.warning("opening a producer: %r, trying again", error)
                await asyncio.sleep(RETRY_PAUSE)
        self._retire(producer)

    async def _open(self) -> None:
        size = self.limits.batch_bytes
        producer = self._connect(size)
        try:
            await producer.start()
            # Now, rather than in send_batch: a batch that still waits for it there when the
            # producer is replaced would wait for ever.
            for topic in self.limits.topics:
                await producer.partitions_for(topic)
        except BaseException:
            await closed(producer.stop())
            raise
        self._producer, self._producer_bytes = producer, size

    def _retire(self, producer: Producer) -> None:
        """Let a producer deliver what it has, and close it."""
        task = asyncio.create_task(producer.stop())
        self._retiring.add(task)
        task.add_done_callback(self._retiring.discard)


def _next_of(waiting: deque[_Sending]) -> list[_Sending]:
    """Return all that waits, as one batch; nothing of a caller that has stopped waiting."""
    group: list[_Sending] = []
    while waiting:
        sending = waiting.popleft()
        if not sending.delivered.done():
            group.append(sending)
    return group


def _end_all(topic: str, group: Sequence[_Sending], refused: Sequence[int]) -> None:
    """Tell each caller that its rows are delivered, but for those of its own that were refused."""
    first = 0
    for sending in group:
        end = first + len(sending.rows)
        own = [at - first for at in refused if first <= at < end]
        sending.end(RecordsTooLargeError(topic, own) if own else None)
        first = end


def _look_at(delivered: asyncio.Future[None]) -> None:
    """Have an error count as seen: who sent several may stop at the first that fails."""
    if not delivered.cancelled():
        delivered.exception()


async def _finished(tasks: Collection[asyncio.Task[None]], by: float) -> bool:
    """Wait for tasks until the loop's time given; tells whether all have ended."""
    if not tasks:
        return True
    _, pending = await asyncio.wait(tuple(tasks), timeout=max(0.0, by - _now()))
    return not pending


def _now() -> float:
    return asyncio.get_running_loop().time()
