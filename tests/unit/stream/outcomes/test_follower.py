"""The follower reads what is assigned from where the stores end, and says when it has caught up."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import (
    KafkaConnectionError,
    KafkaError,
    TopicAuthorizationFailedError,
)

from agents.records import SourceRecord
from stream.outcomes.follower import Follower
from testing.fake_app import FakeApp
from tests.unit.stream.sinks.fake_sink import FakeRecord, until

OUTCOMES, SHADOW = "leads.outcomes", "leads.scored.shadow"


def at(number: int, topic: str = OUTCOMES) -> TopicPartition:
    return TopicPartition(topic, number)


class FakeLogs:
    """Logs of two topics, and the one consumer that is open."""

    def __init__(self) -> None:
        self.logs: defaultdict[TopicPartition, list[FakeRecord]] = defaultdict(list)
        self.positions: dict[TopicPartition, int] = {}
        self.errors: list[KafkaError] = []
        self.opened = 0

    def append(self, to: TopicPartition, count: int) -> None:
        log = self.logs[to]
        for offset in range(len(log), len(log) + count):
            log.append(FakeRecord(to.partition, offset, 0, None, b"value"))

    @asynccontextmanager
    async def open(self) -> AsyncIterator[Any]:
        self.opened += 1
        yield self

    @asynccontextmanager
    async def open_beside(self) -> AsyncIterator[None]:
        yield None

    def assign(self, partitions: Sequence[TopicPartition]) -> None:
        self.positions = dict.fromkeys(partitions, 0)

    async def beginning_offsets(self, partitions: Sequence[TopicPartition]) -> dict[Any, int]:
        return dict.fromkeys(partitions, 0)

    async def end_offsets(self, partitions: Sequence[TopicPartition]) -> dict[Any, int]:
        return {partition: len(self.logs[partition]) for partition in partitions}

    def seek(self, partition: TopicPartition, offset: int) -> None:
        self.positions[partition] = offset

    async def position(self, partition: TopicPartition) -> int:
        return self.positions[partition]

    def highwater(self, partition: TopicPartition) -> int:
        return len(self.logs[partition])

    async def getmany(
        self, *partitions: TopicPartition, timeout_ms: int, max_records: int
    ) -> Mapping[TopicPartition, Sequence[FakeRecord]]:
        await asyncio.sleep(0)
        if self.errors:
            raise self.errors.pop()
        found = {}
        for partition in partitions:
            records = self.logs[partition][self.positions[partition] :][:2]
            self.positions[partition] += len(records)
            if records:
                found[partition] = records
        return found


class Place:
    def __init__(self) -> None:
        self.logs = FakeLogs()
        self.app = FakeApp()
        self.accepted: dict[TopicPartition, list[int]] = defaultdict(list)
        self.follower = Follower(self.logs, (OUTCOMES, SHADOW), self._accept, self.app.crash)

    async def _accept(self, partition: TopicPartition, records: Sequence[SourceRecord]) -> None:
        self.accepted[partition] += [record.offset for record in records]


@pytest.fixture
async def place() -> AsyncIterator[Place]:
    place = Place()
    place.follower.start()
    yield place
    await place.follower.stop()


async def test_partitions_are_read_from_where_their_stores_end(place: Place) -> None:
    place.logs.append(at(0), 5)
    place.logs.append(at(0, SHADOW), 3)
    place.follower.assigned([0])
    place.follower.follow(0, {OUTCOMES: 2, SHADOW: 0})
    await until(lambda: place.accepted == {at(0): [2, 3, 4], at(0, SHADOW): [0, 1, 2]})
    place.logs.append(at(0), 1)
    await until(lambda: place.accepted[at(0)] == [2, 3, 4, 5])
    assert place.follower.lags == {at(0): 0, at(0, SHADOW): 0}


async def test_it_has_caught_up_when_all_that_was_there_at_the_start_is_read(place: Place) -> None:
    place.logs.append(at(0), 5)
    place.logs.append(at(0, SHADOW), 200)
    place.follower.assigned([0])
    waiting = asyncio.ensure_future(place.follower.caught_up(0))
    await asyncio.sleep(0)
    assert not waiting.done()
    assert not place.follower.is_caught_up(0)
    place.follower.follow(0, {})
    await asyncio.wait_for(waiting, 5)
    assert place.accepted == {at(0): [*range(5)], at(0, SHADOW): [*range(200)]}
    assert place.follower.is_caught_up(0)


async def test_a_wait_ends_when_the_outcomes_and_shadow_scores_that_are_there_are_read(
    place: Place,
) -> None:
    await place.follower.read_to_end()  # nothing is assigned
    place.follower.assigned([0])
    place.follower.follow(0, {})
    await place.follower.caught_up(0)
    place.logs.append(at(0), 7)
    place.logs.append(at(0, SHADOW), 200)
    await asyncio.wait_for(place.follower.read_to_end(), 5)
    assert place.accepted == {at(0): [*range(7)], at(0, SHADOW): [*range(200)]}
    waiting = asyncio.ensure_future(place.follower.read_to_end())
    await asyncio.sleep(0)
    place.follower.assigned([])
    await asyncio.wait_for(waiting, 5)


async def test_a_later_wait_is_for_the_outcomes_that_are_there_then(place: Place) -> None:
    """The end that was asked for the first was taken for that of the second, too."""
    place.follower.assigned([0])
    place.follower.follow(0, {})
    await place.follower.caught_up(0)
    asked, answered = asyncio.Event(), asyncio.Event()
    end_offsets = place.logs.end_offsets

    async def slow(partitions: Sequence[TopicPartition]) -> dict[Any, int]:
        found = await end_offsets(partitions)
        asked.set()
        await answered.wait()
        return found

    place.logs.end_offsets = slow  # type: ignore[method-assign]
    first = asyncio.ensure_future(place.follower.read_to_end())
    await asked.wait()
    place.logs.append(at(0), 6)
    second = asyncio.ensure_future(place.follower.read_to_end())
    await asyncio.sleep(0)
    answered.set()
    await asyncio.wait_for(first, 5)
    await asyncio.wait_for(second, 5)
    assert place.accepted[at(0)] == [*range(6)]


async def test_a_wait_with_nothing_left_to_read_ends_while_a_poll_waits_for_records(
    place: Place,
) -> None:
    """A poll waits for up to half a second: a worker would take one batch in that time."""
    place.follower.assigned([0])
    place.follower.follow(0, {})
    await place.follower.caught_up(0)
    is_polling = asyncio.Event()

    async def wait_for_records(*_: TopicPartition, **__: int) -> Mapping[Any, Any]:
        is_polling.set()
        await asyncio.get_running_loop().create_future()
        raise AssertionError("nobody ends the future")

    place.logs.getmany = wait_for_records  # type: ignore[method-assign]
    await is_polling.wait()
    await asyncio.wait_for(place.follower.read_to_end(), 5)
    assert place.accepted == {}
    assert not place.app.errors


async def test_a_wait_for_a_revoked_partition_ends(place: Place) -> None:
    place.follower.assigned([0])
    waiting = asyncio.ensure_future(place.follower.caught_up(0))
    await asyncio.sleep(0)
    place.follower.assigned([])
    await asyncio.wait_for(waiting, 5)
    assert not place.follower.is_caught_up(0)
    await place.follower.caught_up(0)  # nobody waits for what is not assigned
    place.follower.follow(0, {})  # its store was opened too late
    await asyncio.sleep(0)
    assert place.logs.opened == 0


async def test_a_new_assignment_reads_only_what_it_has(place: Place) -> None:
    place.logs.append(at(0), 2)
    place.logs.append(at(1), 2)
    place.follower.assigned([0])
    place.follower.follow(0, {})
    await until(lambda: place.accepted[at(0)] == [0, 1])
    place.follower.assigned([1])
    place.follower.follow(1, {OUTCOMES: 1})
    await until(lambda: place.accepted[at(1)] == [1])
    place.logs.append(at(0), 1)
    await until(lambda: place.follower.is_caught_up(1))
    assert place.accepted[at(0)] == [0, 1]
    assert set(place.follower.lags) == {at(1), at(1, SHADOW)}


async def test_after_an_error_that_passes_it_reads_on(place: Place) -> None:
    place.logs.append(at(0), 2)
    place.follower.assigned([0])
    place.follower.follow(0, {})
    await until(lambda: place.accepted[at(0)] == [0, 1])
    place.logs.errors.append(KafkaConnectionError())
    place.logs.append(at(0), 1)
    await until(lambda: place.accepted[at(0)] == [0, 1, 2])
    assert place.logs.opened == 4  # one consumer reads, another one asks
    assert not place.app.errors


async def test_an_error_that_does_not_pass_ends_the_worker(place: Place) -> None:
    place.logs.errors.append(TopicAuthorizationFailedError())
    place.follower.assigned([0])
    place.follower.follow(0, {})
    await until(lambda: bool(place.app.errors))
