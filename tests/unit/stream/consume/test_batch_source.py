from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    CommitFailedError,
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    RequestTimedOutError,
    TopicAuthorizationFailedError,
)

from schemas.errors import FatalError, InvalidEventError
from stream.consume.batch_source import BatchSource, SourceOptions
from stream.consume.lag import Lag, lag_of
from stream.consume.lost_records import Loss
from stream.consume.offset_committer import GroupCommitter
from stream.consume.partition_progress import Batch
from tests.unit.stream.fakes import (
    TOPIC,
    FakeApp,
    FakeConsumer,
    FakeKafka,
    FakeRawReader,
    in_jumping_time,
)

TP = TopicPartition(TOPIC, 0)
OTHER = TopicPartition(TOPIC, 1)
PROMPT = SourceOptions(linger=0.0, max_records=10)


@dataclass
class Notes:
    """An observer that remembers."""

    fetched: list[int] = field(default_factory=list)
    committed: list[Mapping[TopicPartition, int]] = field(default_factory=list)
    assignments: list[frozenset[TopicPartition]] = field(default_factory=list)
    losses: list[Loss] = field(default_factory=list)

    def on_fetch(self, batch: Batch) -> None:
        self.fetched.append(len(batch.records))

    def on_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        self.committed.append(offsets)

    def on_rebalance(self, assignment: frozenset[TopicPartition]) -> None:
        self.assignments.append(assignment)

    def on_loss(self, loss: Loss) -> None:
        self.losses.append(loss)


@dataclass
class Bench:
    """A source on a fake Kafka."""

    kafka: FakeKafka
    consumer: FakeConsumer
    source: BatchSource
    app: FakeApp
    notes: Notes
    reader: FakeRawReader
    polled: deque[Batch] = field(default_factory=deque)
    """What the channel has given, and is not taken yet."""
    seen: dict[TopicPartition, list[int]] = field(default_factory=dict)
    """Offsets that `work` has finished."""
    verdicts: dict[TopicPartition, dict[int, InvalidEventError]] = field(default_factory=dict)
    """By offset: the verdicts that came with them."""

    async def work(self) -> None:
        """Finish whatever comes, as the agent does."""
        while True:
            for batch in await self.source.channel.queue.get():
                if batch.begin():
                    seen = self.seen.setdefault(batch.partition, [])
                    seen += [record.offset for record in batch.records]
                    verdicts = self.verdicts.setdefault(batch.partition, {})
                    for at, error in batch.verdicts.items():
                        verdicts[batch.records[at].offset] = error
                    batch.done()

    async def take(self, count: int = 1, *, begin: bool = True) -> list[Batch]:
        """Take batches from the channel as the agent does."""
        async with asyncio.timeout(5):
            while len(self.polled) < count:
                self.polled.extend(await self.source.channel.queue.get())
        batches = [self.polled.popleft() for _ in range(count)]
        assert not begin or all(batch.begin() for batch in batches)
        return batches

    @property
    def waiting(self) -> int:
        return int(self.source.channel.queue.qsize())

    async def until_waiting(self, polls: int) -> None:
        """Wait until the channel holds a number of polls."""
        async with asyncio.timeout(5):
            while self.waiting < polls:  # noqa: ASYNC110 - the channel has no event
                await asyncio.sleep(0.001)

    @property
    def committed(self) -> int | None:
        return self.kafka.committed.get(TP)

    @property
    def sentence(self) -> str:
        [error] = self.app.errors
        assert isinstance(error, FatalError)
        return str(error)


def make_bench(kafka: FakeKafka, options: SourceOptions = PROMPT) -> Bench:
    app, notes, consumer = FakeApp(), Notes(), FakeConsumer(kafka)
    reader = FakeRawReader(kafka)
    source = BatchSource(
        app.as_faust(),
        TOPIC,
        lambda: consumer,
        partial(GroupCommitter, read_committed=lambda at: kafka.read_committed(at)),
        reader,
        options=options,
        observer=notes,
    )
    return Bench(kafka, consumer, source, app, notes, reader)


@asynccontextmanager
async def running(kafka: FakeKafka, options: SourceOptions = PROMPT) -> AsyncIterator[Bench]:
    bench = make_bench(kafka, options)
    await bench.source.start()
    try:
        yield bench
    finally:
        await bench.source.stop()


def full_kafka(records: int = 30, partitions: int = 1) -> FakeKafka:
    kafka = FakeKafka(partitions)
    for log in kafka.logs.values():
        log.append(records)
    return kafka


def values(batches: list[Batch]) -> list[int]:
    return [record.value for batch in batches for record in batch.records]


# Polling


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


# Prefix commits


@in_jumping_time
async def test_commits_the_prefix_of_done_batches() -> None:
    async with running(full_kafka(30)) as bench:
        first, second, third = await bench.take(3)
        assert values([first, second, third]) == list(range(30))
        third.done()
        await asyncio.sleep(3)
        assert bench.committed is None
        first.done()
        await asyncio.sleep(1.1)
        assert bench.committed == 10
        second.done()
        await asyncio.sleep(1.1)
        assert bench.committed == 30


@in_jumping_time
async def test_commits_once_an_interval_and_only_what_is_new() -> None:
    async with running(full_kafka(30)) as bench:
        batches = await bench.take(3)
        for batch in batches:
            batch.done()
            await asyncio.sleep(0.1)
        await asyncio.sleep(5)
        assert bench.kafka.commits == [{TP: 30}]
        assert bench.notes.committed == [{TP: 30}]


@in_jumping_time
async def test_commits_past_trailing_offsets_that_hold_no_record() -> None:
    kafka = full_kafka(10)
    kafka[0].leave_out(2)
    async with running(kafka) as bench:
        [batch] = await bench.take()
        await asyncio.sleep(3)
        assert bench.committed is None, "the position is beyond a batch that is not done"
        batch.done()
        await asyncio.sleep(1.1)
        assert bench.committed == 12
        bench.kafka[0].leave_out(3)
        await asyncio.sleep(2)
        assert bench.committed == 15


@in_jumping_time
async def test_a_position_of_the_next_assignment_is_not_taken_for_one_of_this() -> None:
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
async def test_gives_up_what_was_not_begun_and_waits_for_what_was() -> None:
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
async def test_a_batch_in_hand_that_takes_too_long_is_left_to_the_next_owner() -> None:
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
async def test_progress_starts_anew_after_a_rebalance() -> None:
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
async def test_after_a_crash_nothing_in_hand_is_waited_for() -> None:
    async with running(full_kafka(20)) as bench:
        first, _ = await bench.take(2)
        first.done()
        await bench.app.crash(RuntimeError("elsewhere"))
        started = asyncio.get_running_loop().time()
        await bench.source.stop()
        assert asyncio.get_running_loop().time() - started < 0.5
        assert bench.committed == 10


@in_jumping_time
async def test_a_commit_that_is_being_retried_ends_when_partitions_are_revoked() -> None:
    async with running(full_kafka(10)) as bench:
        [batch] = await bench.take()
        batch.done()
        bench.consumer.commit_answers.append(asyncio.Event().wait())
        await asyncio.sleep(1.1)
        started = asyncio.get_running_loop().time()
        await bench.consumer.rebalance([])
        assert asyncio.get_running_loop().time() - started < 0.1
        assert bench.committed == 10


@in_jumping_time
async def test_a_coordinator_that_is_away_does_not_hold_up_a_rebalance_for_ever() -> None:
    async with running(full_kafka(10)) as bench:
        [batch] = await bench.take()
        batch.done()
        bench.consumer.commit_answers.append(asyncio.Event().wait())
        async with asyncio.timeout(11):
            await bench.consumer.rebalance([])
        assert bench.committed is None


@in_jumping_time
async def test_a_log_that_was_made_anew_is_read_from_its_beginning() -> None:
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


@pytest.mark.parametrize("error", [CommitFailedError(), RequestTimedOutError()])
def test_a_commit_that_fails_is_made_up_for(error: Any) -> None:
    @in_jumping_time
    async def scenario() -> None:
        async with running(full_kafka(10)) as bench:
            [batch] = await bench.take()
            batch.done()
            bench.consumer.commit_answers.append(error)
            await asyncio.sleep(1.1)
            assert bench.committed is None
            assert bench.notes.committed == []
            await asyncio.sleep(1)
            assert bench.committed == 10
            assert not bench.app.errors

    scenario()


@in_jumping_time
async def test_a_commit_without_an_answer_is_put_off() -> None:
    async with running(full_kafka(10)) as bench:
        [batch] = await bench.take()
        batch.done()
        bench.consumer.commit_answers.append(asyncio.Event().wait())
        await asyncio.sleep(6.5)
        assert bench.committed is None
        assert bench.source.put_off_for > 0
        await asyncio.sleep(1.5)
        assert bench.committed == 10
        assert bench.source.put_off_for == 0


@in_jumping_time
async def test_a_commit_that_is_forbidden_crashes_the_app_with_a_sentence() -> None:
    async with running(full_kafka(10)) as bench:
        [batch] = await bench.take()
        batch.done()
        bench.consumer.commit_answers.append(GroupAuthorizationFailedError("g"))
        await asyncio.sleep(1.1)
        assert "may read it and its consumer group" in bench.sentence
        [reason] = bench.app.errors  # for who looks for the missing right
        assert isinstance(reason.__cause__, GroupAuthorizationFailedError)


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
async def test_a_topic_that_is_away_for_a_while_is_waited_for_and_one_that_stays_away_not() -> None:
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
async def test_what_is_read_ahead_of_a_slow_agent_is_bounded() -> None:
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
        assert not bench.consumer.paused()


@in_jumping_time
async def test_does_not_linger_after_a_large_poll() -> None:
    options = SourceOptions(max_records=50, small_poll=50, linger=30.0)
    async with running(full_kafka(200), options) as bench:
        await bench.take(4)


@in_jumping_time
async def test_a_rebalance_during_a_linger_leaves_nothing_paused() -> None:
    kafka = FakeKafka(2)
    async with running(kafka, SourceOptions(linger=1.0)) as bench:
        kafka[0].append()
        [batch] = await bench.take()
        batch.done()
        assert bench.consumer.paused()
        await bench.consumer.rebalance([1])
        kafka[1].append()
        await bench.take()


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
async def test_the_observer_is_told_of_rebalances_and_fetches() -> None:
    async with running(full_kafka(10, partitions=2)) as bench:
        for batch in await bench.take(2):
            batch.done()
        await bench.consumer.rebalance([1])
        assert bench.notes.assignments == [
            frozenset(bench.kafka.logs),
            frozenset({TopicPartition(TOPIC, 1)}),
        ]
        assert bench.notes.fetched == [10, 10]
        assert bench.source.assignment.generation == 2


@in_jumping_time
async def test_lag_in_messages_and_seconds() -> None:
    kafka = FakeKafka()
    now_ms = 1_760_000_000_000
    kafka[0].append(10, timestamp=now_ms - 40_000)
    kafka[0].append(5, timestamp=now_ms - 10_000)
    async with running(kafka) as bench:

        def lag() -> dict[TopicPartition, Lag]:
            now = asyncio.get_running_loop().time()
            return lag_of(bench.source, wall_time=now_ms / 1000, loop_time=now)

        assert lag() == {}, "nothing is known before the first commit interval"
        first, second = await bench.take(2)
        first.done()
        assert lag() == {TP: Lag(5, 10.0)}
        second.done()
        assert lag() == {TP: Lag(0, 0.0)}
        assert bench.source.last_commit is None
        await asyncio.sleep(1.1)
        assert bench.source.last_commit == pytest.approx(asyncio.get_running_loop().time(), abs=0.2)


@pytest.mark.parametrize("timestamp", [-1, 0, 1_760_000_000, 1_760_000_000_000_000])
def test_an_implausible_time_stamp_makes_no_lag_of_decades(timestamp: int) -> None:
    @in_jumping_time
    async def run() -> None:
        kafka = FakeKafka()
        kafka[0].append(10, timestamp=1_760_000_000_000)
        kafka[0].append(5, timestamp=timestamp)
        async with running(kafka) as bench:
            first, second = await bench.take(2)
            first.done()
            now = asyncio.get_running_loop().time()
            found = lag_of(bench.source, wall_time=1_760_000_001.0, loop_time=now)
            assert found == {TP: Lag(5, 0.0)}
            second.done()

    run()


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
