"""Where a partition is read from, once it is ours."""

from __future__ import annotations

import asyncio

from aiokafka import TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError

from stream.kafka.commit_metadata import Commit
from testing.jumping_time import in_jumping_time
from tests.unit.stream.consume.source_bench import (
    OTHER,
    TP,
    full_kafka,
    make_bench,
    running,
    values,
)


@in_jumping_time
async def test_a_coordinator_that_still_loads_is_asked_again() -> None:
    kafka = full_kafka(30)
    kafka.committed[TP] = 20
    bench = make_bench(kafka)
    bench.consumer.coordinator_loads = True  # it begins to read at 0
    await bench.source.start()
    [batch] = await bench.take()
    assert values([batch]) == list(range(20, 30))
    batch.done()
    await asyncio.sleep(1.1)
    assert kafka.commits == [{TP: 30}]
    await bench.source.stop()


@in_jumping_time
async def test_a_start_ends_with_its_assignment() -> None:
    kafka = full_kafka(10)
    answered = asyncio.Event()

    async def late(partition: TopicPartition) -> Commit:
        await answered.wait()
        return Commit(5)

    bench = make_bench(kafka)
    kafka.read_committed = late  # type: ignore[method-assign]
    await bench.source.start()
    await asyncio.sleep(3)
    assert set(bench.source.assignment) == set()
    assert bench.waiting == 0
    del kafka.read_committed
    await bench.consumer.rebalance([0])
    answered.set()
    [batch] = await bench.take()
    assert values([batch]) == list(range(10))
    batch.done()
    await bench.source.stop()


@in_jumping_time
async def test_partitions_that_come_while_it_stops_are_not_begun() -> None:
    kafka = full_kafka(10)
    async with running(kafka) as bench:
        await bench.source.position(TP)
        bench.source.stop_fetching()
        await bench.consumer.rebalance([0])
        await asyncio.sleep(1)
        assert kafka.committed_reads == 1
        assert set(bench.source.assignment) == set()


@in_jumping_time
async def test_a_partition_that_begins_late_holds_up_no_other() -> None:
    kafka = full_kafka(5, partitions=2)
    answered = asyncio.Event()

    async def read_committed(partition: TopicPartition) -> None:
        if partition == OTHER:
            await answered.wait()

    bench = make_bench(kafka)
    kafka.read_committed = read_committed  # type: ignore[method-assign]
    await bench.source.start()
    [batch] = await bench.take()
    assert batch.partition == TP
    await asyncio.sleep(3)
    assert bench.consumer.fetched == [5], "nothing of the other is taken, to be dropped"
    answered.set()
    started = asyncio.get_running_loop().time()
    [batch] = await bench.take()
    assert batch.partition == OTHER
    assert asyncio.get_running_loop().time() - started < 0.05
    await bench.source.stop()


@in_jumping_time
async def test_a_coordinator_that_does_not_answer_crashes_the_app_with_a_sentence() -> None:
    async def never(partition: TopicPartition) -> int:
        await asyncio.Event().wait()
        raise AssertionError

    kafka = full_kafka(10)
    bench = make_bench(kafka)
    kafka.read_committed = never  # type: ignore[assignment, method-assign]
    await bench.source.start()
    await asyncio.sleep(119)
    assert not bench.app.crashed
    await asyncio.sleep(2)
    assert "were expected within 120 s" in bench.sentence
    await bench.source.stop()


@in_jumping_time
async def test_a_commit_that_must_not_be_read_crashes_the_app_with_a_sentence() -> None:
    kafka = full_kafka(10)
    bench = make_bench(kafka)
    kafka.committed_error = GroupAuthorizationFailedError("group")
    await bench.source.start()
    await asyncio.sleep(0.1)
    assert "may read it and its consumer group" in bench.sentence
    await bench.source.stop()
