"""The contract of ``stream.deliver.delivery.Delivery``, for at least once and exactly once."""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Protocol

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaError, NotLeaderForPartitionError, TopicAuthorizationFailedError

from schemas.errors import FatalError
from stream.consume.partition_progress import Batch, PartitionProgress
from stream.deliver.batch_producer import EmitOptions, Emitter, Output, RecordsTooLargeError
from stream.deliver.delivery import AtLeastOnce, Delivery
from stream.deliver.transactional_writer import WriterOptions
from stream.deliver.transactions import Transactions
from stream.kafka.topic_limits import TopicLimits
from testing.fake_kafka import TOPIC, FakeKafka, FakeRecord
from testing.fake_producer import FakeOutput
from testing.jumping_time import in_jumping_time
from tests.unit.stream.deliver.fake_transactions import FakeCoordinator

AT = TopicPartition(TOPIC, 0)
SCORED, DEAD = "scored", "dead"
GENERATION = 1
LIMIT = 1000
TOO_LARGE = b"L" * 2 * LIMIT


class Stage(Protocol):
    """A delivery on a fake Kafka, with one assigned partition."""

    delivery: Delivery

    @abstractmethod
    def fail_next(self, error: KafkaError) -> None:
        """Have Kafka answer the next batch of outputs with an error."""

    @abstractmethod
    async def commit(self, progress: PartitionProgress) -> None:
        """Commit what is due: from then on readers of committed records see the outputs."""

    @abstractmethod
    def visible(self, topic: str) -> list[bytes]:
        """Return the values that such a reader sees."""


class AtLeastOnceStage(Stage):
    def __init__(self, output: FakeOutput, emitter: Emitter) -> None:
        self.delivery = AtLeastOnce(emitter)
        self._output = output

    def fail_next(self, error: KafkaError) -> None:
        self._output.answers.append(error)

    async def commit(self, progress: PartitionProgress) -> None:
        progress.settle()
        progress.is_committed(*progress.to_commit())  # by the consumer, after the outputs

    def visible(self, topic: str) -> list[bytes]:
        return self._output.written[TopicPartition(topic, 0)]


class ExactlyOnceStage(Stage):
    def __init__(self, coordinator: FakeCoordinator, transactions: Transactions) -> None:
        self.delivery = transactions
        self._coordinator = coordinator
        self._transactions = transactions

    def fail_next(self, error: KafkaError) -> None:
        self._coordinator.script["send"].append(error)

    async def commit(self, progress: PartitionProgress) -> None:
        await self._transactions.writers[AT].commit(progress)

    def visible(self, topic: str) -> list[bytes]:
        return self._coordinator.seen[TopicPartition(topic, 0)]


@asynccontextmanager
async def at_least_once() -> AsyncIterator[Stage]:
    output = FakeOutput([SCORED, DEAD], limit=LIMIT)
    emitter = Emitter(
        [SCORED, DEAD],
        output.connect,
        output.read_limits,
        options=EmitOptions(max_batch_bytes=100, fallback_limit=LIMIT, delivery_limit=30),
    )
    await emitter.start()
    yield AtLeastOnceStage(output, emitter)
    await emitter.stop()


@asynccontextmanager
async def exactly_once() -> AsyncIterator[Stage]:
    kafka = FakeKafka()
    coordinator = FakeCoordinator(kafka, [SCORED, DEAD], limit=LIMIT)
    transactions = Transactions(
        topics=[SCORED, DEAD],
        connect=coordinator.connect,
        read_committed=kafka.read_committed,
        limits=TopicLimits(
            [SCORED, DEAD], coordinator.read_limits, fallback=LIMIT, batch_bytes=100
        ),
        options=WriterOptions("group", delivery_limit=30),
    )
    writer = transactions.add_writer(AT, GENERATION)
    await writer.open()
    yield ExactlyOnceStage(coordinator, transactions)
    await writer.close(asyncio.get_running_loop().time() + 1)


Opener = Callable[[], AbstractAsyncContextManager[Stage]]
both = pytest.mark.parametrize("opened", [at_least_once, exactly_once], ids=lambda it: it.__name__)


def batch_of(progress: PartitionProgress, records: int, first: int = 0) -> Batch:
    read = [FakeRecord(offset, 0, offset) for offset in range(first, first + records)]
    batch = Batch(AT, read, generation=GENERATION)  # type: ignore[arg-type]
    progress.add(batch)
    assert batch.begin()
    return batch


def rows_of(values: Iterable[bytes]) -> list[Output]:
    return [(b"key", value, []) for value in values]


async def send(stage: Stage, batch: Batch, topic: str, values: Iterable[bytes]) -> None:
    for sent in await stage.delivery.send(topic, batch, rows_of(values)):
        await sent


@both
@in_jumping_time
async def test_outputs_of_an_admitted_batch_are_visible_in_order_once_committed(
    opened: Opener,
) -> None:
    progress = PartitionProgress()
    async with opened() as stage:
        batch = batch_of(progress, 3)
        assert await stage.delivery.admit(batch)
        await send(stage, batch, SCORED, [b"a", b"b"])
        await send(stage, batch, SCORED, [b"c"])
        await send(stage, batch, DEAD, [b"why"])
        stage.delivery.done(batch)
        await stage.commit(progress)
        assert stage.visible(SCORED) == [b"a", b"b", b"c"]
        assert stage.visible(DEAD) == [b"why"]


@both
@in_jumping_time
async def test_sends_are_ordered_even_if_nobody_waits_for_the_first(opened: Opener) -> None:
    progress = PartitionProgress()
    async with opened() as stage:
        batch = batch_of(progress, 40)
        assert await stage.delivery.admit(batch)
        numbers = [b"%d" % number for number in range(40)]
        sent = [
            future
            for at in range(0, 40, 10)
            for future in await stage.delivery.send(SCORED, batch, rows_of(numbers[at : at + 10]))
        ]
        await asyncio.gather(*sent)
        stage.delivery.done(batch)
        await stage.commit(progress)
        assert stage.visible(SCORED) == numbers


@both
@in_jumping_time
async def test_done_makes_the_offsets_of_the_batch_due(opened: Opener) -> None:
    progress = PartitionProgress()
    async with opened() as stage:
        batch = batch_of(progress, 5)
        assert await stage.delivery.admit(batch)
        await send(stage, batch, SCORED, [b"a"])
        progress.settle()
        assert not progress.is_due
        stage.delivery.done(batch)
        progress.settle()
        assert progress.is_due
        await stage.commit(progress)
        assert progress.committed == 5


@both
@in_jumping_time
async def test_without_rows_there_is_nothing_to_wait_for(opened: Opener) -> None:
    async with opened() as stage:
        batch = batch_of(PartitionProgress(), 1)
        assert await stage.delivery.admit(batch)
        assert list(await stage.delivery.send(SCORED, batch, [])) == []


@both
@in_jumping_time
async def test_the_limits_of_the_output_topics_are_known(opened: Opener) -> None:
    async with opened() as stage:
        limits = stage.delivery.limits
        assert (limits.max_bytes(SCORED), limits.max_bytes(DEAD)) == (LIMIT, LIMIT)


@both
@in_jumping_time
async def test_a_record_refused_as_too_large_is_named_and_the_others_are_delivered(
    opened: Opener,
) -> None:
    progress = PartitionProgress()
    async with opened() as stage:
        batch = batch_of(progress, 3)
        assert await stage.delivery.admit(batch)
        with pytest.raises(RecordsTooLargeError) as refused:
            await send(stage, batch, SCORED, [b"a", TOO_LARGE, b"c"])
        assert refused.value.positions == (1,)
        stage.delivery.done(batch)
        await stage.commit(progress)
        assert stage.visible(SCORED) == [b"a", b"c"]


@both
@in_jumping_time
async def test_after_an_error_that_passes_every_output_is_visible_once(opened: Opener) -> None:
    progress = PartitionProgress()
    async with opened() as stage:
        batch = batch_of(progress, 2)
        assert await stage.delivery.admit(batch)
        stage.fail_next(NotLeaderForPartitionError())
        await send(stage, batch, SCORED, [b"a", b"b"])
        stage.delivery.done(batch)
        await stage.commit(progress)
        assert stage.visible(SCORED) == [b"a", b"b"]


@both
@in_jumping_time
async def test_an_error_that_does_not_pass_is_fatal(opened: Opener) -> None:
    async with opened() as stage:
        batch = batch_of(PartitionProgress(), 1)
        assert await stage.delivery.admit(batch)
        stage.fail_next(TopicAuthorizationFailedError())
        with pytest.raises(FatalError, match="may write to them"):
            await send(stage, batch, SCORED, [b"a"])
