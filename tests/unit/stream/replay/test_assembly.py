"""The parts of a replay: what the plan says, and nothing of the workers."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest
from aiokafka import TopicPartition

from schemas.errors import InputError
from stream.kafka.commit_metadata import Commit, metadata_of
from stream.kafka.committed_offsets import GroupOffsets
from stream.process.model_trial import Trials
from stream.replay import assembly as module
from stream.replay.account import Account, AccountedPin
from stream.replay.assembly import Loaded, Part, ReplayParts, load
from stream.replay.progress import ReplayAssignment
from stream.replay.ranges import PartitionRange
from stream.replay.selection import Selection
from stream.scoring.kafka_clients import KafkaClients
from stream.settings import load_settings
from testing.fake_consumer import FakeConsumer
from testing.fake_kafka import FakeKafka
from tests.unit.stream.replay.test_plan import plan_of

RANGES = (PartitionRange(0, 5, 25),)


class NoPace:
    """Any number of records at once."""

    async def allowance(self, most: int) -> int:
        return most

    def spent(self, records: int) -> None:
        """Count nothing."""


@pytest.fixture(autouse=True)
def no_consumer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Kafka's own client warns if it is not closed."""
    monkeypatch.setattr(KafkaClients, "consumer", lambda *_: FakeConsumer(FakeKafka()))


async def crash(error: BaseException) -> None:
    raise error


def parts(schemas: Any = None, **changes: Any) -> ReplayParts:
    plan = plan_of(topic="leads", partitions=1, ranges=RANGES, **changes)
    settings = plan.settings_of(load_settings())
    serving: Any = SimpleNamespace(scorer=object())
    part = Part(plan, RANGES, ReplayAssignment(1, [TopicPartition("leads", 0)]), NoPace())
    return ReplayParts(settings, part, Loaded(serving, Selection(), schemas, None), crash)


async def test_it_writes_to_the_topics_of_the_plan_alone() -> None:
    made = parts()
    assert set(made.emitter.limits.topics) == {"leads.rescored.r1", "leads.rescored.r1.dlq"}
    assert not made.counts
    assert made.pipeline._drift is None


async def test_counts_for_drift_go_to_the_topic_of_the_plan() -> None:
    made = parts(drift_partials="counts.r1")
    assert "counts.r1" in made.emitter.limits.topics
    assert made.counts
    assert made.pipeline._drift is made.drift


async def test_a_partition_without_a_commit_starts_where_its_range_does(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    async def nothing(offsets: GroupOffsets, partition: TopicPartition) -> Commit | None:
        return None

    monkeypatch.setattr(GroupOffsets, "read", nothing)
    found = await parts().kafka.offsets.read(TopicPartition("leads", 0))
    assert found == Commit(5, metadata_of(5, None))


async def test_a_commit_keeps_its_account() -> None:
    made, account = parts(), Account(scored=15)
    pin = AccountedPin(made._part.plan.model, 5, account=account)
    start = await made._start_of(TopicPartition("leads", 0), Commit(20, metadata_of(20, pin)))
    assert start.committed == 20
    assert isinstance(start.pin, AccountedPin)
    assert (start.pin.since, start.pin.account) == (5, account)


async def test_batches_reach_the_pipeline_once_their_schema_ids_are_known() -> None:
    order: list[str] = []

    async def resolve(records: Any) -> None:
        order.append(f"resolve {records}")

    async def accept(batches: Any) -> None:
        order.append(f"accept {len(batches)}")

    made = parts(schemas=SimpleNamespace(resolve=resolve))
    made.pipeline.accept = accept  # type: ignore[method-assign]
    batches: Any = [SimpleNamespace(records="a"), SimpleNamespace(records="b")]
    await made._accept(batches)
    assert order == ["resolve a", "resolve b", "accept 2"]


async def test_an_archive_that_is_not_there_ends_the_replay_before_it_connects(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    monkeypatch.setattr(module, "load_pinned", lambda *_, **__: SimpleNamespace(scorer=object()))
    monkeypatch.setattr(module, "load_selection", lambda *_: Selection())
    plan = plan_of(topic="leads", ranges=RANGES, archive=str(tmp_path / "away"))
    with pytest.raises(InputError):
        await load(load_settings(), plan, Trials())
