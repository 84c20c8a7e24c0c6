"""A record that can't be read gets a verdict; its neighbours and its partition continue."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    KafkaConnectionError,
    LeaderNotAvailableError,
    TopicAuthorizationFailedError,
)

from agents.dead_letters import VALUE_BYTES
from schemas.errors import ErrorCode, FatalError
from stream.consume.unreadable_records import UnreadableRecords
from stream.fetch.raw_records import Problem, UnreadableRecord
from testing.fake_kafka import FakeKafka
from testing.fake_raw_reader import FakeRawReader
from testing.jumping_time import in_jumping_time
from tests.unit.stream.consume.source_bench import OTHER, PROMPT, TP, full_kafka, running

STOP = replace(PROMPT, unreadable="stop")


@pytest.mark.parametrize("is_known", [False, True])
def test_a_record_that_cannot_be_read_is_read_past(
    is_known: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """aiokafka loses what the same poll has drained of others, whose positions have moved."""

    @in_jumping_time
    async def run() -> None:
        kafka = full_kafka(5 if is_known else 12, partitions=2)
        kafka[1].unreadable.add(7)
        async with running(kafka) as bench:
            working = asyncio.create_task(bench.work())
            await asyncio.sleep(1.5)
            if is_known:
                assert kafka.committed == {TP: 5, OTHER: 5}
                kafka[1].append(7)
                kafka[0].append(7)
                await asyncio.sleep(1.5)
            assert kafka.committed == {TP: 12, OTHER: 12}
            kafka[0].append(20)
            kafka[1].append(20)
            await asyncio.sleep(1.5)
            assert kafka.committed == {TP: 32, OTHER: 32}
            assert not bench.app.errors
            working.cancel()
        assert bench.seen == {TP: list(range(32)), OTHER: list(range(32))}, "in order, each once"
        assert bench.verdicts[TP] == {}
        [(offset, verdict)] = bench.verdicts[OTHER].items()
        assert (offset, verdict.code) == (7, ErrorCode.UNREADABLE)
        assert bench.reader.is_closed
        [logged] = [record for record in caplog.records if record.levelname == "ERROR"]
        assert "1 records of TopicPartition(topic='leads', partition=1)" in logged.getMessage()
        assert "the first at offset 7 (the name of one of its headers" in logged.getMessage()

    run()


@in_jumping_time
async def test_a_partition_full_of_unreadable_records_continues() -> None:
    kafka = full_kafka(0, partitions=2)
    kafka[0].unreadable.update(range(0, 200, 3))
    for log in kafka.logs.values():
        log.append(200)
    async with running(kafka) as bench:
        working = asyncio.create_task(bench.work())
        await asyncio.sleep(20)
        assert kafka.committed == {TP: 200, OTHER: 200}
        assert bench.seen == {TP: list(range(200)), OTHER: list(range(200))}
        assert bench.verdicts[TP].keys() == set(range(0, 200, 3))
        working.cancel()


@in_jumping_time
async def test_reading_continues_behind_a_gap_at_the_end_of_a_fetch() -> None:
    kafka = full_kafka(5)
    kafka[0].unreadable.add(4)
    kafka[0].leave_out(3)
    async with running(kafka) as bench:
        working = asyncio.create_task(bench.work())
        await asyncio.sleep(1.5)
        assert kafka.committed == {TP: 8}
        kafka[0].append(2)
        await asyncio.sleep(1.5)
        assert bench.seen[TP] == [0, 1, 2, 3, 4, 8, 9]
        working.cancel()


@in_jumping_time
async def test_with_the_setting_a_partition_stands_at_the_record_and_says_so() -> None:
    kafka = full_kafka(12, partitions=2)
    kafka[1].unreadable.add(7)
    async with running(kafka, STOP) as bench:
        working = asyncio.create_task(bench.work())
        await asyncio.sleep(1.5)
        assert kafka.committed == {TP: 12, OTHER: 7}
        kafka[0].append(20)
        await asyncio.sleep(400)
        assert kafka.committed == {TP: 32, OTHER: 7}
        assert bench.source.stalled_for == 0.0, "a new start would not help"
        assert bench.source.stopped_at == {OTHER: 7}
        assert not bench.app.errors
        kafka.committed[OTHER] = 8  # as its operator moves it
        await bench.consumer.rebalance([0, 1])
        await asyncio.sleep(1.5)
        assert kafka.committed == {TP: 32, OTHER: 12}
        assert bench.source.stopped_at == {}
        working.cancel()
    assert bench.seen == {TP: list(range(32)), OTHER: [*range(7), *range(8, 12)]}


def test_a_partition_that_stands_still_is_logged_once(caplog: pytest.LogCaptureFixture) -> None:
    @in_jumping_time
    async def run() -> None:
        kafka = full_kafka(12)
        kafka[0].unreadable.add(7)
        async with running(kafka, STOP) as bench:
            working = asyncio.create_task(bench.work())
            await asyncio.sleep(60)
            working.cancel()

    run()
    [logged] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert "partition=0) at offset 7 can't be read" in logged.getMessage()
    assert "LEADSCORE_UNREADABLE=dead_letter" in logged.getMessage()


@in_jumping_time
async def test_a_rebalance_ends_the_reading_beside_the_consumer() -> None:
    kafka = full_kafka(5, partitions=2)
    async with running(kafka) as bench:
        working = asyncio.create_task(bench.work())
        await asyncio.sleep(1.5)
        kafka[0].unreadable.add(5)
        kafka[0].append(10)
        await bench.reader.is_asked.wait()
        await bench.consumer.rebalance([1])
        kafka[1].append(7)
        await asyncio.sleep(15)
        assert bench.seen[OTHER] == list(range(12))
        assert not bench.app.errors
        await bench.consumer.rebalance([0, 1])
        await asyncio.sleep(1.5)
        assert sorted(set(bench.seen[TP])) == list(range(15))
        assert kafka.committed == {TP: 15, OTHER: 12}
        working.cancel()


@in_jumping_time
async def test_an_error_that_comes_of_no_record_crashes_the_app_as_it_is() -> None:
    async with running(FakeKafka()) as bench:
        bench.consumer.fetch_errors.append(ZeroDivisionError())
        await asyncio.sleep(1)
        assert isinstance(bench.app.errors[0], ZeroDivisionError)


@in_jumping_time
async def test_a_retriable_error_is_retried_with_the_next_poll() -> None:
    kafka = full_kafka(12)
    kafka[0].unreadable.add(7)
    async with running(kafka) as bench:
        bench.reader.errors.extend([LeaderNotAvailableError(), KafkaConnectionError()])
        working = asyncio.create_task(bench.work())
        await asyncio.sleep(3)
        assert bench.seen[TP] == list(range(12))
        assert not bench.app.errors
        working.cancel()


@in_jumping_time
async def test_an_error_that_no_retry_resolves_ends_the_worker() -> None:
    kafka = full_kafka(12)
    kafka[0].unreadable.add(7)
    async with running(kafka) as bench:
        bench.reader.errors.append(TopicAuthorizationFailedError())
        await asyncio.sleep(1)
        [error] = bench.app.errors
        assert isinstance(error, FatalError)


@in_jumping_time
async def test_a_value_that_was_left_out_is_no_reason_to_stop_and_leaves_its_size() -> None:
    class Reader(FakeRawReader):
        @staticmethod
        def _read(partition: TopicPartition, record: Any, unreadable: set[int]) -> Any:
            problem, detail = Problem.TOO_LARGE, "expected less"
            return UnreadableRecord(0, record.offset, 0, None, None, (), problem, detail, 300)

    taken: list[tuple[Any, Any]] = []

    async def hand_over(fetched: Any, verdicts: Any) -> None:
        taken.append((fetched[TP], verdicts))

    async with running(full_kafka(0)) as bench:
        await asyncio.sleep(1)
        unreadable = UnreadableRecords(bench.consumer, Reader(bench.kafka), hand_over, "stop")
        bench.source._is_fetching = False
        await asyncio.sleep(1)
        bench.kafka[0].append(1)
        await unreadable.read_past(ValueError(), bench.source.assignment)
        assert unreadable.stopped_at == {}
    [([record], verdicts)] = taken
    assert [*record.headers] == [(VALUE_BYTES, b"300")]
    assert verdicts[0].code is ErrorCode.TOO_LARGE
