from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    KafkaConnectionError,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
)

from schemas.errors import FatalError
from schemas.model_identity import ModelIdentity
from stream.consume.lag import lag_of
from stream.consume.source_options import SourceOptions
from stream.consume.start_offsets import Start
from stream.kafka.commit_metadata import Commit, ModelPin
from testing.fake_kafka import TOPIC, FakeKafka
from testing.jumping_time import in_jumping_time
from tests.unit.stream.consume.source_bench import (
    OTHER,
    PROMPT,
    TP,
    full_kafka,
    make_bench,
    running,
    values,
)

# Polling


async def test_a_poll_ends_where_the_pin_of_a_partition_ends() -> None:
    """Else the model of the pin scores records that nobody has scored before."""

    async def start_of(partition: TopicPartition, _: Commit | None) -> Start:
        return Start(0, ModelPin(ModelIdentity("bank", "1", "ab"), 0, until=4))

    bench = make_bench(full_kafka(30), start_of=start_of)
    await bench.source.start()
    try:
        async with asyncio.timeout(5):
            polls = [await bench.source.channel.queue.get() for _ in range(3)]
    finally:
        await bench.source.stop()
    ends = [[(batch.first_offset, batch.next_offset) for batch in poll] for poll in polls]
    assert ends == [[(0, 4)], [(4, 10)], [(10, 20)]]


async def test_others_have_their_turn_between_two_polls_of_a_backlog() -> None:
    bench = make_bench(full_kafka(30))
    turns = 0
    polls: list[int] = []
    getmany = bench.consumer.getmany

    async def noted(*partitions: Any, **options: Any) -> Any:
        polls.append(turns)
        return await getmany(*partitions, **options)

    async def others() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    bench.consumer.getmany = noted  # type: ignore[method-assign]
    ticking = asyncio.create_task(others())
    await bench.source.start()
    try:
        async with asyncio.timeout(5):
            await bench.until_waiting(2)
    finally:
        ticking.cancel()
        await bench.source.stop()
    assert len(polls) >= 2
    assert len(set(polls)) == len(polls)


@in_jumping_time
async def test_a_held_partition_is_fetched_again_only_after_its_release() -> None:
    async with running(full_kafka(5, partitions=2)) as bench:
        for batch in await bench.take(2):
            batch.done()
        bench.source.hold(TP)
        await bench.consumer.rebalance([0, 1])  # a new assignment forgets what was paused
        for log in bench.kafka.logs.values():
            log.append(5)
        [batch] = await bench.take()
        await asyncio.sleep(3)
        assert batch.partition == OTHER
        assert bench.waiting == 0
        bench.source.release(TP)
        [late] = await bench.take()
        assert late.partition == TP
        for each in (batch, late):
            each.done()


# Prefix commits


@in_jumping_time
async def test_a_position_of_the_next_assignment_does_not_count_for_this_one() -> None:
    async with running(full_kafka(10)) as bench:
        [batch] = await bench.take()
        batch.done()
        await asyncio.sleep(1.1)
        assert bench.committed == 10
        # The look at the position begins while it is unknown, and ends after a rebalance and a
        # fetch of records that nobody has scored.
        bench.consumer.lookup.clear()
        await bench.consumer.position_asked.wait()
        await bench.consumer.rebalance([0])
        bench.kafka[0].append(10)
        await bench.take()
        bench.consumer.lookup.set()
        await asyncio.sleep(3)
        assert bench.committed == 10


# Partitions come and go


@in_jumping_time
async def test_a_revocation_drops_batches_that_wait_and_waits_for_those_in_flight() -> None:
    async with running(full_kafka(30)) as bench:
        [in_hand] = await bench.take()
        await bench.until_waiting(2)
        rebalance = asyncio.create_task(bench.consumer.rebalance([]))
        await asyncio.sleep(2)
        assert not rebalance.done()
        in_hand.done()
        await rebalance
        assert bench.committed == 10
        assert not any(batch.begin() for batch in await bench.take(2, begin=False))
        assert set(bench.source.assignment) == set()


@in_jumping_time
async def test_a_batch_in_flight_that_takes_too_long_is_left_to_the_next_owner() -> None:
    async with running(full_kafka(20)) as bench:
        first, second = await bench.take(2)
        second.done()
        started = asyncio.get_running_loop().time()
        await bench.consumer.rebalance([])
        assert asyncio.get_running_loop().time() - started == pytest.approx(5.0, abs=0.1)
        first.done()
        await asyncio.sleep(3)
        assert bench.committed is None


@in_jumping_time
async def test_a_stop_waits_for_a_batch_in_flight_though_a_revocation_ended_its_assignment() -> (
    None
):
    bench = make_bench(full_kafka(10), replace(PROMPT, revoke_limit=1.0, stop_limit=8.0))
    await bench.source.start()
    [batch] = await bench.take()
    moving = asyncio.create_task(bench.consumer.rebalance([]))
    await asyncio.sleep(0.5)
    stopping = asyncio.create_task(bench.source.stop())
    await moving
    await asyncio.sleep(1)
    assert not stopping.done()
    batch.done()
    await stopping


@in_jumping_time
async def test_progress_is_reset_after_a_rebalance() -> None:
    async with running(full_kafka(20)) as bench:
        first, second = await bench.take(2)
        first.done()
        await bench.consumer.rebalance([0])
        again = await bench.take()
        assert values(again) == values([second])
        second.done()  # of the assignment before
        await asyncio.sleep(2)
        assert bench.committed == 10
        again[0].done()
        await asyncio.sleep(2)
        assert bench.committed == 20


@in_jumping_time
async def test_after_a_crash_batches_in_flight_are_not_waited_for() -> None:
    async with running(full_kafka(20)) as bench:
        first, _ = await bench.take(2)
        first.done()
        await bench.app.crash(RuntimeError("elsewhere"))
        started = asyncio.get_running_loop().time()
        await bench.source.stop()
        assert asyncio.get_running_loop().time() - started < 0.5
        assert bench.committed == 10


@in_jumping_time
async def test_a_coordinator_that_is_unavailable_does_not_hold_up_a_rebalance_forever() -> None:
    async with running(full_kafka(10)) as bench:
        [batch] = await bench.take()
        batch.done()
        bench.consumer.commit_answers.append(asyncio.Event().wait())
        async with asyncio.timeout(11):
            await bench.consumer.rebalance([])
        assert bench.committed is None


@in_jumping_time
async def test_a_log_that_was_created_again_is_read_from_its_beginning() -> None:
    async with running(full_kafka(20)) as bench:
        first, second = await bench.take(2)
        first.done()
        await asyncio.sleep(1.1)
        assert bench.committed == 10
        bench.kafka.make_anew(TP)
        bench.kafka[0].append(5)
        [anew] = await bench.take()
        assert [record.offset for record in anew.records] == list(range(5))
        second.done()  # of the log before: must not be committed
        await asyncio.sleep(2)
        assert bench.committed is None
        anew.done()
        await asyncio.sleep(2)
        assert bench.committed == 5


# Commits that fail


# Fetching


@in_jumping_time
async def test_an_error_that_passes_is_retried() -> None:
    kafka = FakeKafka()
    async with running(kafka) as bench:
        bench.consumer.fetch_errors.append(RequestTimedOutError())
        await asyncio.sleep(1)
        kafka[0].append(3)
        assert len(values(await bench.take())) == 3
        assert not bench.app.errors


@in_jumping_time
async def test_an_error_that_does_not_pass_crashes_the_app_with_a_sentence() -> None:
    async with running(FakeKafka()) as bench:
        bench.consumer.fetch_errors.append(TopicAuthorizationFailedError(TOPIC))
        await asyncio.sleep(1)
        assert f"Records of topic {TOPIC} were expected" in bench.sentence
        assert "TopicAuthorizationFailedError" in bench.sentence
        [reason] = bench.app.errors
        assert isinstance(reason.__cause__, TopicAuthorizationFailedError)


@in_jumping_time
async def test_a_missing_topic_is_waited_for_but_not_for_longer_than_its_limit() -> None:
    async with running(FakeKafka()) as bench:
        bench.kafka.knows_topic = False
        await asyncio.sleep(100)
        bench.kafka.knows_topic = True
        await asyncio.sleep(5)
        bench.kafka.knows_topic = False
        await asyncio.sleep(100)
        assert not bench.app.errors
        await asyncio.sleep(30)
        assert "leadscore topics create" in bench.sentence


@pytest.mark.parametrize("stop_after", [0.0, 0.3, 1.5])
@pytest.mark.parametrize("is_in_flight", [False, True])
def test_an_error_in_a_poll_that_is_none_of_a_record_passes_over_nothing(
    stop_after: float, is_in_flight: bool
) -> None:
    @in_jumping_time
    async def run() -> None:
        kafka = full_kafka(5)
        async with running(kafka) as bench:
            [batch] = await bench.take(1)
            if not is_in_flight:
                batch.done()
            await asyncio.sleep(1.5)
            kafka[0].append(7)
            bench.consumer.fails_after_draining = TopicAuthorizationFailedError(TOPIC)
            await asyncio.sleep(0.3)
            assert "may read it" in bench.sentence
            if is_in_flight:
                batch.done()
            await asyncio.sleep(stop_after)
        assert kafka.committed == {TP: 5}

    run()


@in_jumping_time
async def test_reading_ahead_of_a_slow_agent_is_bounded() -> None:
    options = SourceOptions(max_records=10, ahead=3, linger=0.0)
    async with running(full_kafka(1000), options) as bench:
        await asyncio.sleep(10)
        assert bench.waiting == 3
        assert sum(bench.notes.fetched) == 40, "three on the channel, one in the source's hand"
        await bench.take()
        await asyncio.sleep(10)
        assert sum(bench.notes.fetched) == 50


@in_jumping_time
async def test_bytes_that_are_not_done_are_bounded() -> None:
    options = SourceOptions(max_records=10, ahead=100, in_flight_bytes=2500, linger=0.0)
    async with running(full_kafka(1000), options) as bench:
        bench.consumer.record_bytes = 100
        await asyncio.sleep(10)
        assert sum(bench.notes.fetched) == 30, "two polls are below the limit, the third is not"
        batches = await bench.take(3)
        await asyncio.sleep(10)
        assert sum(bench.notes.fetched) == 30, "they are begun, and not done"
        batches[1].done()
        await asyncio.sleep(10)
        assert (sum(bench.notes.fetched), bench.source.in_flight_bytes) == (40, 3000)


@in_jumping_time
async def test_bytes_that_were_revoked_are_not_in_flight() -> None:
    options = SourceOptions(max_records=10, ahead=100, in_flight_bytes=2500, linger=0.0)
    async with running(full_kafka(1000), options) as bench:
        bench.consumer.record_bytes = 100
        await asyncio.sleep(10)
        await bench.consumer.rebalance([])
        assert bench.source.in_flight_bytes == 0


@in_jumping_time
async def test_lingers_after_a_small_poll_so_that_records_come_together() -> None:
    kafka = FakeKafka()
    async with running(kafka, SourceOptions(linger=0.02, small_poll=50, ahead=200)) as bench:
        await bench.source.position(TP)
        for _ in range(200):
            kafka[0].append()
            await asyncio.sleep(0.002)
        await asyncio.sleep(1)
        assert sum(bench.consumer.fetched) == 200
        assert len(bench.consumer.fetched) < 30
        assert not bench.consumer.holds_fetches


@in_jumping_time
async def test_does_not_linger_after_a_large_poll() -> None:
    options = SourceOptions(max_records=50, small_poll=50, linger=30.0)
    async with running(full_kafka(200), options) as bench:
        started = asyncio.get_running_loop().time()
        batches = await bench.take(4)
        assert sum(len(batch.records) for batch in batches) == 200
        assert asyncio.get_running_loop().time() - started < options.linger


@in_jumping_time
async def test_a_rebalance_during_a_linger_leaves_no_fetch_held_back() -> None:
    kafka = FakeKafka(2)
    async with running(kafka, SourceOptions(linger=1.0)) as bench:
        kafka[0].append()
        [batch] = await bench.take()
        batch.done()
        assert bench.consumer.holds_fetches
        await bench.consumer.rebalance([1])
        kafka[1].append()
        await bench.take()


@in_jumping_time
async def test_a_stop_during_a_linger_releases_the_fetches() -> None:
    kafka = FakeKafka()
    async with running(kafka, SourceOptions(linger=1000.0)) as bench:
        kafka[0].append()
        [batch] = await bench.take()
        batch.done()
        assert bench.consumer.holds_fetches
    assert not bench.consumer.holds_fetches


# The stop


@in_jumping_time
async def test_a_stop_finishes_what_is_in_flight_commits_it_and_then_leaves() -> None:
    async with running(full_kafka(30)) as bench:
        [in_hand] = await bench.take()
        await bench.until_waiting(2)
        stop = asyncio.create_task(bench.source.stop())
        await asyncio.sleep(2)
        assert "stop" not in bench.consumer.calls
        assert not any(batch.begin() for batch in await bench.take(2, begin=False))
        in_hand.done()
        await stop
        assert bench.committed == 10
        assert bench.consumer.calls[-2:] == ["commit", "stop"]


@in_jumping_time
async def test_a_stop_keeps_to_its_limit_whatever_hangs() -> None:
    async with running(full_kafka(30)) as bench:
        first, second = await bench.take(2)
        first.done()
        assert second.is_in_flight
        bench.consumer.commit_answers.append(asyncio.Event().wait())
        bench.consumer.hangs_on_stop = True
        started = asyncio.get_running_loop().time()
        await bench.source.stop()
        assert 7.9 < asyncio.get_running_loop().time() - started < 8.1


@in_jumping_time
async def test_nothing_that_comes_after_the_end_of_fetching_is_committed() -> None:
    kafka = FakeKafka()
    async with running(kafka) as bench:
        await bench.source.position(TP)
        kafka[0].append(10)
        [batch] = await bench.take()
        batch.done()
        await asyncio.sleep(0.1)
        bench.source.stop_fetching()
        kafka[0].append(10)  # found by the look for records that is under way
        await asyncio.sleep(3)
        assert bench.consumer.fetched == [10, 10]
        assert bench.committed == 10
        assert all(not batch.begin() for batch in await bench.take(bench.waiting, begin=False))


@in_jumping_time
async def test_a_source_that_was_not_started_can_be_stopped() -> None:
    bench = make_bench(FakeKafka())
    await bench.source.stop()
    assert bench.consumer.calls == []
    assert bench.source.last_commit is None


@in_jumping_time
async def test_a_start_without_a_broker_fails_with_a_sentence_and_closes_the_client() -> None:
    bench = make_bench(FakeKafka())
    bench.consumer.start_error = KafkaConnectionError("nobody there")
    with pytest.raises(FatalError, match="nobody there"):
        await bench.source.start()
    assert bench.consumer.calls == ["start", "stop"]


# What can be read of it


@in_jumping_time
async def test_a_stall_is_seen_when_there_are_records_and_none_comes() -> None:
    kafka = full_kafka(10)
    async with running(kafka) as bench:
        [batch] = await bench.take()
        await asyncio.sleep(20)
        assert bench.source.stalled_for == 0.0, "the agent is slow, the source is not"
        batch.done()
        await asyncio.sleep(2)
        assert bench.source.stalled_for == 0.0
        bench.consumer.pause(TP)  # as good as any reason for which a client hands over nothing
        kafka[0].append()
        await asyncio.sleep(11)
        assert bench.source.stalled_for == pytest.approx(10.0, abs=1.1)
        now = asyncio.get_running_loop().time()
        assert lag_of(bench.source, wall_time=0.0, loop_time=now)[TP].seconds > 8
        bench.consumer.resume(TP)
        await bench.take()
        assert bench.source.stalled_for == 0.0
