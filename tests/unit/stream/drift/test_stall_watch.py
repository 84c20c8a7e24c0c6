"""A drift worker that reads nothing although there are partials ends; one that works does not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import GroupAuthorizationFailedError, KafkaConnectionError

from schemas.errors import FatalError
from stream.drift import stall_watch as module
from stream.drift.stall_watch import LOOK, DriftStallWatch
from stream.monitor import STALL_LIMIT
from testing.fake_app import FakeApp
from testing.jumping_time import in_jumping_time

AT = TopicPartition("partials", 0)


class FakeOffsets:
    """A consumer that only asks, and the state of the topic."""

    def __init__(self) -> None:
        self.end = 10
        self.taken: int | None = 4
        self.error: Exception | None = None
        self.assigned: list[TopicPartition] = []
        self.looks = 0
        self.moves = False
        self.is_open = False

    def assign(self, partitions: list[TopicPartition]) -> None:
        self.assigned = partitions

    async def end_offsets(self, partitions: list[TopicPartition]) -> dict[TopicPartition, int]:
        self.looks += 1
        if self.error is not None:
            raise self.error
        if self.moves and self.taken is not None:
            self.taken, self.end = self.taken + 1, self.end + 1
        return dict.fromkeys(partitions, self.end)

    async def committed(self, partition: TopicPartition) -> int | None:
        return self.taken


class FakeReader:
    def __init__(self, offsets: FakeOffsets) -> None:
        self._offsets = offsets

    @asynccontextmanager
    async def open(self, *, group_id: str) -> AsyncIterator[FakeOffsets]:
        assert group_id == "group-drift"
        self._offsets.is_open = True
        yield self._offsets
        self._offsets.is_open = False


class Place:
    """A watch in jumping time."""

    def __init__(self) -> None:
        self.app, self.offsets = FakeApp(), FakeOffsets()
        self.lags: list[int] = []
        self.is_watching = True
        reader: Any = FakeReader(self.offsets)
        self.watch = DriftStallWatch(
            AT, reader, "group-drift", self.lags.append, lambda: self.is_watching, self.app.crash
        )

    async def run(self, seconds: float) -> None:
        await self.watch.start()
        await asyncio.sleep(seconds)
        await self.watch.stop()


@pytest.fixture
def place(monkeypatch: pytest.MonkeyPatch) -> Place:
    class Clock:
        @staticmethod
        def monotonic() -> float:
            return asyncio.get_running_loop().time()

    monkeypatch.setattr(module, "time", Clock)
    return Place()


@in_jumping_time
async def test_partials_that_nobody_reads_end_the_worker(place: Place) -> None:
    await place.run(STALL_LIMIT + 3 * LOOK)
    [error] = {type(found): found for found in place.app.errors}.values()
    assert isinstance(error, FatalError)
    assert "partials has 6 unread partials, but none was processed for 120 s" in str(error)


@in_jumping_time
async def test_a_stall_shorter_than_the_limit_ends_nothing(place: Place) -> None:
    await place.run(STALL_LIMIT - LOOK)
    assert place.app.errors == []
    assert set(place.lags) == {6}


@in_jumping_time
async def test_a_worker_that_commits_is_not_stalled_however_far_it_is_behind(place: Place) -> None:
    place.offsets.moves = True
    await place.run(3 * STALL_LIMIT)
    assert place.app.errors == []


@in_jumping_time
async def test_a_worker_at_the_end_or_without_the_partition_is_not_stalled(place: Place) -> None:
    place.offsets.taken = 10
    await place.run(2 * STALL_LIMIT)
    other = Place()
    other.is_watching = False
    await other.run(2 * STALL_LIMIT)
    assert place.app.errors == other.app.errors == []


@in_jumping_time
async def test_before_the_first_commit_all_partials_are_behind(place: Place) -> None:
    place.offsets.taken = None
    await place.run(2 * LOOK)
    assert set(place.lags) == {10}


@in_jumping_time
async def test_while_kafka_is_unavailable_no_time_counts(place: Place) -> None:
    place.offsets.error = KafkaConnectionError()
    await place.run(3 * STALL_LIMIT)
    assert place.app.errors == []
    assert place.lags == []


@in_jumping_time
async def test_a_refusal_ends_the_worker_at_once(place: Place) -> None:
    place.offsets.error = GroupAuthorizationFailedError()
    await place.run(3 * LOOK)
    assert [type(error) for error in place.app.errors] == [GroupAuthorizationFailedError]
    assert place.offsets.looks == 1


@in_jumping_time
async def test_the_consumer_is_closed_with_the_watch(place: Place) -> None:
    await place.watch.start()
    assert place.offsets.is_open
    assert place.offsets.assigned == [AT]
    await place.watch.stop()
    assert not place.offsets.is_open
