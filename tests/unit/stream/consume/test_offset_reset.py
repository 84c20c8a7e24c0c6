"""Records that were removed before they were read are reported, and reading continues."""

from __future__ import annotations

import asyncio
import logging
from typing import Any

import pytest
from aiokafka.errors import (
    NoOffsetForPartitionError,
    NotLeaderForPartitionError,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
)

from stream.consume.lost_records import Loss, LossReason
from testing.jumping_time import in_jumping_time
from tests.unit.stream.consume.source_bench import (
    OTHER,
    TP,
    full_kafka,
    make_bench,
    running,
    values,
)


def ours(caplog: pytest.LogCaptureFixture) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.levelno == logging.ERROR]


def test_records_removed_below_the_log_start_before_the_assignment_are_a_loss(
    caplog: pytest.LogCaptureFixture,
) -> None:
    @in_jumping_time
    async def run() -> None:
        kafka = full_kafka(30)
        kafka.committed[TP] = 5
        kafka[0].remove_below(22)
        async with running(kafka) as bench:
            [batch] = await bench.take()
            assert values([batch]) == list(range(22, 30))
            assert bench.notes.losses == [Loss(TP, 5, 22, LossReason.RETENTION)]
            batch.done()
            await asyncio.sleep(1.1)
            assert bench.committed == 30

    run()
    [line] = ours(caplog)
    assert "leads/0: offsets 5 to 21 were removed before they were read" in line.getMessage()
    assert "at most 17 leads are lost" in line.getMessage()
    assert vars(line)["loss"] == {
        "topic": "leads",
        "partition": 0,
        "from": 5,
        "to": 21,
        "records": 17,
        "reason": "retention",
    }


@in_jumping_time
async def test_records_removed_while_the_agent_is_behind_are_a_loss_and_others_are_not() -> None:
    async with running(full_kafka(10, partitions=2)) as bench:
        batches = await bench.take(2)
        bench.kafka[0].append(10)
        bench.kafka[0].remove_below(16)
        bench.kafka[1].leave_out(3)  # a gap that no log start explains
        bench.kafka[1].append(2)
        batches += await bench.take(2)
        assert bench.notes.losses == [Loss(TP, 10, 16, LossReason.RETENTION)]
        for batch in batches:
            batch.done()
        await asyncio.sleep(1.1)
        assert bench.kafka.committed == {TP: 20, OTHER: 15}


@in_jumping_time
async def test_a_loss_with_nothing_behind_it_is_committed_and_not_reported_again() -> None:
    kafka = full_kafka(30)
    kafka.committed[TP] = 5
    kafka[0].remove_below(30)
    async with running(kafka) as bench:
        await asyncio.sleep(3)
        assert bench.notes.losses == [Loss(TP, 5, 30, LossReason.RETENTION)]
        assert bench.committed == 30
        await bench.consumer.rebalance([0])
        await asyncio.sleep(3)
        assert len(bench.notes.losses) == 1


@in_jumping_time
async def test_records_removed_before_the_group_read_anything_are_no_loss() -> None:
    kafka = full_kafka(30)
    kafka[0].remove_below(22)
    async with running(kafka) as bench:
        [batch] = await bench.take()
        assert values([batch]) == list(range(22, 30))
        assert bench.notes.losses == []


@in_jumping_time
async def test_a_commit_beyond_the_end_is_a_loss_and_the_log_is_read_from_its_start() -> None:
    kafka = full_kafka(10)
    kafka.committed[TP] = 25
    async with running(kafka) as bench:
        [batch] = await bench.take()
        assert values([batch]) == list(range(10))
        assert bench.notes.losses == [Loss(TP, 10, 25, LossReason.LOG_REPLACED)]


@in_jumping_time
async def test_a_replaced_log_loses_what_was_not_read_of_the_one_before() -> None:
    async with running(full_kafka(80)) as bench:
        batches = await bench.take(2)
        await asyncio.sleep(0.1)
        assert bench.consumer.position_of(TP) == 50, "three more are read ahead"
        bench.kafka.make_anew(TP)
        bench.kafka[0].append(5)
        *_, anew = await bench.take(4)
        assert [record.offset for record in anew.records] == list(range(5))
        assert bench.notes.losses == [Loss(TP, 5, 80, LossReason.LOG_REPLACED)]
        batches[0].done()
        await asyncio.sleep(2)
        assert bench.committed is None


@in_jumping_time
async def test_a_replaced_log_that_has_grown_meanwhile_is_read_from_its_start() -> None:
    async with running(full_kafka(10)) as bench:
        await bench.take()
        bench.kafka.make_anew(TP)
        ask = bench.consumer.beginning_offsets

        async def grows(partitions: Any) -> Any:  # type: ignore[no-untyped-def]
            bench.kafka[0].append(20)
            return await ask(partitions)

        bench.consumer.beginning_offsets = grows  # type: ignore[method-assign]
        [batch] = await bench.take()
        assert [record.offset for record in batch.records] == list(range(10))
        [loss] = bench.notes.losses
        assert (loss.start, loss.reason) == (10, LossReason.LOG_REPLACED)


@in_jumping_time
async def test_a_poll_that_comes_upon_a_partition_without_a_commit_does_not_crash() -> None:
    """A poll of all partitions may continue across a rebalance, before the new ones begin."""
    async with running(full_kafka(10)) as bench:
        bench.consumer.fetch_errors.append(NoOffsetForPartitionError(TP))
        assert values(await bench.take()) == list(range(10))
        assert not bench.app.crashed


@in_jumping_time
async def test_bounds_that_are_not_answered_are_asked_for_again() -> None:
    kafka = full_kafka(30)
    kafka.committed[TP] = 5
    kafka[0].remove_below(22)
    bench = make_bench(kafka)
    bench.consumer.bounds_errors.extend([NotLeaderForPartitionError(), TimeoutError()])
    await bench.source.start()
    [batch] = await bench.take()
    assert values([batch]) == list(range(22, 30))
    assert len(bench.notes.losses) == 1
    assert not bench.app.crashed
    await bench.source.stop()


@in_jumping_time
async def test_bounds_that_must_not_be_read_crash_the_app_with_a_sentence() -> None:
    kafka = full_kafka(30)
    kafka.committed[TP] = 5
    kafka[0].remove_below(22)
    bench = make_bench(kafka)
    bench.consumer.bounds_errors.append(TopicAuthorizationFailedError("leads"))
    await bench.source.start()
    await asyncio.sleep(0.1)
    assert "may read it" in bench.sentence
    await bench.source.stop()


@in_jumping_time
async def test_a_partition_that_is_revoked_while_the_bounds_are_asked_for_is_not_moved() -> None:
    kafka = full_kafka(30)
    kafka.committed[TP] = 5
    kafka[0].remove_below(22)
    bench = make_bench(kafka)
    asked = asyncio.Event()

    async def slow(partitions: Any) -> Any:  # type: ignore[no-untyped-def]
        asked.set()
        await asyncio.sleep(1)
        return dict.fromkeys(partitions, 22)

    ask, bench.consumer.beginning_offsets = bench.consumer.beginning_offsets, slow  # type: ignore[method-assign]
    await bench.source.start()
    await asked.wait()
    bench.consumer.beginning_offsets = ask  # type: ignore[method-assign]
    await bench.consumer.rebalance([])
    await asyncio.sleep(2)
    assert bench.notes.losses == []
    assert not bench.app.crashed
    await bench.source.stop()


# A topic that is gone, and comes back


@in_jumping_time
async def test_a_topic_that_comes_back_without_its_commit_is_a_loss() -> None:
    """Kafka deletes the commits with the topic, and the group rebalances meanwhile."""
    async with running(full_kafka(10)) as bench:
        [batch] = await bench.take()
        batch.done()
        await asyncio.sleep(2.5)
        assert bench.committed == 10
        bench.kafka[0].append(5)
        batches = await bench.take()
        await asyncio.sleep(2)
        bench.kafka.make_anew(TP)
        batches[0].done()
        bench.consumer.commit_answers.append(RequestTimedOutError())  # of a topic that is gone
        await bench.consumer.rebalance([])
        bench.kafka[0].append(40)
        await bench.consumer.rebalance([0])
        [anew, *_] = await bench.take(4)
        assert [record.offset for record in anew.records] == list(range(10))
        await asyncio.sleep(2.5)
        assert bench.notes.losses == [Loss(TP, 15, 15, LossReason.LOG_REPLACED)]
        await bench.consumer.rebalance([0])
        await asyncio.sleep(2.5)
        assert len(bench.notes.losses) == 1


@in_jumping_time
async def test_a_topic_that_goes_right_after_the_first_commit_is_a_loss() -> None:
    """Each commit was made by a rebalance, and no look at the log came between."""
    async with running(full_kafka(10)) as bench:
        for _ in range(2):
            [batch, *_] = await bench.take()
            batch.done()
            await bench.consumer.rebalance([0])
            assert bench.committed == 10
            if not bench.notes.losses:
                bench.kafka.make_anew(TP)
                await bench.consumer.rebalance([])
                bench.kafka[0].append(10)
                await bench.consumer.rebalance([0])
        [loss] = bench.notes.losses
        assert loss == Loss(TP, 10, 10, LossReason.LOG_REPLACED)
        assert "had been read" in str(loss)


@in_jumping_time
async def test_a_partition_that_was_read_and_never_committed_is_no_replaced_log() -> None:
    async with running(full_kafka(30)) as bench:
        await bench.take()
        await asyncio.sleep(2.5)
        rebalance = asyncio.create_task(bench.consumer.rebalance([0]))
        await rebalance
        await asyncio.sleep(2.5)
        assert bench.committed is None
        assert bench.notes.losses == []


@in_jumping_time
async def test_a_partition_that_others_have_read_meanwhile_is_forgotten() -> None:
    async with running(full_kafka(10, partitions=2)) as bench:
        for batch in await bench.take(2):
            batch.done()
        await asyncio.sleep(2.5)
        await bench.consumer.rebalance([1])
        bench.kafka.committed.pop(TP)
        await bench.consumer.rebalance([0, 1])
        await asyncio.sleep(2.5)
        assert bench.notes.losses == []
