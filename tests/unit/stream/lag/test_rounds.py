"""Readings at an interval, across failures of the broker."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import aclosing, asynccontextmanager

from aiokafka.errors import GroupCoordinatorNotAvailableError, KafkaConnectionError

from stream.lag.figures import GroupLag, Offsets, lag_from
from stream.lag.rounds import Round, rounds
from testing.jumping_time import in_jumping_time

LAG = lag_from(("g", "t", 0), Offsets(3, 0, 3), None, 0.0)
NOW = 1_790_000_000.0


class FakeLags:
    """Lags whose readings are scripted: lags, or an error. Afterwards it has always the last."""

    def __init__(self, *readings: list[GroupLag] | Exception, refused: int = 0) -> None:
        self.readings = deque(readings)
        self.refused = refused
        self.opened = self.closed = 0

    @asynccontextmanager
    async def connect(self) -> AsyncIterator[FakeLags]:
        if self.refused:
            self.refused -= 1
            raise KafkaConnectionError("nobody listens")
        self.opened += 1
        try:
            yield self
        finally:
            self.closed += 1

    def now(self) -> float:
        return NOW

    async def read(self) -> list[GroupLag]:
        found = self.readings.popleft() if len(self.readings) > 1 else self.readings[0]
        if isinstance(found, Exception):
            raise found
        return found


async def first_rounds(lags: FakeLags, count: int) -> list[tuple[float, Round]]:
    """Return the first rounds, and the seconds at which each came."""
    loop, found = asyncio.get_running_loop(), []
    started = loop.time()
    async with aclosing(rounds(lags.connect, 5.0)) as read:
        async for one in read:
            found.append((round(loop.time() - started, 3), one))
            if len(found) == count:
                break
    return found


@in_jumping_time
async def test_one_connection_serves_all_rounds_while_kafka_answers() -> None:
    lags = FakeLags([LAG])
    found = await first_rounds(lags, 3)
    assert found == [(at, Round(NOW, [LAG])) for at in (0.0, 5.0, 10.0)]
    assert (lags.opened, lags.closed) == (1, 1)


@in_jumping_time
async def test_after_a_failed_reading_it_connects_again_in_the_next_interval() -> None:
    lags = FakeLags([LAG], GroupCoordinatorNotAvailableError(), [LAG])
    found = await first_rounds(lags, 3)
    assert [at for at, _ in found] == [0.0, 5.0, 10.0]
    failed = found[1][1]
    assert (failed.lags, failed.at) == ((), 0.0)
    assert failed.failure is not None
    assert "GroupCoordinatorNotAvailable" in failed.failure
    assert found[2][1] == Round(NOW, [LAG])
    assert (lags.opened, lags.closed) == (2, 2), "the broken connection is closed"


@in_jumping_time
async def test_a_broker_that_is_unavailable_is_tried_at_the_interval_and_no_faster() -> None:
    lags = FakeLags([LAG], refused=2)
    found = await first_rounds(lags, 3)
    assert [(at, one.failure is None) for at, one in found] == [
        (0.0, False), (5.0, False), (10.0, True)
    ]  # fmt: skip


@in_jumping_time
async def test_a_failure_without_a_text_has_the_name_of_its_error() -> None:
    [(_, failed)] = await first_rounds(FakeLags(TimeoutError()), 1)
    assert failed.failure == "TimeoutError"
