"""A source that is read exactly once: where it begins, what it commits, and what it lets go."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError, KafkaConnectionError

from schemas.errors import FatalError
from stream.consume.batch_source import BatchSource
from stream.consume.partition_progress import Batch
from stream.consume.source_options import SourceOptions
from stream.deliver.delivery import Delivery, PartitionLostError
from stream.deliver.transactional_writer import WriterOptions
from stream.deliver.transactions import Transactions
from stream.kafka.topic_limits import TopicLimits
from testing.fake_app import FakeApp
from testing.fake_consumer import FakeConsumer
from testing.fake_kafka import TOPIC, FakeKafka
from testing.fake_raw_reader import FakeRawReader
from testing.jumping_time import in_jumping_time
from tests.unit.stream.deliver.fake_transactions import FakeCoordinator

AT = TopicPartition(TOPIC, 0)
SCORED = "scored"
ID = f"group/{TOPIC}/0"
OPTIONS = SourceOptions(linger=0.0, max_records=10, commit_interval=0.1)


@dataclass
class Bench:
    """A source on a fake Kafka, and an agent that writes each record's value."""

    kafka: FakeKafka
    coordinator: FakeCoordinator
    consumer: FakeConsumer
    source: BatchSource
    transactions: Transactions
    app: FakeApp
    commits: list[dict[TopicPartition, int]] = field(default_factory=list)
    may_finish: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.may_finish.set()

    async def agent(self) -> None:
        while True:
            for batch in await self.source.channel.queue.get():
                if batch.begin():
                    await self.write(batch)

    async def write(self, batch: Batch) -> None:
        delivery: Delivery = self.transactions
        if not await delivery.admit(batch):
            return
        numbers: list[Any] = [record.value for record in batch.records]
        rows: list[Any] = [(None, b"%d" % number, []) for number in numbers]
        try:
            for sent in await delivery.send(SCORED, batch, rows):
                await sent
        except PartitionLostError:
            return
        await self.may_finish.wait()
        delivery.done(batch)

    def seen(self, partition: int = 0) -> list[int]:
        return [int(value) for value in self.coordinator.seen[TopicPartition(SCORED, partition)]]

    @property
    def sentence(self) -> str:
        [error] = self.app.errors
        assert isinstance(error, FatalError)
        return str(error)

    # What the source tells

    def on_fetch(self, batch: Batch) -> None: ...

    def on_rebalance(self, assignment: Any) -> None: ...

    def on_loss(self, loss: Any) -> None: ...

    def on_commit(self, offsets: Any) -> None:
        self.commits.append(offsets)


@asynccontextmanager
async def running(
    kafka: FakeKafka, coordinator: FakeCoordinator | None = None
) -> AsyncIterator[Bench]:
    coordinator = coordinator or FakeCoordinator(kafka, [SCORED])
    app, consumer = FakeApp(), FakeConsumer(kafka)
    transactions = Transactions(
        topics=[SCORED],
        connect=coordinator.connect,
        read_committed=kafka.read_committed,
        limits=TopicLimits([SCORED], coordinator.read_limits, fallback=1000, batch_bytes=1000),
        options=WriterOptions("group", delivery_limit=30),
    )
    source = BatchSource(
        app.as_faust(),
        TOPIC,
        lambda: consumer,
        transactions.committer,
        FakeRawReader(kafka),
        options=OPTIONS,
    )
    bench = Bench(kafka, coordinator, consumer, source, transactions, app)
    source.observer = bench
    await source.start()
    agent = asyncio.create_task(bench.agent())
    try:
        yield bench
    finally:
        await source.stop()
        agent.cancel()
        assert all(producer.is_stopped for producer in coordinator.producers)


def full_kafka(records: int = 30, partitions: int = 1) -> FakeKafka:
    kafka = FakeKafka(partitions)
    for log in kafka.logs.values():
        log.append(records)
    return kafka


@in_jumping_time
async def test_a_record_that_cannot_be_read_is_read_past() -> None:
    kafka = full_kafka(5, partitions=2)
    kafka[1].unreadable.add(7)
    async with running(kafka) as bench:
        await asyncio.sleep(1)
        for _ in range(20):
            kafka[1].append(1)
            kafka[0].append(3)
            await asyncio.sleep(0.05)
        await asyncio.sleep(3)
        assert not bench.app.errors
    assert bench.seen(0) == list(range(65))
    assert bench.seen(1) == list(range(25)), "in order, each once"
    assert bench.kafka.committed == {AT: 65, TopicPartition(TOPIC, 1): 25}


@in_jumping_time
async def test_everything_is_written_once_and_committed_with_it() -> None:
    async with running(full_kafka(35, partitions=2)) as bench:
        await asyncio.sleep(3)
        assert bench.seen(0) == bench.seen(1) == list(range(35))
        assert bench.kafka.committed == {AT: 35, TopicPartition(TOPIC, 1): 35}
        assert bench.kafka.commits == [], "never by the consumer"
        assert {
            tp: at for each in bench.commits for tp, at in each.items()
        } == bench.kafka.committed
        assert bench.source.last_commit is not None
        assert bench.source.commit_overdue_for == 0


@in_jumping_time
async def test_a_partition_is_read_from_the_commit_that_is_found_after_the_fence() -> None:
    """The client has begun to read earlier: from where a transaction under way had not ended."""
    kafka = full_kafka(30)
    coordinator = FakeCoordinator(kafka, [SCORED])

    def the_last_owners_commit_comes_through() -> None:
        kafka.committed[AT] = 20

    coordinator.script["start"].append(the_last_owners_commit_comes_through)
    async with running(kafka, coordinator) as bench:
        await bench.source.position(AT)
        await asyncio.sleep(3)
        assert bench.seen() == list(range(20, 30))
        assert kafka.committed_reads == 1


@in_jumping_time
async def test_without_a_commit_it_begins_at_the_beginning_and_takes_nothing_before() -> None:
    kafka = full_kafka(30)
    coordinator = FakeCoordinator(kafka, [SCORED])
    coordinator.script["start"].extend([KafkaConnectionError()] * 5)
    async with running(kafka, coordinator) as bench:
        await asyncio.sleep(0.5)
        assert bench.consumer.fetched == []
        await asyncio.sleep(5)
        assert bench.seen() == list(range(30))


@in_jumping_time
async def test_the_position_is_known_when_the_next_owner_starts() -> None:
    kafka = full_kafka(30)
    kafka.committed[AT] = 30
    coordinator = FakeCoordinator(kafka, [SCORED])
    coordinator.script["start"].extend([KafkaConnectionError()] * 5)
    async with running(kafka, coordinator) as bench:
        assert set(bench.source.assignment) == set()
        assert await bench.source.position(AT) == 30
        assert set(bench.source.assignment) == {AT}
        await asyncio.sleep(3)
        assert bench.coordinator.ended == [], "there is nothing to commit"


@in_jumping_time
async def test_batches_in_flight_are_committed_before_partitions_are_revoked() -> None:
    async with running(full_kafka(10)) as bench:
        bench.may_finish.clear()
        await asyncio.sleep(0.5)
        rebalancing = asyncio.create_task(bench.consumer.rebalance([0]))
        await asyncio.sleep(1)
        assert bench.seen() == []
        bench.may_finish.set()
        await rebalancing
        assert bench.seen() == list(range(10))
        await asyncio.sleep(3)
        assert bench.seen() == list(range(10))


@in_jumping_time
async def test_a_batch_that_is_not_done_in_time_is_aborted_and_read_again() -> None:
    async with running(full_kafka(10)) as bench:
        bench.may_finish.clear()
        await asyncio.sleep(0.5)
        await bench.consumer.rebalance([0])
        assert bench.coordinator.ended == ["abort"]
        bench.may_finish.set()
        await asyncio.sleep(3)
        assert bench.seen() == list(range(10))


@in_jumping_time
async def test_a_batch_of_an_earlier_assignment_is_never_part_of_a_later_transaction() -> None:
    async with running(full_kafka(10)) as bench:
        bench.may_finish.clear()
        await asyncio.sleep(0.5)
        [old] = bench.source.assignment[AT]._batches
        await bench.consumer.rebalance([0])
        await bench.source.position(AT)
        assert not await bench.transactions.admit(old)
        [sent] = await bench.transactions.send(SCORED, old, [(None, b"99", [])])
        with pytest.raises(PartitionLostError):
            await sent
        bench.transactions.done(old)
        assert not old.is_done
        bench.may_finish.set()
        await asyncio.sleep(3)
        assert bench.seen() == list(range(10))


@in_jumping_time
async def test_a_partition_that_is_anothers_is_read_no_more_and_the_others_continue() -> None:
    async with running(full_kafka(10, partitions=2)) as bench:
        await asyncio.sleep(1)
        bench.coordinator.fence(ID)
        for log in bench.kafka.logs.values():
            log.append(10)
        await asyncio.sleep(10)
        assert set(bench.source.assignment) == {TopicPartition(TOPIC, 1)}
        assert bench.seen(0) == list(range(10))
        assert bench.seen(1) == list(range(20))
        assert bench.app.errors == []
        assert bench.source.commit_overdue_for > 5, (
            "unless the group takes it away, the worker ends"
        )
        await bench.consumer.rebalance([0, 1])
        await asyncio.sleep(3)
        assert bench.source.commit_overdue_for == 0
        assert bench.seen(0) == list(range(20))


@in_jumping_time
async def test_a_start_that_is_refused_crashes_the_app() -> None:
    kafka = full_kafka(10)
    coordinator = FakeCoordinator(kafka, [SCORED])
    coordinator.script["start"].append(GroupAuthorizationFailedError("group"))
    async with running(kafka, coordinator) as bench:
        await bench.source.position(AT)
        assert "this user may write" in bench.sentence


@in_jumping_time
async def test_a_start_that_takes_too_long_crashes_the_app() -> None:
    kafka = full_kafka(10)
    coordinator = FakeCoordinator(kafka, [SCORED])
    coordinator.script["start"].extend([KafkaConnectionError()] * 1000)
    async with running(kafka, coordinator) as bench:
        await bench.source.position(AT)
        assert "were expected within 30 s" in bench.sentence


@in_jumping_time
async def test_a_start_ends_where_the_partition_is_taken_away_meanwhile() -> None:
    kafka = full_kafka(10, partitions=2)
    coordinator = FakeCoordinator(kafka, [SCORED])
    coordinator.script["start"].extend([KafkaConnectionError()] * 10)
    async with running(kafka, coordinator) as bench:
        await bench.consumer.rebalance([1])
        await asyncio.sleep(5)
        assert set(bench.source.assignment) == {TopicPartition(TOPIC, 1)}
        assert bench.seen(0) == []
        assert bench.seen(1) == list(range(10))


@in_jumping_time
async def test_an_unrecoverable_error_crashes_the_app() -> None:
    async with running(full_kafka(10)) as bench:
        bench.coordinator.script["offsets"].append(GroupAuthorizationFailedError("group"))
        await asyncio.sleep(3)
        assert "this user may write" in bench.sentence
