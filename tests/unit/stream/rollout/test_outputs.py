"""The tail of the outputs: what counts of it, and where it continues when it falls behind."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

import orjson
import pytest
from aiokafka import TopicPartition

from agents.canary_mark import Arm, CanaryMark
from agents.rollout.evidence import Seen
from schemas.headers import REPLAY_ID
from schemas.lead_outcome import encode_outcome
from schemas.record_codec import RecordCodec
from schemas.single_object import HEADER_BYTES
from schemas.store import PACKAGED
from stream.rollout import outputs as module
from stream.rollout.outputs import OutputTail
from stream.schema_registry.lookup import SchemaLookup
from stream.settings import load_settings
from testing.fake_schema_registry import FakeSchemaRegistry
from testing.scored_events import scored

SETTINGS = load_settings()
SCORED, DEAD = SETTINGS.leads_scored, SETTINGS.leads_created_dlq
OUTCOMES = SETTINGS.leads_outcomes
MARK = CanaryMark(Arm.CANARY, 10, 900, "5ba2")


@dataclass(frozen=True)
class Record:
    offset: int
    timestamp: int
    key: bytes
    value: bytes
    headers: Sequence[tuple[str, bytes]]
    partition: int = 1


def event(offset: int, *headers: Any, value: bytes | None = None) -> Record:
    given = orjson.dumps({"score": 0.25}) if value is None else value
    return Record(offset, 1_760_000_000_000 + offset, b"L-%d" % offset, given, headers)


class FakeConsumer:
    """A consumer whose next polls are given."""

    def __init__(self) -> None:
        self.positions: dict[TopicPartition, int] = {}
        self.ends: dict[TopicPartition, int] = {}
        self.logs: dict[str, list[Any]] = {}

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        self.positions = dict.fromkeys(partitions, 0)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.positions[partition] = offset

    async def position(self, partition: TopicPartition) -> int:
        return self.positions[partition]

    def highwater(self, partition: TopicPartition) -> int | None:
        return self.ends.get(partition)

    async def offsets_for_times(self, times: dict[TopicPartition, int]) -> dict[Any, Any]:
        return dict.fromkeys(times)

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[Any, int]:
        return {partition: self.ends.get(partition, 0) for partition in partitions}

    async def getmany(self, *partitions: TopicPartition, **_: Any) -> dict[Any, Any]:
        found = {at: self.logs.pop(at.topic, []) for at in partitions if at.partition == 0}
        return {at: records for at, records in found.items() if records}


class FakeReader:
    def __init__(self, consumer: FakeConsumer) -> None:
        self._consumer = consumer

    @asynccontextmanager
    async def open(self) -> AsyncIterator[FakeConsumer]:
        yield self._consumer

    @asynccontextmanager
    async def open_beside(self) -> AsyncIterator[None]:
        yield None


class FakeIds:
    async def partitions(self, topic: str) -> int:
        return 2


@pytest.fixture
def consumer() -> FakeConsumer:
    return FakeConsumer()


@pytest.fixture
def tail(consumer: FakeConsumer) -> OutputTail:
    reader: Any = FakeReader(consumer)
    ids: Any = FakeIds()
    return OutputTail(SETTINGS, reader, ids)


async def test_events_dead_letters_and_conversions_are_read(
    consumer: FakeConsumer, tail: OutputTail
) -> None:
    mark = MARK.headers()
    consumer.logs = {
        SCORED: [
            event(1, *mark),
            event(2),
            event(3, *mark, (REPLAY_ID, b"r")),
            event(4, *mark, value=b"{}"),
        ],
        DEAD: [event(5, *mark, value=b"x"), event(6, value=b"x")],
        OUTCOMES: [
            event(7, value=outcome("L-1", "Converted ")),
            event(8, value=outcome("L-2", "lost")),
            event(9, value=b"x"),
        ],
    }
    assert (await tail.read()).seen == [], "nothing before it was started"
    await tail.start_at(1000)
    found = await tail.read()
    assert found.seen == [
        Seen(1_760_000_000_001, b"L-1", MARK, 0.25, partition=1),
        Seen(1_760_000_000_002, b"L-2", None, 0.0, partition=1),
        Seen(1_760_000_000_005, b"L-5", MARK, None),
    ]
    assert found.converted == [b"L-1"]


def outcome(lead_id: str, name: str) -> bytes:
    return encode_outcome({"lead_id": lead_id, "outcome": name, "occurred_at": 1_700_000_000_000})


async def test_it_starts_and_continues_near_the_end_of_a_long_log(
    consumer: FakeConsumer, tail: OutputTail, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "MOST_BEHIND", 100)
    monkeypatch.setattr(module, "NEAR_END", 10)
    one, two = TopicPartition(SCORED, 0), TopicPartition(SCORED, 1)
    consumer.ends = {one: 50, two: 500}
    await tail.start_at(1000)
    assert (consumer.positions[one], consumer.positions[two]) == (50, 500)
    consumer.ends = {one: 60, two: 700}
    await tail.read()
    assert (consumer.positions[one], consumer.positions[two]) == (50, 690)


async def test_events_in_confluents_framing_are_read_by_the_registrys_schemas(
    consumer: FakeConsumer,
) -> None:
    registry = FakeSchemaRegistry()
    header = registry.add((PACKAGED / "lead_scored.avsc").read_text())
    lookup = SchemaLookup(registry, None, wait_limit=1.0, unresolved="dead_letter")
    reader: Any = FakeReader(consumer)
    ids: Any = FakeIds()
    tail = OutputTail(SETTINGS, reader, ids, lookup)
    datum = RecordCodec("lead_scored").encode(scored("L-1", offset=40))[HEADER_BYTES:]
    mark = MARK.headers()
    consumer.logs = {SCORED: [event(1, *mark, value=header + datum)]}
    await tail.start_at(1000)
    assert [seen.score for seen in (await tail.read()).seen] == [pytest.approx(0.4)]
    await tail.stop()
    assert registry.is_closed
