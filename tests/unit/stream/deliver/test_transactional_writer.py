"""The writer of one partition: all or nothing, once, and nothing once it is another's."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass

import pytest
from aiokafka import OffsetAndMetadata, TopicPartition
from aiokafka.errors import (
    InvalidProducerEpoch,
    InvalidTxnState,
    KafkaConnectionError,
    KafkaError,
    OutOfOrderSequenceNumber,
    TopicAuthorizationFailedError,
    TransactionalIdAuthorizationFailed,
)

from schemas.errors import FatalError
from stream.consume.partition_progress import Batch, PartitionProgress
from stream.deliver.delivery import PartitionLostError
from stream.deliver.sending import RecordsTooLargeError
from stream.deliver.transactional_writer import PartitionWriter, WriterOptions
from stream.kafka.commit_metadata import metadata_of
from stream.kafka.producer import Output
from stream.kafka.record_clock import RecordClock
from stream.kafka.topic_limits import TopicLimits
from testing.fake_kafka import TOPIC, FakeKafka, FakeRecord
from testing.jumping_time import in_jumping_time
from tests.unit.stream.deliver.fake_transactions import FakeCoordinator

AT = TopicPartition(TOPIC, 0)
SCORED, DEAD = "scored", "dead"
ID = f"group/{TOPIC}/0"
TOO_LARGE = b"L" * 200


def rows(*values: bytes) -> list[Output]:
    return [(None, value, []) for value in values]


@dataclass
class Desk:
    """A writer, and the progress that it commits."""

    coordinator: FakeCoordinator
    writer: PartitionWriter
    entry: PartitionProgress
    next_offset: int = 0

    async def admit(self, size: int = 10) -> Batch:
        batch = self.hand_over(size)
        assert await self.writer.admit(batch)
        return batch

    def hand_over(self, size: int = 10) -> Batch:
        first = self.next_offset
        self.next_offset += size
        records = [FakeRecord(first + i, 0, i) for i in range(size)]
        batch = Batch(AT, records, size=100 * size)  # type: ignore[arg-type]
        self.entry.add(batch)
        assert batch.begin()
        return batch

    async def write(self, *values: bytes, topic: str = SCORED) -> Batch:
        """Deliver a batch of these outputs."""
        batch = await self.admit()
        await self.send(*values, topic=topic)
        self.writer.done(batch)
        return batch

    async def send(self, *values: bytes, topic: str = SCORED) -> None:
        for delivery in self.writer.send(topic, rows(*values)):
            await delivery

    async def commit(self) -> None:
        await self.writer.commit(self.entry)

    def seen(self, topic: str = SCORED) -> Sequence[bytes]:
        return self.coordinator.seen[TopicPartition(topic, 0)]

    @property
    def committed(self) -> int | None:
        return self.coordinator.kafka.committed.get(AT)


@asynccontextmanager
async def desk(
    coordinator: FakeCoordinator | None = None,
    *,
    most_rows: int = 1000,
    most_bytes: int = 1 << 20,
    batch_bytes: int = 100,
    clock: RecordClock | None = None,
) -> AsyncIterator[Desk]:
    coordinator = coordinator or FakeCoordinator(FakeKafka(), [SCORED, DEAD])

    limits = TopicLimits(
        [SCORED, DEAD], coordinator.read_limits, fallback=1000, batch_bytes=batch_bytes
    )
    writer = PartitionWriter(
        AT,
        1,
        connect=coordinator.connect,
        read_committed=coordinator.kafka.read_committed,
        limits=limits,
        topics=[SCORED, DEAD],
        options=WriterOptions("group", most_rows, most_bytes, delivery_limit=60, partition_limit=1),
        clock=clock,
    )
    await writer.open()
    entry = PartitionProgress()
    yield Desk(coordinator, writer, entry)
    await writer.close(asyncio.get_running_loop().time() + 1)
    assert all(producer.is_stopped for producer in coordinator.producers)


# Together or not at all


@in_jumping_time
async def test_outputs_and_offsets_are_seen_together() -> None:
    async with desk() as at:
        await at.write(b"a", b"b")
        await at.write(b"c")
        await at.write(b"why", topic=DEAD)
        await asyncio.sleep(5)
        assert (at.seen(), at.seen(DEAD), at.committed) == ([], [], None)
        await at.commit()
        assert (at.seen(), at.seen(DEAD), at.committed) == ([b"a", b"b", b"c"], [b"why"], 30)
        assert at.entry.committed == 30
        assert at.coordinator.ended == ["commit"]


@in_jumping_time
async def test_one_transaction_follows_the_other() -> None:
    async with desk() as at:
        for number in range(5):
            await at.write(b"%d" % number)
            await at.commit()
        assert at.seen() == [b"0", b"1", b"2", b"3", b"4"]
        assert at.coordinator.ended == ["commit"] * 5
        assert len(at.coordinator.producers) == 1


@in_jumping_time
async def test_offsets_without_outputs_are_committed_too() -> None:
    async with desk() as at:
        at.entry.pass_gap(7)
        await at.commit()
        assert at.committed == 7


@in_jumping_time
async def test_a_commit_waits_for_what_was_admitted_and_admits_nothing_meanwhile() -> None:
    async with desk() as at:
        await at.write(b"first")
        second = await at.admit()
        await at.send(b"second")
        committing = at.writer.commit(at.entry)
        third = asyncio.create_task(at.writer.admit(batch := at.hand_over()))
        await asyncio.sleep(5)
        assert not third.done()
        assert at.committed is None
        at.writer.done(second)
        await committing
        assert await third
        assert at.committed == 20
        await at.send(b"third")
        at.writer.done(batch)
        assert at.seen() == [b"first", b"second"]
        await at.commit()
        assert at.seen() == [b"first", b"second", b"third"]


@in_jumping_time
async def test_rows_of_an_admitted_batch_may_follow_while_a_commit_waits_for_it() -> None:
    async with desk() as at:
        await at.write(b"before")
        batch = await at.admit()
        committing = at.writer.commit(at.entry)
        await asyncio.sleep(1)
        await at.send(b"late", topic=DEAD)
        at.writer.done(batch)
        await committing
        assert (at.seen(), at.seen(DEAD)) == ([b"before"], [b"late"])


@in_jumping_time
async def test_a_transaction_that_is_full_takes_no_more_batches() -> None:
    async with desk(most_rows=3) as at:
        await at.write(b"a", b"b", b"c")
        waiting = asyncio.create_task(at.writer.admit(at.hand_over()))
        await asyncio.sleep(5)
        assert not waiting.done()
        await at.commit()
        assert await waiting


@in_jumping_time
async def test_a_transaction_of_large_leads_takes_no_more_batches() -> None:
    """Its journal holds their bytes, where they are dead letters, until the commit."""
    async with desk(most_bytes=2000) as at:
        await at.write(b"a")
        await at.write(b"b")
        waiting = asyncio.create_task(at.writer.admit(at.hand_over()))
        await asyncio.sleep(5)
        assert not waiting.done()
        await at.commit()
        assert await waiting


# What fails is written again, once


ERRORS = [
    KafkaConnectionError(),
    OutOfOrderSequenceNumber(),
    InvalidTxnState(),
    KafkaError("unexpected"),
]


@pytest.mark.parametrize("call", ["send", "offsets", "commit"])
@pytest.mark.parametrize("error", ERRORS, ids=[type(error).__name__ for error in ERRORS])
def test_a_failed_transaction_is_written_again_by_another_producer(
    call: str, error: KafkaError
) -> None:
    @in_jumping_time
    async def run() -> None:
        async with desk() as at:
            await at.write(b"a")
            at.coordinator.script[call].append(error)
            await at.write(b"b")
            await at.commit()
            await at.write(b"c")
            await at.commit()
            assert at.seen() == [b"a", b"b", b"c"]
            assert at.committed == 30
            assert at.coordinator.ended == ["abort", "commit", "commit"]
            assert len(at.coordinator.producers) == 2

    run()


@in_jumping_time
async def test_a_commit_whose_answer_is_lost_is_not_repeated() -> None:
    async with desk() as at:
        await at.write(b"a")
        at.coordinator.lost_answers["commit"].append(KafkaError("no answer"))
        await at.commit()
        await at.write(b"b")
        await at.commit()
        assert at.seen() == [b"a", b"b"]
        assert at.committed == 20
        assert at.coordinator.ended == ["commit", "commit"]


@in_jumping_time
async def test_a_producer_that_does_not_start_is_tried_again() -> None:
    coordinator = FakeCoordinator(FakeKafka(), [SCORED, DEAD])
    coordinator.script["start"].extend([KafkaConnectionError(), KafkaConnectionError()])
    async with desk(coordinator) as at:
        await at.write(b"a")
        await at.commit()
        assert at.seen() == [b"a"]
        assert len(coordinator.producers) == 3


@in_jumping_time
async def test_rows_refused_as_too_large_are_named_and_all_others_are_seen_once() -> None:
    coordinator = FakeCoordinator(FakeKafka(), [SCORED, DEAD], limit=150)
    async with desk(coordinator) as at:
        await at.write(b"a")
        batch = await at.admit()
        with pytest.raises(RecordsTooLargeError) as refused:
            await at.send(b"b", TOO_LARGE, b"c", TOO_LARGE + b"!", b"d")
        assert refused.value.positions == (1, 3)
        await at.send(b"why", b"why", topic=DEAD)
        at.writer.done(batch)
        await at.commit()
        assert at.seen() == [b"a", b"b", b"c", b"d"]
        assert at.seen(DEAD) == [b"why", b"why"]
        assert at.committed == 20


@in_jumping_time
async def test_a_limit_that_was_lowered_makes_batches_smaller() -> None:
    coordinator = FakeCoordinator(FakeKafka(), [SCORED, DEAD], limit=30)
    async with desk(coordinator) as at:
        await at.write(*[b"%d" % i * 10 for i in range(9)])
        await at.commit()
        assert at.seen() == [b"%d" % i * 10 for i in range(9)]


@in_jumping_time
async def test_a_limit_lowered_below_what_was_delivered_stops_the_worker() -> None:
    async with desk(batch_bytes=500) as at:
        await at.write(b"x" * 90)
        at.coordinator.limit = 50
        await at.admit()
        with pytest.raises(FatalError, match="a record that it took before") as stopped:
            await at.send(b"y" * 60)
        assert not isinstance(stopped.value, RecordsTooLargeError)


@in_jumping_time
async def test_records_that_are_refused_for_their_time_go_with_kafkas_time() -> None:
    async def ask() -> float:
        return 1_760_000_000.0

    clock = RecordClock(ask, now=lambda: 1_760_007_200.0, monotonic=lambda: 5.0)
    async with desk(clock=clock) as at:
        at.coordinator.latest_ms = 1_760_003_600_000
        await at.write(b"a", b"b")
        await at.write(b"why", topic=DEAD)
        await at.commit()
        assert (at.seen(), at.seen(DEAD), at.committed) == ([b"a", b"b"], [b"why"], 20)


@in_jumping_time
async def test_a_partition_that_went_with_its_topic_is_named() -> None:
    async with desk() as at:
        at.coordinator.partitions[SCORED] = 0
        await at.admit()
        with pytest.raises(FatalError, match="has no partition 0: add partitions to it"):
            await at.send(b"a")


@pytest.mark.parametrize("call", ["send", "offsets"])
@pytest.mark.parametrize(
    "error", [TopicAuthorizationFailedError(), TransactionalIdAuthorizationFailed("id")]
)
def test_an_unrecoverable_error_stops_the_worker(call: str, error: KafkaError) -> None:
    @in_jumping_time
    async def run() -> None:
        async with desk() as at:
            at.coordinator.script[call].append(error)

            async def write_and_commit() -> None:
                await at.write(b"a")
                await at.commit()

            with pytest.raises(FatalError, match="this user may write"):
                await write_and_commit()
            assert at.seen() == []

    run()


@in_jumping_time
async def test_outputs_that_are_not_delivered_in_time_stop_the_worker() -> None:
    async with desk() as at:
        await at.admit()
        at.coordinator.script["send"].extend([KafkaConnectionError() for _ in range(1000)])
        with pytest.raises(FatalError, match="within 60 s"):
            await at.send(b"a")


@in_jumping_time
async def test_a_partition_that_an_output_topic_lacks_is_reported() -> None:
    coordinator = FakeCoordinator(FakeKafka(), [SCORED, DEAD])
    coordinator.partitions[DEAD] = 0
    with pytest.raises(FatalError, match="add partitions to it"):
        async with desk(coordinator):
            pass


# Fences


@pytest.mark.parametrize("moment", ["send", "offsets", "commit"])
def test_a_fenced_writer_writes_nothing_more(moment: str) -> None:
    @in_jumping_time
    async def run() -> None:
        async with desk() as at:
            await at.write(b"zombie")
            fence = lambda: at.coordinator.fence(ID) and None  # noqa: E731
            if moment == "send":
                fence()  # type: ignore[no-untyped-call]
                await at.admit()
                with pytest.raises(PartitionLostError):
                    await at.send(b"late")
            else:
                fence_then_fail(at, moment)
                with pytest.raises(PartitionLostError):
                    await at.commit()
            assert at.writer.is_lost
            assert not await at.writer.admit(at.hand_over())
            with pytest.raises(PartitionLostError):
                await at.send(b"later")
            assert at.seen() == []
            assert at.committed is None
            assert len(at.coordinator.producers) == 1

    run()


def fence_then_fail(at: Desk, moment: str) -> None:
    at.coordinator.script[moment].append(InvalidProducerEpoch())


async def commit_where_another_was(at: Desk, its_commit: int) -> None:
    """Make a commit fail as if for another reason."""
    await at.write(b"a")
    await at.commit()
    await at.write(b"zombie")

    def taken_over() -> None:
        at.coordinator.fence(ID)
        at.coordinator.seen[TopicPartition(SCORED, 0)].append(b"rightful")
        at.coordinator.kafka.accept(
            {AT: OffsetAndMetadata(its_commit, metadata_of(its_commit, None))}
        )
        raise InvalidTxnState

    at.coordinator.script["commit"].append(taken_over)
    await at.commit()


@pytest.mark.parametrize("its_commit", [15, 30])
def test_a_writer_that_reopens_and_finds_a_foreign_commit_has_lost_its_partition(
    its_commit: int,
) -> None:
    @in_jumping_time
    async def run() -> None:
        async with desk() as at:
            with pytest.raises(PartitionLostError):
                await commit_where_another_was(at, its_commit)
            assert at.seen() == [b"a", b"rightful"]
            assert at.committed == its_commit
            assert at.writer.is_lost

    run()


@in_jumping_time
async def test_anothers_commit_of_the_same_offset_is_as_good_as_ones_own() -> None:
    async with desk() as at:
        await commit_where_another_was(at, 20)
        await at.write(b"c")
        await at.commit()
        assert at.seen() == [b"a", b"rightful", b"c"]
        assert at.committed == 30


@in_jumping_time
async def test_the_previous_open_transaction_is_aborted_before_the_offset_is_read() -> None:
    coordinator = FakeCoordinator(FakeKafka(), [SCORED, DEAD])
    before = coordinator.connect(ID, 100)
    await before.start()
    await before.begin_transaction()
    await before.send_offsets_to_transaction({AT: OffsetAndMetadata(5, "")}, "group")
    async with desk(coordinator) as at:
        assert coordinator.ended == ["abort"]
        await at.write(b"a")
        await at.commit()
        assert at.seen() == [b"a"]
        await before.stop()


# Its end


@in_jumping_time
async def test_an_uncommitted_transaction_is_aborted_at_the_end() -> None:
    async with desk() as at:
        await at.write(b"a")
    assert at.coordinator.ended == ["abort"]
    assert at.seen() == []


@in_jumping_time
async def test_a_caller_that_waits_at_the_end_drops_its_batch() -> None:
    async with desk() as at:
        await at.admit()
        at.coordinator.script["send"].append(lambda: None)
        [delivery] = at.writer.send(SCORED, rows(b"a"))
        committing = at.writer.commit(at.entry)
        waiting = asyncio.create_task(at.writer.admit(at.hand_over()))
        await asyncio.sleep(0)
        await at.writer.close(asyncio.get_running_loop().time() + 1)
        assert not await waiting
        for task in (delivery, committing):
            with pytest.raises(PartitionLostError):
                await task


@in_jumping_time
async def test_an_end_is_not_held_up_by_a_coordinator_that_is_unavailable() -> None:
    async with desk() as at:
        await at.write(b"a")
        at.coordinator.script["abort"].append(KafkaConnectionError())
    assert at.coordinator.open.keys() == {ID}, "left to the next owner"
