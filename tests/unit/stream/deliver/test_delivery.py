"""Both deliveries pass the conformance checks on a fake Kafka."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

import pytest
from aiokafka import OffsetAndMetadata, TopicPartition
from aiokafka.errors import KafkaError

from stream.consume.partition_progress import PartitionProgress
from stream.deliver.batch_producer import EmitOptions, Emitter
from stream.deliver.delivery import AtLeastOnce, Delivery
from stream.deliver.transactional_writer import WriterOptions
from stream.deliver.transactions import Transactions
from stream.kafka.topic_limits import TopicLimits
from testing.fake_kafka import TOPIC, FakeKafka
from testing.fake_producer import FakeOutput
from testing.jumping_time import in_jumping_time
from tests import delivery_conformance
from tests.delivery_conformance import (
    BATCH_BYTES,
    CHECKS,
    GENERATION,
    LIMIT,
    Check,
    Opener,
    Stage,
    each_check,
)
from tests.unit.stream.deliver.fake_transactions import FakeCoordinator

AT = TopicPartition(TOPIC, 0)
SCORED, DEAD = "scored", "dead"


class AtLeastOnceStage(Stage):
    partition, scored, dead = AT, SCORED, DEAD
    is_exactly_once = False

    def __init__(self, opened: AsyncExitStack) -> None:
        self._opened = opened
        self._kafka = FakeKafka()
        self._output = FakeOutput([SCORED, DEAD], limit=LIMIT)

    async def open(self) -> None:
        emitter = Emitter(
            [SCORED, DEAD],
            self._output.connect,
            self._output.read_limits,
            options=EmitOptions(
                max_batch_bytes=BATCH_BYTES, fallback_limit=LIMIT, delivery_limit=30
            ),
        )
        await emitter.start()
        self._opened.push_async_callback(emitter.stop)
        self.delivery = AtLeastOnce(emitter)

    def fail_next(self, error: KafkaError) -> None:
        self._output.answers.append(error)

    async def commit(self, progress: PartitionProgress) -> None:
        progress.settle()
        offset, pin = progress.to_commit()
        self._kafka.accept({AT: OffsetAndMetadata(offset, "")})  # by the consumer, afterwards
        progress.is_committed(offset, pin)

    async def visible(self, topic: str) -> list[bytes]:
        return self._output.written[TopicPartition(topic, 0)]

    async def committed(self) -> int | None:
        return self._kafka.committed.get(AT)

    async def give_to_next_owner(self) -> Delivery:
        previous = self.delivery
        await self.open()
        return previous


class ExactlyOnceStage(Stage):
    partition, scored, dead = AT, SCORED, DEAD
    is_exactly_once = True

    def __init__(self, opened: AsyncExitStack) -> None:
        self._opened = opened
        self._kafka = FakeKafka()
        self._coordinator = FakeCoordinator(self._kafka, [SCORED, DEAD], limit=LIMIT)

    async def open(self) -> None:
        transactions = Transactions(
            topics=[SCORED, DEAD],
            connect=self._coordinator.connect,
            read_committed=self._kafka.read_committed,
            limits=TopicLimits(
                [SCORED, DEAD],
                self._coordinator.read_limits,
                fallback=LIMIT,
                batch_bytes=BATCH_BYTES,
            ),
            options=WriterOptions("group", delivery_limit=30),
        )
        self._writer = writer = transactions.add_writer(AT, GENERATION)
        await writer.open()
        self._opened.push_async_callback(
            lambda: writer.close(asyncio.get_running_loop().time() + 1)
        )
        self.delivery = transactions

    def fail_next(self, error: KafkaError) -> None:
        self._coordinator.script["send"].append(error)

    async def commit(self, progress: PartitionProgress) -> None:
        await self._writer.commit(progress)

    async def visible(self, topic: str) -> list[bytes]:
        return self._coordinator.seen[TopicPartition(topic, 0)]

    async def committed(self) -> int | None:
        return self._kafka.committed.get(AT)

    async def give_to_next_owner(self) -> Delivery:
        previous = self.delivery
        await self.open()
        return previous


@asynccontextmanager
async def at_least_once() -> AsyncIterator[Stage]:
    async with AsyncExitStack() as opened:
        stage = AtLeastOnceStage(opened)
        await stage.open()
        yield stage


@asynccontextmanager
async def exactly_once() -> AsyncIterator[Stage]:
    async with AsyncExitStack() as opened:
        stage = ExactlyOnceStage(opened)
        await stage.open()
        yield stage


@each_check
@pytest.mark.parametrize("opened", [at_least_once, exactly_once], ids=lambda it: it.__name__)
@in_jumping_time
async def test_a_delivery_on_a_fake_kafka_conforms(opened: Opener, check: Check) -> None:
    async with opened() as stage:
        await check(stage)


def test_every_check_is_run() -> None:
    written = {
        name
        for name, value in vars(delivery_conformance).items()
        if inspect.iscoroutinefunction(value) and not name.startswith("_")
    }
    assert {check.__name__ for check in CHECKS} == written
