"""Both deliveries pass the conformance checks on a real Kafka.

Errors that a healthy broker does not give on request come from the producer's side of the wire;
all else, retries and new transactions among it, is between the delivery and the broker.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from functools import partial
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, OffsetAndMetadata, TopicPartition
from aiokafka.errors import KafkaError

from stream.broker import Broker
from stream.consume.partition_progress import PartitionProgress
from stream.deliver.batch_producer import EmitOptions, Emitter
from stream.deliver.delivery import AtLeastOnce, Delivery
from stream.deliver.transactional_writer import WriterOptions
from stream.deliver.transactions import Transactions
from stream.kafka.committed_offsets import GroupOffsets
from stream.kafka.producer import open_producer
from stream.kafka.topic_limits import TopicLimits, limit_reader
from testing.kafka_client import TopicFactory, read_all, until_transactions_ended
from tests.delivery_conformance import (
    BATCH_BYTES,
    GENERATION,
    LIMIT,
    Check,
    Stage,
    each_check,
)

NO_PRODUCER_LIMIT = 10_000
"""Bytes: aiokafka's own limit of a batch would refuse what the broker is to refuse."""


class FailingProducer:
    """A real producer, except that batches fail while there are errors to fail with."""

    def __init__(self, producer: Any, errors: list[KafkaError]) -> None:
        self._producer = producer
        self._errors = errors

    def __getattr__(self, name: str) -> Any:
        return getattr(self._producer, name)

    async def send_batch(self, batch: Any, topic: str, *, partition: int) -> Awaitable[object]:
        if self._errors:
            raise self._errors.pop(0)
        sent: Awaitable[object] = await self._producer.send_batch(batch, topic, partition=partition)
        return sent

    def send_batch_at_once(
        self, batch: Any, topic: str, *, partition: int
    ) -> asyncio.Future[Any] | None:
        if self._errors:
            failed = asyncio.get_running_loop().create_future()
            failed.set_exception(self._errors.pop(0))
            return failed
        sent: asyncio.Future[Any] | None = self._producer.send_batch_at_once(
            batch, topic, partition=partition
        )
        return sent


class KafkaStage(Stage):
    """The part of a stage that both deliveries share: topics, group, readers, scripted errors."""

    def __init__(self, bootstrap: str, names: Mapping[str, str], opened: AsyncExitStack) -> None:
        self.bootstrap = bootstrap
        self.connection = {"bootstrap_servers": bootstrap}
        self.group = names["source"]
        self.partition = TopicPartition(names["source"], 0)
        self.scored, self.dead = names["scored"], names["dead"]
        self.offsets = GroupOffsets(self.connection, self.group)
        self.errors: list[KafkaError] = []
        self.opened = opened

    async def open(self) -> None:
        raise NotImplementedError

    def connect(self, max_batch_bytes: int, **options: Any) -> FailingProducer:
        return FailingProducer(
            open_producer(
                self.connection, max_batch_bytes, max_request_size=NO_PRODUCER_LIMIT, **options
            ),
            self.errors,
        )

    def fail_next(self, error: KafkaError) -> None:
        self.errors.append(error)

    async def visible(self, topic: str) -> list[bytes]:
        if self.is_exactly_once:
            await until_transactions_ended(self.bootstrap, topic)
        records = await read_all(self.bootstrap, topic, committed_only=self.is_exactly_once)
        return [record.value for record in records]

    async def committed(self) -> int | None:
        commit = await self.offsets.read(self.partition)
        return None if commit is None else commit.offset

    async def give_to_next_owner(self) -> Delivery:
        previous = self.delivery
        await self.open()
        return previous


class AtLeastOnceStage(KafkaStage):
    is_exactly_once = False

    async def open(self) -> None:
        emitter = Emitter(
            [self.scored, self.dead],
            self.connect,
            limit_reader(self.connection),
            options=EmitOptions(max_batch_bytes=BATCH_BYTES, delivery_limit=30),
        )
        await emitter.start()
        self.opened.push_async_callback(emitter.stop)
        self.delivery = AtLeastOnce(emitter)

    async def commit(self, progress: PartitionProgress) -> None:
        progress.settle()
        offset, pin = progress.to_commit()
        async with AIOKafkaConsumer(
            **self.connection, group_id=self.group, enable_auto_commit=False
        ) as consumer:
            consumer.assign([self.partition])
            await consumer.commit({self.partition: OffsetAndMetadata(offset, "")})
        progress.is_committed(offset, pin)


class ExactlyOnceStage(KafkaStage):
    is_exactly_once = True

    async def open(self) -> None:
        limits = TopicLimits(
            [self.scored, self.dead],
            limit_reader(self.connection),
            fallback=NO_PRODUCER_LIMIT,
            batch_bytes=BATCH_BYTES,
        )
        await limits.read()
        transactions = Transactions(
            topics=[self.scored, self.dead],
            connect=lambda name, most: self.connect(most, transactional_id=name),
            read_committed=self.offsets.read,
            limits=limits,
            options=WriterOptions(self.group, delivery_limit=30),
        )
        self._writer = writer = transactions.add_writer(self.partition, GENERATION)
        await writer.open()
        self.opened.push_async_callback(lambda: writer.close(asyncio.get_running_loop().time() + 5))
        self.delivery = transactions

    async def commit(self, progress: PartitionProgress) -> None:
        await self._writer.commit(progress)


StageMaker = Callable[[str, Mapping[str, str], AsyncExitStack], KafkaStage]


@asynccontextmanager
async def opened_on(kafka: Broker, topics: TopicFactory, make: StageMaker) -> AsyncIterator[Stage]:
    limited = partial(topics.create, configs={"max.message.bytes": str(LIMIT)})
    names = {
        "source": await topics.create("leads"),
        "scored": await limited("scored"),
        "dead": await limited("dead"),
    }
    async with AsyncExitStack() as opened:
        stage = make(kafka.bootstrap, names, opened)
        await stage.open()
        yield stage


@each_check
@pytest.mark.parametrize(
    "make",
    [
        pytest.param(AtLeastOnceStage, id="at_least_once"),
        pytest.param(ExactlyOnceStage, id="exactly_once"),
    ],
)
async def test_a_delivery_on_a_real_kafka_conforms(
    kafka: Broker, topics: TopicFactory, make: StageMaker, check: Check
) -> None:
    async with opened_on(kafka, topics, make) as stage:
        await check(stage)
