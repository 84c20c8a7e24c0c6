"""A batch with an unknown id holds its partition, and no other."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, Literal

from aiokafka import TopicPartition

from schemas.errors import FatalError
from stream.consume.partition_progress import Batch
from stream.schema_registry.lookup import SchemaLookup
from stream.scoring.schema_wait import SchemaWait
from testing.fake_app import FakeApp
from testing.fake_kafka import TOPIC
from testing.fake_schema_registry import FakeSchemaRegistry, FramedRecord
from testing.jumping_time import in_jumping_time

LEAD: Any = {
    "type": "record",
    "name": "Lead",
    "fields": [{"name": "lead_id", "type": "string"}, {"name": "created_at", "type": "long"}],
}
ONE, TWO = TopicPartition(TOPIC, 0), TopicPartition(TOPIC, 1)


class Place:
    """A wait before a pipeline that remembers what it got."""

    def __init__(self, unresolved: Literal["dead_letter", "stop"] = "dead_letter") -> None:
        self.registry, self.app = FakeSchemaRegistry(), FakeApp()
        self.known = self.registry.add(LEAD)
        self.unknown = self.registry.add({**LEAD, "doc": "another"})
        lookup = SchemaLookup(self.registry, None, wait_limit=30.0, unresolved=unresolved)
        lookup.metrics = self
        self.accepted: list[tuple[int, int]] = []
        self.held: set[TopicPartition] = set()
        self.shown: list[int] = []
        self.lookup = lookup
        self.wait = SchemaWait(
            lookup,
            self.accept,
            hold=self.held.add,
            release=self.held.discard,
            crash=self.app.crash,
        )

    async def accept(self, batches: Sequence[Batch]) -> None:
        await asyncio.sleep(0)
        self.accepted += [(batch.partition.partition, batch.first_offset) for batch in batches]

    def requested(self, outcome: str) -> None:
        """Ignore a request."""

    def found_in_cache(self, ids: int) -> None:
        """Ignore known ids."""

    def waiting(self, partitions: int) -> None:
        self.shown.append(partitions)

    async def away(self) -> None:
        """Know one id, then lose the registry."""
        await self.lookup.look_up([self.known])
        self.registry.is_unavailable = True


def batch(partition: TopicPartition, offset: int, header: bytes) -> Batch:
    return Batch(partition, [FramedRecord(offset, header + b"datum")])


@in_jumping_time
async def test_known_ids_go_straight_on() -> None:
    place = Place()
    await place.away()
    await place.wait.accept([batch(ONE, 0, place.known), batch(TWO, 0, b"{}")])
    assert place.accepted == [(0, 0), (1, 0)]
    assert place.shown == []


@in_jumping_time
async def test_an_unknown_id_holds_its_partition_and_no_other_and_keeps_the_order() -> None:
    place = Place()
    await place.away()
    await place.wait.accept([batch(ONE, 0, place.unknown), batch(TWO, 0, place.known)])
    await place.wait.accept([batch(ONE, 1, place.known), batch(TWO, 1, place.known)])
    await asyncio.sleep(10)
    assert place.accepted == [(1, 0), (1, 1)]
    assert place.held == {ONE}
    assert place.shown == [1]
    place.registry.is_unavailable = False
    await asyncio.sleep(10)
    assert place.accepted[2:] == [(0, 0), (0, 1)]
    assert place.held == set()
    assert place.shown == [1, 0]


@in_jumping_time
async def test_after_the_limit_the_batch_continues_with_a_verdict() -> None:
    place = Place()
    await place.away()
    await place.wait.accept([batch(ONE, 0, place.unknown)])
    await asyncio.sleep(31)
    assert place.accepted == [(0, 0)]
    assert place.held == set()


@in_jumping_time
async def test_after_the_limit_the_worker_stops_if_it_is_to() -> None:
    place = Place("stop")
    await place.away()
    await place.wait.accept([batch(ONE, 0, place.unknown)])
    await asyncio.sleep(31)
    [error] = place.app.errors
    assert isinstance(error, FatalError)
    assert place.accepted == []


@in_jumping_time
async def test_stopping_drops_what_waits_and_closes_the_registry() -> None:
    place = Place()
    await place.away()
    await place.wait.accept([batch(ONE, 0, place.unknown)])
    await place.wait.on_stop()
    await asyncio.sleep(60)
    assert place.accepted == []
    assert place.registry.is_closed
