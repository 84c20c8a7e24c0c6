from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Iterable, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    ClusterAuthorizationFailedError,
    KafkaConnectionError,
    KafkaError,
    NotLeaderForPartitionError,
    OutOfOrderSequenceNumber,
)

from schemas.errors import FatalError
from stream.deliver.batch_producer import AT_ONCE_ROWS, EmitOptions, Emitter, Output
from stream.deliver.sending import RecordsTooLargeError
from stream.kafka.producer import pack
from stream.kafka.record_clock import RecordClock
from testing.fake_producer import FakeBatch, FakeOutput
from testing.jumping_time import in_jumping_time

SCORED, DEAD = "scored", "dead"
TP = TopicPartition(SCORED, 0)
OPTIONS = EmitOptions(max_batch_bytes=100, fallback_limit=1000)


def rows(*values: bytes) -> list[Output]:
    return [(b"key", value, []) for value in values]


def numbered(count: int, size: int = 10) -> list[Output]:
    return rows(*(b"%d" % number + b"." * (size - len(b"%d" % number)) for number in range(count)))


def values_of(given: Sequence[Output]) -> list[bytes | None]:
    return [value for _, value, _ in given]


def make_output(limit: int = 1000) -> FakeOutput:
    return FakeOutput([SCORED, DEAD], limit=limit)


@asynccontextmanager
async def emitting(
    output: FakeOutput, options: EmitOptions = OPTIONS, clock: RecordClock | None = None
) -> AsyncIterator[Emitter]:
    emitter = Emitter(
        [SCORED, DEAD], output.connect, output.read_limits, options=options, clock=clock
    )
    await emitter.start()
    try:
        yield emitter
    finally:
        await emitter.stop()
        assert all(producer.is_stopped for producer in output.producers)


async def delivered(deliveries: Iterable[Awaitable[None]]) -> None:
    for delivery in deliveries:
        await delivery


# What is sent


@in_jumping_time
async def test_records_arrive_in_order_in_whole_batches() -> None:
    output, given = make_output(), numbered(25)
    async with emitting(output) as emitter:
        await delivered(await emitter.send(SCORED, 0, given))
    assert output.written[TP] == values_of(given)
    assert output.batches == [100, 100, 50]


@in_jumping_time
async def test_calls_keep_their_order_in_a_partition_and_do_not_wait_for_other_partitions() -> None:
    output = make_output()
    async with emitting(output) as emitter:
        hold = asyncio.Event()
        output.answers.append(hold.wait())
        first = await emitter.send(SCORED, 0, rows(b"one"))
        await asyncio.sleep(0.1)
        second = await emitter.send(SCORED, 0, rows(b"two"))
        await delivered(await emitter.send(SCORED, 1, rows(b"other")))
        await asyncio.sleep(1)
        assert output.written[TP] == []
        hold.set()
        await delivered([*first, *second])
    assert output.written[TP] == [b"one", b"two"]


@in_jumping_time
async def test_rows_sent_while_a_batch_is_in_flight_go_together() -> None:
    output = make_output()
    async with emitting(output) as emitter:
        hold = asyncio.Event()
        output.answers.append(hold.wait())
        sent = [*await emitter.send(SCORED, 0, rows(b"one"))]
        await asyncio.sleep(0.1)
        for value in (b"two", b"three", b"four"):
            sent += await emitter.send(SCORED, 0, rows(value))
        hold.set()
        await delivered(sent)
    assert output.written[TP] == [b"one", b"two", b"three", b"four"]
    assert len(output.batches) == 2, "one, and those behind it"


@in_jumping_time
async def test_a_few_rows_are_sent_at_once_and_many_by_a_task() -> None:
    output = make_output()
    async with emitting(output, replace(OPTIONS, max_batch_bytes=10_000)) as emitter:
        before = len(asyncio.all_tasks())
        few = await emitter.send(SCORED, 0, numbered(AT_ONCE_ROWS))
        assert len(asyncio.all_tasks()) == before + 1, "the fake broker's"
        many = await emitter.send(SCORED, 1, numbered(AT_ONCE_ROWS + 1))
        assert len(asyncio.all_tasks()) == before + 2, "one that will send them"
        await delivered([*few, *many])
    assert [len(output.written[TopicPartition(SCORED, at)]) for at in (0, 1)] == [100, 101]


@in_jumping_time
async def test_rows_of_a_topic_that_is_not_known_yet_wait_for_it() -> None:
    output = make_output()
    async with emitting(output) as emitter:
        output.is_known.clear()
        sent = await emitter.send(SCORED, 0, rows(b"one"))
        sent = [*sent, *await emitter.send(SCORED, 0, rows(b"two"))]
        await asyncio.sleep(0.1)
        assert output.written[TP] == []
        output.is_known.set()
        await delivered(sent)
    assert output.written[TP] == [b"one", b"two"]


@in_jumping_time
async def test_a_stop_waits_for_rows_that_were_sent_at_once() -> None:
    output = make_output()
    async with emitting(output) as emitter:
        hold = asyncio.Event()
        output.answers.append(hold.wait())
        [sent] = await emitter.send(SCORED, 0, rows(b"one"))
        stop = asyncio.create_task(emitter.stop())
        await asyncio.sleep(1)
        assert not stop.done()
        hold.set()
        await stop
        assert sent.done()
        assert not sent.cancelled()
    assert output.written[TP] == [b"one"]


@in_jumping_time
async def test_each_caller_gets_its_own_refused_rows() -> None:
    output = make_output(limit=35)
    large, small = b"!" * 40, b"." * 10
    async with emitting(output) as emitter:
        sent = [
            delivery
            for given in (rows(small), rows(small, large), rows(small), rows(large, small, large))
            for delivery in await emitter.send(SCORED, 0, given)
        ]
        results = await asyncio.gather(*sent, return_exceptions=True)
    positions = [r.positions if isinstance(r, RecordsTooLargeError) else r for r in results]
    assert positions == [None, (1,), None, (0, 2)]
    assert output.written[TP] == [small] * 4


@in_jumping_time
async def test_a_cancelled_caller_blocks_no_other() -> None:
    output = make_output()
    async with emitting(output) as emitter:
        hold = asyncio.Event()
        output.answers.append(hold.wait())
        [first] = await emitter.send(SCORED, 0, rows(b"one"))
        await asyncio.sleep(0.1)
        [second] = await emitter.send(SCORED, 0, rows(b"two"))
        [third] = await emitter.send(SCORED, 0, rows(b"three"))
        first.cancel()
        second.cancel()
        hold.set()
        await third
    assert output.written[TP] == [b"one", b"three"], "one was on its way, two was not"


@in_jumping_time
async def test_no_records_make_no_batch() -> None:
    async with emitting(make_output()) as emitter:
        assert not await emitter.send(SCORED, 0, [])


def test_packing_keeps_rows_with_their_positions() -> None:
    given = numbered(5, size=40)
    parcels = list(pack(lambda: FakeBatch(100), given, start=7, timestamp_ms=1))
    assert [parcel.start for parcel in parcels] == [7, 9, 11]
    assert [row for parcel in parcels for row in parcel.rows] == given
    builders: list[Any] = [parcel.builder for parcel in parcels]
    assert all(builder.is_closed for builder in builders)


# Limits


@in_jumping_time
async def test_batches_keep_to_the_smallest_limit_of_the_topics() -> None:
    output = make_output()
    output.known_limits = {SCORED: 60, DEAD: 80}
    async with emitting(output) as emitter:
        assert [producer.max_batch_bytes for producer in output.producers] == [60]
        assert emitter.limits.max_bytes(DEAD) == 80


@in_jumping_time
async def test_a_topic_with_an_unknown_limit_has_the_fallback() -> None:
    async with emitting(make_output()) as emitter:
        assert emitter.limits.max_bytes(SCORED) == 1000
        assert emitter.limits.fits(SCORED, b"k", b"v" * 800, [("name", b"value")])
        assert not emitter.limits.fits(SCORED, b"k", b"v" * 1000, [])
        assert not emitter.limits.fits(SCORED, b"k", b"v" * 500, [("name", b"value" * 100)])


# A broker that refuses


@in_jumping_time
async def test_after_a_limit_was_lowered_records_still_arrive_in_order() -> None:
    output, given = make_output(limit=35), numbered(40)
    async with emitting(output) as emitter:
        deliveries = [
            delivery
            for start in range(0, 40, 10)
            for delivery in await emitter.send(SCORED, 0, given[start : start + 10])
        ]
        output.known_limits = {SCORED: 35}
        await delivered(deliveries)
        assert emitter.limits.max_bytes(SCORED) == 35
    assert output.written[TP] == values_of(given)
    assert len(output.producers) == 2


@in_jumping_time
async def test_a_limit_that_cannot_be_read_is_found() -> None:
    output, given = make_output(limit=35), numbered(40)
    async with emitting(output) as emitter:
        await delivered(await emitter.send(SCORED, 0, given))
        assert emitter.limits.max_bytes(SCORED) == 1000, "of a record nothing is known"
        assert len(output.producers) == 3, "100, 50, 25"
        await delivered(await emitter.send(SCORED, 0, given))
        assert len(output.producers) == 3, "it is remembered"
    assert output.written[TP] == values_of(given) * 2


@in_jumping_time
async def test_several_partitions_that_are_refused_at_once_change_the_producer_once() -> None:
    output, given = make_output(limit=50), numbered(10)
    async with emitting(output) as emitter:
        deliveries = [
            *await emitter.send(SCORED, 0, given),
            *await emitter.send(SCORED, 1, given),
            *await emitter.send(DEAD, 0, given),
        ]
        await delivered(deliveries)
        assert len(output.producers) == 2
        assert output.limit_reads == 2, "at the start, and once for all three"
        output.answers.append(NotLeaderForPartitionError())
        await delivered(await emitter.send(DEAD, 1, given))
    assert [producer.max_batch_bytes for producer in output.producers] == [100, 50, 50]
    assert all(written == values_of(given) for written in output.written.values())


@in_jumping_time
async def test_a_single_record_that_is_refused_is_named_and_all_others_arrive() -> None:
    output = make_output(limit=35)
    given = rows(b"a" * 10, b"b" * 40, b"c" * 10, b"d" * 50, b"e" * 10)
    async with emitting(output) as emitter:
        [*deliveries] = await emitter.send(SCORED, 0, given)
        results = await asyncio.gather(*deliveries, return_exceptions=True)
        refused = [
            at
            for each in results
            if isinstance(each, RecordsTooLargeError)
            for at in each.positions
        ]
        assert refused == [1, 3]
        assert not emitter.limits.fits(SCORED, None, b"b" * 40, [])
    assert output.written[TP] == [b"a" * 10, b"c" * 10, b"e" * 10]


@in_jumping_time
async def test_another_partition_continues_while_the_producer_changes() -> None:
    output = make_output(limit=50)
    async with emitting(output) as emitter:
        hold = asyncio.Event()
        output.answers.append(hold.wait())
        slow = await emitter.send(SCORED, 1, rows(b"slow"))
        await asyncio.sleep(0.01)
        await delivered(await emitter.send(SCORED, 0, numbered(10)))
        assert not slow[0].done()
        behind = await emitter.send(SCORED, 1, rows(b"behind"))
        hold.set()
        await delivered([*slow, *behind])
    assert output.written[TopicPartition(SCORED, 1)] == [b"slow", b"behind"]


@in_jumping_time
async def test_rows_sent_while_the_next_producer_is_being_opened_arrive() -> None:
    output, given = make_output(limit=50), numbered(10)
    async with emitting(output) as emitter:
        first = await emitter.send(SCORED, 0, given)
        output.start_errors += [KafkaConnectionError(), KafkaConnectionError()]
        await asyncio.sleep(0.1)
        second = await emitter.send(SCORED, 1, given)
        await delivered([*first, *second])
    assert all(written == values_of(given) for written in output.written.values())


@in_jumping_time
async def test_a_batch_that_meets_a_producer_that_was_just_replaced_takes_the_next() -> None:
    output, given = make_output(limit=50), numbered(10)
    async with emitting(output) as emitter:
        refused = await emitter.send(SCORED, 0, given)
        await asyncio.sleep(0)
        output.is_known.clear()
        waiting = await emitter.send(SCORED, 1, given)
        await asyncio.sleep(0.1)
        assert output.producers[0].is_stopped
        output.is_known.set()
        await delivered([*refused, *waiting])
    assert output.written[TopicPartition(SCORED, 1)] == values_of(given)


# A broker that is unavailable


@in_jumping_time
async def test_an_error_that_passes_is_retried_by_a_fresh_producer() -> None:
    output, given = make_output(), numbered(20)
    output.answers.append(NotLeaderForPartitionError())
    async with emitting(output) as emitter:
        output.start_errors.append(KafkaConnectionError())
        await delivered(await emitter.send(SCORED, 0, given))
    assert output.written[TP] == values_of(given)


def failures() -> list[KafkaError]:
    return [OutOfOrderSequenceNumber(), ClusterAuthorizationFailedError()]


@pytest.mark.parametrize("error", failures())
def test_an_error_that_does_not_pass_is_fatal(error: KafkaError) -> None:
    @in_jumping_time
    async def scenario() -> None:
        output = make_output()
        output.answers.append(error)
        async with emitting(output) as emitter:
            with pytest.raises(FatalError, match=type(error).__name__):
                await delivered(await emitter.send(SCORED, 0, rows(b"one")))

    scenario()


@in_jumping_time
async def test_rows_that_are_not_delivered_within_the_limit_are_fatal() -> None:
    output = make_output()
    async with emitting(output) as emitter:
        hold = asyncio.Event()
        output.answers.append(hold.wait())
        started = asyncio.get_running_loop().time()
        first = await emitter.send(SCORED, 0, rows(b"one"))
        second = await emitter.send(SCORED, 0, rows(b"two"))
        with pytest.raises(FatalError, match="within 120 s"):
            await delivered(first)
        assert asyncio.get_running_loop().time() - started == pytest.approx(120, abs=0.1)
        with pytest.raises(FatalError, match="within 120 s"):
            await delivered(second)
        hold.set()


@in_jumping_time
async def test_after_an_outage_within_the_limit_all_rows_arrive() -> None:
    output = make_output()
    async with emitting(output) as emitter:
        hold = asyncio.Event()
        output.answers.append(hold.wait())
        deliveries = await emitter.send(SCORED, 0, rows(b"one"))
        await asyncio.sleep(100)
        hold.set()
        await delivered(deliveries)
    assert output.written[TP] == [b"one"]


@in_jumping_time
async def test_a_start_without_a_broker_fails_with_a_sentence_and_closes_the_client() -> None:
    output = make_output()
    output.start_errors.append(KafkaConnectionError("nobody there"))
    emitter = Emitter([SCORED], output.connect, output.read_limits)
    with pytest.raises(FatalError, match="nobody there"):
        await emitter.start()
    assert output.producers[0].is_stopped
    await emitter.stop()


@in_jumping_time
async def test_a_stop_delivers_what_is_on_its_way() -> None:
    output, given = make_output(), numbered(30)
    async with emitting(output) as emitter:
        await emitter.send(SCORED, 0, given)
    assert output.written[TP] == values_of(given)


@in_jumping_time
async def test_a_stop_keeps_to_its_limit() -> None:
    output = make_output()
    hold: Awaitable[object] = asyncio.Event().wait()
    async with emitting(output) as emitter:
        output.answers.append(hold)
        await emitter.send(SCORED, 0, rows(b"one"))
        await asyncio.sleep(0.1)
        started = asyncio.get_running_loop().time()
        await emitter.stop()
        assert asyncio.get_running_loop().time() - started == pytest.approx(5.0, abs=0.1)


# Partitions


@in_jumping_time
async def test_a_partition_that_is_new_is_waited_for() -> None:
    output = make_output()
    async with emitting(output) as emitter:
        sending = asyncio.create_task(emitter.send(SCORED, 2, rows(b"one")))
        await asyncio.sleep(10)
        assert not sending.done()
        output.partitions[SCORED] = 3
        await delivered(await sending)
    assert output.written[TopicPartition(SCORED, 2)] == [b"one"]


@in_jumping_time
async def test_a_partition_that_does_not_come_is_fatal() -> None:
    async with emitting(make_output(), replace(OPTIONS, partition_limit=10.0)) as emitter:
        with pytest.raises(FatalError, match="has no partition 9"):
            await emitter.send(SCORED, 9, rows(b"one"))


# Topics that change, and clocks that are wrong


@in_jumping_time
async def test_a_partition_that_went_with_its_topic_is_waited_for_and_named() -> None:
    """A topic that the broker created again, by its default, has one partition."""
    output = make_output()
    async with emitting(output) as emitter:
        await delivered(await emitter.send(SCORED, 1, rows(b"one")))
        output.partitions[SCORED] = 1
        [waiting] = await emitter.send(SCORED, 1, rows(b"two"))
        await asyncio.sleep(OPTIONS.partition_limit - 5)
        assert not waiting.done()
        output.partitions[SCORED] = 2
        await waiting
        output.partitions[SCORED] = 1
        [lost] = await emitter.send(SCORED, 1, rows(b"three"))
        with pytest.raises(FatalError, match="has no partition 1: add partitions to it"):
            await lost
    assert output.written[TopicPartition(SCORED, 1)] == [b"one", b"two"]


NOW = 1_760_000_000.0


def clock_ahead(seconds: float, answer: float | None = NOW) -> RecordClock:
    async def ask() -> float | None:
        return answer

    return RecordClock(ask, now=lambda: NOW + seconds, monotonic=lambda: 5.0)


@in_jumping_time
async def test_records_that_are_refused_for_their_time_go_with_kafkas_time() -> None:
    output = make_output()
    output.latest_ms = int(NOW * 1000) + 3_600_000
    async with emitting(output, clock=clock_ahead(7200.0)) as emitter:
        sent = [
            delivery
            for partition in (0, 1)
            for delivery in await emitter.send(SCORED, partition, numbered(20))
        ]
        await delivered(sent)
    for partition in (0, 1):
        assert output.written[TopicPartition(SCORED, partition)] == values_of(numbered(20))


@in_jumping_time
async def test_a_time_that_is_refused_and_not_known_to_be_wrong_is_a_sentence() -> None:
    output = make_output()
    output.latest_ms = 0
    async with emitting(output, clock=clock_ahead(7200.0, answer=None)) as emitter:
        [sent] = await emitter.send(SCORED, 0, rows(b"one"))
        with pytest.raises(FatalError, match=r"2025-10-09T10:53:20Z, but Kafka refuses it .*NTP"):
            await sent
    assert output.written[TP] == []
