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
from stream.deliver.replaceable_producer import ReplaceableProducer
from stream.deliver.sending import Sending, end_all, take_waiting
from stream.kafka.producer import (
    BatchBuilder,
    Output,
    Parcel,
    PromptProducer,
    as_fatal,
    await_partition,
    pack,
)
from stream.kafka.record_clock import RecordClock
from stream.kafka.topic_limits import LimitReader, TopicLimits
from stream.process.background_tasks import BackgroundTasks
from stream.process.backoff import REQUEST_PAUSE
from stream.process.deadlines import fail_at, now

__all__ = ["EmitOptions", "Emitter", "Output"]

log = logging.getLogger(__name__)

AT_ONCE_ROWS = 100
"""Most rows that are sent without a task for them: few enough to be packed twice if need be."""


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
class _Begun:
    """The rows of one call, sent as one batch; no task waits for it."""

    sending: Sending
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
        self.limits = TopicLimits(
            topics,
            read_limits,
            fallback=self.options.fallback_limit,
            batch_bytes=self.options.max_batch_bytes,
        )
        self._producer = ReplaceableProducer(connect, self.limits)
        self._waiting: dict[TopicPartition, deque[Sending]] = {}
        self._delivering: set[TopicPartition] = set()
        self._begun: dict[TopicPartition, _Begun] = {}
        self._deliveries = BackgroundTasks()

    async def start(self) -> None:
        """Read the topics' limits and connect.

        Raises
        ------
        FatalError
            When no broker answers, or this user may not write.
        """
        await self._producer.open()

    async def stop(self) -> None:
        """Deliver the batches in flight, within the stop limit, and close the connections."""
        if not self._producer.is_open:
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
        await self._producer.close(by)

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
        sending = Sending(rows, deadline, loop.create_future())
        self._waiting[to].append(sending)
        if to not in self._delivering:
            self._delivering.add(to)
            if not self._begin(to, sending):
                self._deliveries.start(self._deliver_all(to))
        return (sending.delivered,)

    def _begin(self, to: TopicPartition, sending: Sending) -> bool:
        """Send the only rows that wait for a partition; return False if a task has to.

        At a low rate most batches have few rows and are delivered at once: to await a task with a
        time limit costs more than all other work on such a batch.
        """
        if len(sending.rows) > AT_ONCE_ROWS:
            return False
        producer, parcel = self._producer.current, next(self._pack(sending.rows, 0))
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
            await await_partition(self._producer.current, to, self.options.partition_limit)
        except KafkaError as error:
            raise as_fatal(error) from error
        self._waiting.setdefault(to, deque())

    async def _deliver_all(self, to: TopicPartition, begun: _Begun | None = None) -> None:
        """Deliver what was begun, and the waiting rows of a partition until there are none."""
        waiting = self._waiting[to]
        group: list[Sending] = []
        try:
            while waiting or begun:
                group = take_waiting(waiting) if begun is None else [begun.sending]
                if not group:
                    continue
                try:
                    refused = await self._deliver(to, group, begun)
                except Exception as error:
                    for sending in group:
                        sending.end(error)
                else:
                    end_all(to.topic, group, refused)
                begun = None
        finally:
            self._delivering.discard(to)
            for sending in (*group, *waiting):  # only if the emitter was stopped
                sending.delivered.cancel()

    async def _deliver(
        self, to: TopicPartition, group: Sequence[Sending], begun: _Begun | None
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
            # Not bound early: the producer may be replaced meanwhile.
            return self._producer.current.create_batch()

        return pack(create_batch, rows, start=start, timestamp_ms=self._clock.stamp())

    async def _write(
        self, to: TopicPartition, parcel: Parcel, begun: _Begun | None = None
    ) -> list[int]:
        """Write a batch, or wait for it; return the positions of the rows refused as too large."""
        producer = self._producer.current if begun is None else begun.producer
        is_too_large = len(parcel.rows) > 1 and parcel.builder.size() > self._producer.batch_bytes
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
            await self._producer.learn_limit(to.topic, parcel, producer)
            if len(parcel.rows) == 1:
                return [parcel.start]
        except InvalidTimestampError:
            await self._clock.correct(to.topic, parcel.timestamp_ms)
            # The next batch of this producer would be refused as out of order.
            await self._producer.replace(producer)
        except ProducerClosed:
            pass  # an error of another partition has just replaced the producer
        except KafkaError as error:
            if not error.retriable:
                raise
            # aiokafka retries, and stops only if a partition has no leader for long.
            log.warning("sending to %s failed: %r; trying again with a new producer", to, error)
            await asyncio.sleep(REQUEST_PAUSE)
            await self._producer.replace(producer)
        else:
            return []
        return await self._write_anew(to, parcel)

    async def _write_anew(self, to: TopicPartition, parcel: Parcel) -> list[int]:
        refused = []
        for part in self._pack(parcel.rows, parcel.start):
            refused += await self._write(to, part)
        return refused
