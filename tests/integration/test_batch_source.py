"""The batch source on real Kafka: what it hands over, commits and leaves to others."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete
from aiokafka.consumer.group_coordinator import GroupCoordinator

from schemas.errors import FatalError
from stream.broker import Broker
from stream.consume.batch_source import BatchSource
from stream.consume.lag import lag_of
from stream.consume.lost_records import Loss, LossReason
from stream.consume.observer import Unobserved
from stream.consume.offset_committer import GroupCommitter
from stream.consume.partition_progress import Batch
from stream.consume.source_options import SourceOptions
from stream.fetch.raw_batches import RawBatchReader
from stream.kafka.committed_offsets import GroupOffsets
from stream.kafka.consumer import open_consumer
from testing.fake_app import FakeApp
from testing.kafka_client import (
    Record,
    TopicFactory,
    committed_offsets,
    open_admin,
    produce,
    produce_batch,
    until,
)
from tests.record_batches import Made
from tests.record_batches import batch as batch_bytes

OPTIONS = SourceOptions(commit_interval=0.1, max_records=100)


class Losses(Unobserved):
    """An observer that remembers what was lost."""

    def __init__(self) -> None:
        self.found: list[Loss] = []

    def on_loss(self, loss: Loss) -> None:
        self.found.append(loss)


class Worker:
    """A source, and an agent that notes what it finishes."""

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        *,
        options: SourceOptions = OPTIONS,
        work: Callable[[Batch], Any] | None = None,
        **consumer: Any,
    ) -> None:
        self.app = FakeApp()
        self.losses = Losses()
        connection = {"bootstrap_servers": bootstrap}
        self.source = BatchSource(
            self.app.as_faust(),
            topic,
            lambda: open_consumer(
                connection,
                group_id=topic,
                metadata_max_age=0.5,
                session_timeout=6.0,
                **consumer,
            ),
            partial(GroupCommitter, read_committed=GroupOffsets(connection, topic).read),
            RawBatchReader(connection, consumer.get("isolation_level", "read_uncommitted")),
            options=options,
        )
        self.source.observer = self.losses
        self.finished: list[tuple[int, int, Any]] = []
        self._work = work

    async def _agent(self) -> None:
        while True:
            for batch in await self.source.channel.queue.get():
                if batch.begin():
                    await self._finish(batch)

    async def _finish(self, batch: Batch) -> None:
        if self._work:
            await self._work(batch)
        for record in batch.records:
            self.finished.append((record.partition, record.offset, record.value))
        batch.done()

    @property
    def values(self) -> list[bytes]:
        return [value for _, _, value in self.finished]

    async def __aenter__(self) -> Worker:
        self._task = asyncio.create_task(self._agent())
        try:
            await self.source.start()
        except BaseException:
            self._task.cancel()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.source.stop()
        self._task.cancel()
        assert not self.app.errors


def numbered(first: int, count: int, partitions: int) -> list[Record]:
    return [
        Record(b"%d" % number, b"key", partition=number % partitions)
        for number in range(first, first + count)
    ]


def expected(first: int, count: int) -> list[bytes]:
    return sorted(b"%d" % number for number in range(first, first + count))


@asynccontextmanager
async def steady_input(bootstrap: str, topic: str, partitions: int) -> AsyncIterator[list[bytes]]:
    """Write records all the while; yields the list of what was written."""
    written: list[bytes] = []
    is_over = False

    async def write() -> None:
        async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
            while not is_over:
                value = b"%d" % len(written)
                await producer.send_and_wait(topic, value, partition=len(written) % partitions)
                written.append(value)

    writing = asyncio.create_task(write())
    try:
        yield written
    finally:
        is_over = True
        await writing


async def test_everything_is_handed_over_in_order_and_committed(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("leads", partitions=4)
    await produce(kafka.bootstrap, topic, numbered(0, 4000, 4))

    async with Worker(kafka.bootstrap, topic) as worker:
        await until(lambda: len(worker.finished) == 4000)
        assert {tp.partition for tp in worker.source.assignment} == {0, 1, 2, 3}
    assert sorted(worker.values) == expected(0, 4000)
    for partition in range(4):
        offsets = [offset for at, offset, _ in worker.finished if at == partition]
        assert offsets == list(range(1000))
    committed = await committed_offsets(kafka.bootstrap, topic, topic)
    assert committed == dict.fromkeys(range(4), 1000)


async def test_a_coordinator_that_still_loads_has_nothing_read_again(
    kafka: Broker, topics: TopicFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its answer is an error and no partitions; aiokafka looks at the partitions alone."""
    topic = await topics.create("leads", partitions=4)
    await produce(kafka.bootstrap, topic, numbered(0, 400, 4))
    async with Worker(kafka.bootstrap, topic) as worker:
        await until(lambda: len(worker.finished) == 400)

    async def answer(_: GroupCoordinator, partitions: Any) -> dict[TopicPartition, Any]:
        return {}

    monkeypatch.setattr(GroupCoordinator, "_do_fetch_commit_offsets", answer)
    await produce(kafka.bootstrap, topic, numbered(400, 40, 4))
    async with Worker(kafka.bootstrap, topic) as worker:
        await until(lambda: len(worker.finished) >= 40)
    assert sorted(worker.values) == expected(400, 40)


async def test_nothing_comes_twice_after_a_stop_in_mid_stream(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("leads", partitions=4)
    await produce(kafka.bootstrap, topic, numbered(0, 20_000, 4))

    async def some_work(batch: Batch) -> None:
        await asyncio.sleep(0.02)

    seen: list[bytes] = []
    for _ in range(3):
        async with Worker(kafka.bootstrap, topic, work=some_work) as worker:
            await until(lambda: len(worker.finished) >= 2000)
        seen += worker.values
        assert len(seen) < 20_000
    async with Worker(kafka.bootstrap, topic) as worker:
        await until(lambda: len(seen) + len(worker.finished) >= 20_000)
    assert sorted(seen + worker.values) == expected(0, 20_000)


async def test_workers_that_join_and_leave_lose_nothing(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("leads", partitions=4)
    workers = []

    async def pause(batch: Batch) -> None:
        await asyncio.sleep(0.005)

    def worker() -> Worker:
        workers.append(Worker(kafka.bootstrap, topic, work=pause))
        return workers[-1]

    async with worker() as first, steady_input(kafka.bootstrap, topic, 4) as written:
        for _ in range(2):
            async with worker() as second, worker() as third:
                trio = (first, second, third)
                await until(lambda: all(each.source.assignment for each in trio))  # noqa: B023
                await until(lambda: bool(second.finished and third.finished))
        await until(lambda: len(first.source.assignment) == 4)
    async with worker() as last:
        seen: Counter[bytes] = Counter()

        def all_seen() -> bool:
            seen.clear()
            seen.update(value for each in workers for value in each.values)
            return len(seen) == len(written)

        await until(all_seen)
        assert last.source.assignment.generation == 1
    assert set(seen) == set(written)
    # Every hand-over finished and committed the batches in flight.
    assert sum(seen.values()) == len(written)


async def test_trailing_transaction_marks_are_committed(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("leads")
    async with AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, transactional_id=topic
    ) as producer:
        async with producer.transaction():
            await producer.send(topic, b"kept")
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"dropped")
        await producer.abort_transaction()

    async with Worker(kafka.bootstrap, topic, isolation_level="read_committed") as worker:

        async def all_committed() -> bool:
            return await committed_offsets(kafka.bootstrap, topic, topic) == {0: 4}

        await until(all_committed)
        assert worker.values == [b"kept"]
        lags = lag_of(worker.source, wall_time=0.0, loop_time=0.0)
        assert [lag.messages for lag in lags.values()] == [0]
        assert worker.source.stalled_for == 0.0


async def test_an_open_transaction_is_no_stall(kafka: Broker, topics: TopicFactory) -> None:
    topic = await topics.create("leads")
    async with AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, transactional_id=topic
    ) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"open")
        async with Worker(kafka.bootstrap, topic, isolation_level="read_committed") as worker:
            tp = TopicPartition(topic, 0)
            await until(lambda: worker.source.end_offset(tp) is not None)
            await until(lambda: worker.source.last_commit is not None)
            assert worker.source.stalled_for == 0.0
            await producer.commit_transaction()
            await until(lambda: worker.values == [b"open"])


async def test_a_commit_beyond_an_open_transaction_continues_behind_it(
    kafka: Broker, topics: TopicFactory
) -> None:
    """A worker that read uncommitted records has committed there; it is no loss and no stall."""
    topic = await topics.create("leads")
    tp = TopicPartition(topic, 0)
    async with AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, transactional_id=topic
    ) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"scored before")
        await produce(kafka.bootstrap, topic, [b"scored before, too"])
        async with AIOKafkaConsumer(
            bootstrap_servers=kafka.bootstrap, group_id=topic, enable_auto_commit=False
        ) as consumer:
            consumer.assign([tp])
            await consumer.commit({tp: 2})
        async with Worker(kafka.bootstrap, topic, isolation_level="read_committed") as worker:
            await until(lambda: worker.source.end_offset(tp) == 0)
            await until(
                lambda: (
                    tp in worker.source.assignment and worker.source.assignment[tp].done_offset == 2
                )
            )
            assert worker.source.stalled_for == 0.0
            lags = lag_of(worker.source, wall_time=0.0, loop_time=0.0)
            assert [lag.messages for lag in lags.values()] == [0]
            await producer.abort_transaction()
            await produce(kafka.bootstrap, topic, [b"new"])
            await until(lambda: worker.values == [b"new"])
            assert worker.losses.found == []


async def test_a_commit_beyond_the_end_of_the_log_reads_from_its_beginning(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("leads")
    await produce(kafka.bootstrap, topic, numbered(0, 10, 1))
    tp = TopicPartition(topic, 0)
    async with AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap, group_id=topic, enable_auto_commit=False
    ) as consumer:
        consumer.assign([tp])
        await consumer.commit({tp: 500})

    async with Worker(kafka.bootstrap, topic) as worker:
        await until(lambda: len(worker.finished) == 10)

        async def repaired() -> bool:
            return await committed_offsets(kafka.bootstrap, topic, topic) == {0: 10}

        await until(repaired)
        assert worker.losses.found == [Loss(tp, 10, 500, LossReason.LOG_REPLACED)]


async def remove_below(bootstrap: str, at: TopicPartition, offset: int) -> None:
    """Remove records, as retention does."""
    async with open_admin(bootstrap) as admin:
        await admin.delete_records({at: RecordsToDelete(before_offset=offset)})


async def test_records_removed_before_an_assignment_or_while_it_lasts_are_reported(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("leads")
    tp = TopicPartition(topic, 0)
    await produce(kafka.bootstrap, topic, numbered(0, 100, 1))
    async with Worker(kafka.bootstrap, topic) as worker:
        await until(lambda: len(worker.finished) == 100)
    assert worker.losses.found == []
    await produce(kafka.bootstrap, topic, numbered(100, 100, 1))
    await remove_below(kafka.bootstrap, tp, 150)
    held = asyncio.Event()

    async def hold(batch: Batch) -> None:
        await held.wait()

    options = SourceOptions(commit_interval=0.1, max_records=10, ahead=1)
    consumer = {"max_partition_fetch_bytes": 1000}  # little is fetched ahead
    async with Worker(kafka.bootstrap, topic, options=options, work=hold, **consumer) as worker:
        await until(worker.source.channel.queue.full)
        assert worker.losses.found == [Loss(tp, 100, 150, LossReason.RETENTION)]
        await produce(kafka.bootstrap, topic, numbered(200, 900, 1))
        await remove_below(kafka.bootstrap, tp, 1050)
        held.set()
        await until(lambda: worker.finished[-1:] == [(0, 1099, b"1099")])
        _, later = worker.losses.found
        assert (later.stop, later.reason) == (1050, LossReason.RETENTION)
        seen = {offset for _, offset, _ in worker.finished}
        assert seen == {*range(150, later.start), *range(1050, 1100)}
    assert await committed_offsets(kafka.bootstrap, topic, topic) == {0: 1100}


async def test_a_record_that_cannot_be_read_is_read_past(
    kafka: Broker, topics: TopicFactory, caplog: pytest.LogCaptureFixture
) -> None:
    topic = await topics.create("leads", partitions=3)
    async with Worker(kafka.bootstrap, topic) as worker:
        await produce(kafka.bootstrap, topic, numbered(0, 30, 3))
        await until(lambda: len(worker.finished) == 30)
        made = [Made(b"good"), Made(b"bad", headers=((b"nam\xe9", b""),)), Made(b"good")]
        await produce_batch(kafka.bootstrap, topic, batch_bytes(made, codec="zstd"), partition=1)
        for first in range(30, 3030, 300):
            await produce(kafka.bootstrap, topic, numbered(first, 300, 3))
        await until(lambda: len(worker.finished) == 3033)

        async def is_committed() -> bool:
            committed = await committed_offsets(kafka.bootstrap, topic, topic)
            return committed == {0: 1010, 1: 1013, 2: 1010}

        await until(is_committed)
    for number, count in enumerate((1010, 1013, 1010)):
        offsets = [offset for at, offset, _ in worker.finished if at == number]
        assert offsets == list(range(count)), "in order, each once"
    assert [value for at, offset, value in worker.finished if at == 1 and 10 <= offset < 13] == [
        b"good",
        b"bad",
        b"good",
    ]
    [logged] = [
        record for record in caplog.records if record.name == "stream.consume.unreadable_records"
    ]
    assert "the first at offset 11 (the name of one of its headers is not UTF-8)" in (
        logged.getMessage()
    )


async def test_a_topic_that_is_created_again_is_read_from_its_beginning(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("leads")
    await produce(kafka.bootstrap, topic, numbered(0, 50, 1))

    async with Worker(kafka.bootstrap, topic) as worker:
        await until(lambda: len(worker.finished) == 50)
        async with open_admin(kafka.bootstrap) as admin:
            await admin.delete_topics([topic])

            async def is_gone() -> bool:
                return topic not in await admin.list_topics()

            await until(is_gone)
        await topics.create("leads")
        await produce(kafka.bootstrap, topic, numbered(50, 10, 1))
        await until(lambda: len(worker.finished) == 60)
    assert sorted(worker.values) == expected(0, 60)
    assert await committed_offsets(kafka.bootstrap, topic, topic) == {0: 10}


async def test_a_topic_that_is_removed_for_good_crashes_the_app(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("leads")
    options = SourceOptions(commit_interval=0.1, topic_limit=1.0)
    async with Worker(kafka.bootstrap, topic, options=options) as worker:
        async with open_admin(kafka.bootstrap) as admin:
            await admin.delete_topics([topic])
        await until(lambda: bool(worker.app.errors))
        assert "leadscore topics create" in str(worker.app.errors.pop())


async def test_a_topic_that_does_not_exist_fails_the_start(
    kafka: Broker, topics: TopicFactory
) -> None:
    with pytest.raises(FatalError, match="check that the topic exists"):
        async with Worker(kafka.bootstrap, topics.prefix + "none", request_timeout_ms=1500):
            pass


async def test_new_partitions_are_noticed(kafka: Broker, topics: TopicFactory) -> None:
    topic = await topics.create("leads")
    async with Worker(kafka.bootstrap, topic) as worker:
        async with open_admin(kafka.bootstrap) as admin:
            await admin.create_partitions({topic: _new_partitions(3)})
        await until(lambda: len(worker.source.assignment) == 3)
        await produce(kafka.bootstrap, topic, numbered(0, 9, 3))
        await until(lambda: sorted(worker.values) == expected(0, 9))


def _new_partitions(count: int) -> Any:
    from aiokafka.admin import NewPartitions

    return NewPartitions(count)
