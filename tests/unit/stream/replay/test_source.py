"""The source of a replay: every offset of its ranges is scored or counted, after any kill."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from random import Random
from typing import Any, NamedTuple

import pytest
from aiokafka import TopicPartition

from schemas.errors import FatalError
from schemas.model_identity import ModelIdentity
from stream.consume.offset_committer import GroupCommitter
from stream.consume.partition_progress import Batch
from stream.consume.start_offsets import Start
from stream.kafka.commit_metadata import Commit, metadata_of
from stream.process.background_tasks import BackgroundTasks
from stream.replay.account import Account, AccountedPin, account_of
from stream.replay.progress import ReplayAssignment
from stream.replay.ranges import PartitionRange
from stream.replay.selection import Selection
from stream.replay.source import ReplaySource
from stream.replay.source_limits import SourceLimits
from testing.fake_consumer import FakeConsumer
from testing.fake_kafka import TOPIC, FakeKafka
from testing.fake_raw_reader import FakeRawReader
from testing.jumping_time import in_jumping_time
from tests.unit.stream.replay.test_progress import outcome_of

MODEL = ModelIdentity("leads", "3", "9f" * 32)
LIMITS = SourceLimits(max_records=10, commit_interval=0.2)


class SmallRecord(NamedTuple):
    """A record with a size."""

    offset: int
    timestamp: int
    value: bytes = b"1"
    key: bytes | None = None
    headers: tuple[tuple[str, bytes | None], ...] = ()


class SizedConsumer(FakeConsumer):
    """A consumer whose records have sizes one by one, as they are left out one by one."""

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[Any]]:
        fetched = await super().getmany(*partitions, timeout_ms=timeout_ms, max_records=max_records)
        return {
            partition: [SmallRecord(record.offset, record.timestamp) for record in records]
            for partition, records in fetched.items()
        }


class NoPace:
    """Any number of records at once."""

    async def allowance(self, most: int) -> int:
        return most

    def spent(self, records: int) -> None:
        pass


class EveryThird(Selection):
    """Keeps the records whose offset is a multiple of three."""

    def kept(self, partition: int, records: Sequence[Any]) -> Sequence[Any]:
        return [record for record in records if record.offset % 3 == 0]


@dataclass
class Replay:
    """A replay on a fake Kafka, that may be killed and started again.

    Attributes
    ----------
    scored
        Partition and offset of each record whose outputs were delivered, repeats included.
    """

    kafka: FakeKafka
    ranges: Sequence[PartitionRange]
    selection: Selection = field(default_factory=Selection)
    scored: list[tuple[int, int]] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    random: Random = field(default_factory=lambda: Random(7))

    async def run(self, stop: asyncio.Event | None = None) -> bool:
        """Run it to its end; a cancellation is a kill: nothing more is committed."""
        tasks, consumer = BackgroundTasks(), SizedConsumer(self.kafka)

        async def accept(batches: Sequence[Batch]) -> None:
            for batch in batches:
                if batch.begin():
                    tasks.start(score(batch))
            await asyncio.sleep(0.05)

        async def score(batch: Batch) -> None:
            await asyncio.sleep(self.random.random())
            records = batch.records
            self.scored += [(batch.partition.partition, record.offset) for record in records]
            batch.done()
            source.on_done(batch, outcome_of(len(records)))

        async def crash(error: BaseException) -> None:
            self.errors.append(error)

        async def read_committed(partition: TopicPartition) -> Commit | None:
            [start] = [each.start for each in self.ranges if each.partition == partition.partition]
            found = await self.kafka.read_committed(partition)
            return found or Commit(start, metadata_of(start, None))

        async def start_of(_: TopicPartition, commit: Commit | None) -> Start:
            assert commit is not None
            return Start(commit.offset, AccountedPin(MODEL, 0, account=account_of(commit)))

        partitions = [TopicPartition(TOPIC, each.partition) for each in self.ranges]
        made: Any = consumer
        source = ReplaySource(
            TOPIC,
            self.ranges,
            assignment=ReplayAssignment(1, partitions),
            consumer=consumer,
            committer=GroupCommitter(
                made, lambda _: None, crash, read_committed=read_committed, start_of=start_of
            ),
            reader=FakeRawReader(self.kafka),
            accept=accept,
            selection=self.selection,
            pace=NoPace(),
            limits=LIMITS,
        )
        try:
            await source.start()
            committing = tasks.start(source.commits.regularly())
            await source.read(stop or asyncio.Event())
            committing.cancel()
            await source.commits.finish()
            return source.is_over
        finally:
            await tasks.cancel()

    async def killed_after(self, seconds: float) -> bool:
        """Kill it after a time; return whether it had ended by itself before."""
        try:
            async with asyncio.timeout(seconds):
                return await self.run()
        except TimeoutError:
            return False

    @property
    def account(self) -> Account:
        return Account.total(
            account_of(self.kafka.commit_of(TopicPartition(TOPIC, each.partition)))
            for each in self.ranges
        )


def kafka_of(*counts: int) -> FakeKafka:
    kafka = FakeKafka(len(counts))
    for number, count in enumerate(counts):
        kafka[number].append(count)
    return kafka


@in_jumping_time
async def test_it_reads_its_ranges_and_nothing_else() -> None:
    replay = Replay(kafka_of(50, 50), [PartitionRange(0, 7, 23), PartitionRange(1, 0, 50)])
    assert await replay.run()
    expected = [(0, offset) for offset in range(7, 23)] + [(1, offset) for offset in range(50)]
    assert sorted(replay.scored) == expected
    assert replay.account == Account(scored=66)
    assert not replay.errors


@in_jumping_time
async def test_leads_that_arrive_meanwhile_are_not_in_it() -> None:
    kafka = kafka_of(20)
    replay = Replay(kafka, [PartitionRange(0, 0, 20)])
    kafka[0].append(15)
    assert await replay.run()
    assert len(replay.scored) == 20


@pytest.mark.parametrize("selection", [Selection(), EveryThird()])
@pytest.mark.parametrize("seed", range(5))
def test_killed_at_any_moment_and_resumed_nothing_is_missing_and_the_account_is_exact(
    seed: int, selection: Selection
) -> None:
    @in_jumping_time
    async def run() -> None:
        random = Random(seed)
        kafka = kafka_of(400, 200)
        ranges = [PartitionRange(0, 0, 400), PartitionRange(1, 5, 200)]
        replay = Replay(kafka, ranges, selection, random=random)
        kills = 0
        while not await replay.killed_after(random.uniform(0.3, 1.2)):
            kills += 1
            assert kills < 200, "it makes no progress"
        assert kills > 1
        wanted = {
            (each.partition, offset)
            for each in ranges
            for offset in range(each.start, each.end)
            if type(selection) is Selection or offset % 3 == 0
        }
        assert set(replay.scored) == wanted
        assert replay.account.offsets == 595
        assert replay.account.scored == len(wanted)
        assert replay.account.filtered == 595 - len(wanted)

    run()


@in_jumping_time
async def test_offsets_that_expired_before_they_were_read_are_counted() -> None:
    kafka = kafka_of(40)
    replay = Replay(kafka, [PartitionRange(0, 0, 30)])
    kafka[0].remove_below(12)
    assert await replay.run()
    assert replay.account == Account(scored=18, expired=12)


@in_jumping_time
async def test_a_range_that_has_expired_altogether_is_counted_and_ends() -> None:
    kafka = kafka_of(40)
    replay = Replay(kafka, [PartitionRange(0, 0, 30)])
    kafka[0].remove_below(35)
    assert await replay.run()
    assert replay.account == Account(expired=30)
    assert replay.scored == []


@in_jumping_time
async def test_offsets_without_a_record_are_gaps() -> None:
    """The markers of transactions, for example, also at the end of a range."""
    kafka = FakeKafka(1)
    kafka[0].append(5)
    kafka[0].leave_out(3)
    kafka[0].append(5)
    kafka[0].leave_out(2)
    replay = Replay(kafka, [PartitionRange(0, 0, 15)])
    assert await replay.run()
    assert replay.account == Account(scored=10, gaps=5)


@in_jumping_time
async def test_a_record_that_cannot_be_read_is_handed_over_with_a_verdict() -> None:
    kafka = kafka_of(30)
    kafka[0].unreadable.add(13)
    replay = Replay(kafka, [PartitionRange(0, 0, 25)])
    assert await replay.run()
    assert sorted(set(replay.scored)) == [(0, offset) for offset in range(25)]
    assert replay.account.offsets == 25


@in_jumping_time
async def test_a_stop_keeps_what_is_done_and_says_that_it_is_not_all() -> None:
    stop = asyncio.Event()
    replay = Replay(kafka_of(500), [PartitionRange(0, 0, 500)])
    asyncio.get_running_loop().call_later(0.2, stop.set)
    assert not await replay.run(stop)
    assert 0 < replay.account.scored < 500
    assert replay.account.offsets == replay.kafka.committed[TopicPartition(TOPIC, 0)]
    assert await replay.run()
    assert len(replay.scored) == len(set(replay.scored)) == 500, "a clean stop repeats nothing"


@in_jumping_time
async def test_a_log_that_was_created_again_ends_the_replay() -> None:
    kafka = kafka_of(5)
    replay = Replay(kafka, [PartitionRange(0, 20, 40)])
    with pytest.raises(FatalError, match="created again"):
        await replay.run()


@in_jumping_time
async def test_a_commit_of_another_tool_ends_the_replay_before_it_reads() -> None:
    kafka = kafka_of(50)
    kafka.committed[TopicPartition(TOPIC, 0)] = 30
    replay = Replay(kafka, [PartitionRange(0, 0, 50)])
    with pytest.raises(FatalError, match="another tool"):
        await replay.run()
    assert replay.scored == []
