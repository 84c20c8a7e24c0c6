"""A replay from its plan to its commits: the worker's pipeline and emitter on fakes of Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    GroupAuthorizationFailedError,
    KafkaConnectionError,
    TopicAuthorizationFailedError,
)

from model.metadata import BundleError
from schemas.errors import FatalError
from schemas.model_identity import ModelIdentity
from stream.consume.offset_committer import GroupCommitter
from stream.deliver.batch_producer import EmitOptions, Emitter
from stream.kafka.commit_metadata import Commit, metadata_of
from stream.kafka.committed_offsets import GroupOffsets
from stream.kafka.record_clock import RecordClock
from stream.replay import assembly
from stream.replay.account import Account, AccountedPin
from stream.replay.plan import ReplayPlan
from stream.replay.ranges import PartitionRange
from stream.replay.runner import Progress, ReplayRun, read_progress
from stream.replay.selection import Selection
from stream.settings import Settings, load_settings
from testing.fake_consumer import FakeConsumer
from testing.fake_kafka import TOPIC, FakeKafka
from testing.fake_producer import FakeOutput
from testing.fake_raw_reader import FakeRawReader
from tests.unit.stream.replay.test_plan import plan_of
from tests.unit.stream.scoring.pipeline_bench import Record, scorer

OUT, DEAD = "leads.rescored.r1", "leads.rescored.r1.dlq"
RANGES = (PartitionRange(0, 5, 25), PartitionRange(1, 0, 10))
BROKEN = 7
"""Offset of a record that is no lead, in each partition."""


class LeadConsumer(FakeConsumer):
    """A consumer whose records are leads."""

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[Any]]:
        fetched = await super().getmany(*partitions, timeout_ms=timeout_ms, max_records=max_records)
        return {
            at: [Record(one.offset, _value(one.offset), partition=at.partition) for one in records]
            for at, records in fetched.items()
        }


def _value(offset: int) -> bytes:
    if offset == BROKEN:
        return b"no lead"
    return b'{"lead_id":"a%d","created_at":1,"age":5}' % offset


class NoPace:
    """Any number of records at once."""

    async def allowance(self, most: int) -> int:
        return most

    def spent(self, records: int) -> None:
        """Count nothing."""


@dataclass
class Cluster:
    """A Kafka with leads, and the topics that replays write to.

    Attributes
    ----------
    offsets
        Offsets of the group that is asked about: what the runner sets for its committer.
    """

    kafka: FakeKafka = field(default_factory=lambda: FakeKafka(2))
    output: FakeOutput = field(default_factory=lambda: FakeOutput([OUT, DEAD], limit=100_000))
    clock: RecordClock = field(default_factory=RecordClock)
    offsets: Any = None
    budget: Any = field(default_factory=lambda: SimpleNamespace(in_flight_bytes=1 << 20))
    consumers: list[LeadConsumer] = field(default_factory=list)

    def __post_init__(self) -> None:
        for number in (0, 1):
            self.kafka[number].append(30)

    # As KafkaClients

    def emitter(self, topics: Sequence[str]) -> Emitter:
        options = EmitOptions(delivery_limit=1.0, stop_limit=0.2)
        return Emitter(
            topics, self.output.connect, self.output.read_limits, options=options, clock=self.clock
        )

    def consumer(self, on_refusal: Any) -> LeadConsumer:
        self.consumers.append(LeadConsumer(self.kafka))
        return self.consumers[-1]

    def raw_reader(self) -> FakeRawReader:
        return FakeRawReader(self.kafka)

    def source_log(self) -> None:
        """None: no replay here counts for drift, so nobody asks where the topic begins."""

    def group_committer(self, start_of: Any) -> Any:
        return partial(GroupCommitter, read_committed=self.offsets.read, start_of=start_of)

    # What came out

    def count(self, topic: str) -> int:
        return sum(len(values) for at, values in self.output.written.items() if at.topic == topic)


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Cluster]:
    cluster = Cluster()

    async def read(offsets: GroupOffsets, partition: TopicPartition) -> Commit | None:
        return await cluster.kafka.read_committed(partition)

    def load(
        settings: Settings,
        trial: Any,
        model: ModelIdentity,
        *,
        registered: None,
        replay_id: str,
        ages_at: int | None,
    ) -> Any:
        assert (model.version, replay_id, ages_at) == ("3", "r1", None), "the model of the plan"
        return SimpleNamespace(scorer=scorer())

    monkeypatch.setattr(GroupOffsets, "read", read)
    monkeypatch.setattr(assembly, "KafkaClients", lambda settings: cluster)
    monkeypatch.setattr(assembly, "load_pinned", load)
    monkeypatch.setattr(assembly, "load_selection", lambda plan, settings: Selection())
    yield cluster
    for consumer in cluster.consumers:
        assert consumer.calls[-1] == "stop", "whatever happens, it disconnects"


def plan(ranges: Sequence[PartitionRange] = RANGES) -> ReplayPlan:
    return plan_of(topic=TOPIC, partitions=2, ranges=tuple(ranges), filters=(), sample=1.0)


def run_of(made: ReplayPlan, ranges: Sequence[PartitionRange] = RANGES) -> ReplayRun:
    settings = load_settings(delivery="at_least_once", batch_max_records=10)
    return ReplayRun(settings, made, ranges, NoPace())


def committed(cluster: Cluster, number: int) -> Commit | None:
    return cluster.kafka.commit_of(TopicPartition(TOPIC, number))


async def test_every_offset_of_its_ranges_is_scored_or_dead_and_committed_with_the_account(
    cluster: Cluster,
) -> None:
    run = run_of(plan())
    assert await run.run(asyncio.Event())
    assert (cluster.count(OUT), cluster.count(DEAD)) == (28, 2)
    expected = [Account(scored=19, dead_lettered=1), Account(scored=9, dead_lettered=1)]
    done = await read_progress(load_settings(), plan())
    assert [(each.offset, each.account) for each in done] == [(25, expected[0]), (10, expected[1])]
    assert all(each.is_done and each.is_balanced for each in done)


async def test_a_shard_leaves_the_other_partitions_alone(cluster: Cluster) -> None:
    run = run_of(plan(), RANGES[1:])
    assert await run.run(asyncio.Event())
    assert (cluster.count(OUT), cluster.count(DEAD)) == (9, 1)
    assert committed(cluster, 0) is None
    first, second = await read_progress(load_settings(), plan())
    assert (first.offset, first.account, first.is_done) == (5, Account(), False)
    assert second.is_done


async def test_a_resumed_replay_continues_at_its_commit(cluster: Cluster) -> None:
    pin = AccountedPin(plan().model, 5, account=Account(scored=15))
    at = TopicPartition(TOPIC, 0)
    cluster.kafka.committed[at] = 20
    cluster.kafka.metadata[at] = metadata_of(20, pin)
    assert await run_of(plan(RANGES[:1]), RANGES[:1]).run(asyncio.Event())
    assert cluster.count(OUT) == 5
    [done] = await read_progress(load_settings(), plan(RANGES[:1]))
    assert done.account == Account(scored=20)


async def test_a_stop_ends_it_before_its_ranges_are_done(cluster: Cluster) -> None:
    stop = asyncio.Event()
    stop.set()
    run = run_of(plan())
    assert not await run.run(stop)
    assert [each.is_done for each in run.progress()] == [False, False]


async def test_a_commit_that_kafka_refuses_ends_it_with_a_sentence(cluster: Cluster) -> None:
    consumer = LeadConsumer(cluster.kafka)
    consumer.commit_answers.extend([GroupAuthorizationFailedError("g")] * 50)
    cluster.consumer = lambda on_refusal: consumer  # type: ignore[method-assign]
    with pytest.raises(FatalError, match="Group"):
        await run_of(plan()).run(asyncio.Event())
    assert consumer.calls[-1] == "stop"


async def test_an_output_that_kafka_refuses_ends_it_with_a_sentence(cluster: Cluster) -> None:
    cluster.output.answers.append(TopicAuthorizationFailedError(OUT))
    with pytest.raises(FatalError):
        await run_of(plan()).run(asyncio.Event())
    assert cluster.consumers[0].calls[-1] == "stop"


async def test_a_model_that_is_not_there_any_more_ends_it_before_it_connects(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise BundleError("gone")

    monkeypatch.setattr(assembly, "load_pinned", refuse)
    with pytest.raises(BundleError, match="gone"):
        await run_of(plan()).run(asyncio.Event())
    assert cluster.consumers == []


async def test_commits_that_cannot_be_read_are_an_error_with_the_group(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def refuse(offsets: GroupOffsets, partition: TopicPartition) -> Commit | None:
        raise KafkaConnectionError("away")

    monkeypatch.setattr(GroupOffsets, "read", refuse)
    with pytest.raises(FatalError, match=r"of group leadscore-replay-r1.*may read the group"):
        await read_progress(load_settings(), plan())


@pytest.mark.parametrize(
    ("offset", "account", "is_done", "is_balanced"),
    [
        (5, Account(), False, True),
        (20, Account(scored=15), False, True),
        (25, Account(scored=19, gaps=1), True, True),
        (25, Account(scored=19), True, False),
    ],
    ids=["not begun", "half", "done", "an offset is in no column"],
)
def test_progress_is_balanced_where_the_account_covers_every_offset_that_is_done(
    offset: int, account: Account, is_done: bool, is_balanced: bool
) -> None:
    progress = Progress(PartitionRange(0, 5, 25), offset, account)
    assert (progress.is_done, progress.is_balanced) == (is_done, is_balanced)
