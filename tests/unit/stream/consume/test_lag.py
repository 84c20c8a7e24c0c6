"""How far behind the log an assignment is, in messages and seconds."""

from __future__ import annotations

import asyncio

import pytest
from aiokafka import TopicPartition

from stream.consume.lag import Lag, lag_of
from testing.fake_kafka import FakeKafka
from testing.jumping_time import in_jumping_time
from tests.unit.stream.consume.source_bench import TP, running


@in_jumping_time
async def test_the_lag_is_counted_in_messages_and_aged_in_seconds() -> None:
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
        assert lag() == {TP: Lag(5, 10.0, 10)}
        second.done()
        assert lag() == {TP: Lag(0, 0.0, 15)}
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
            assert found == {TP: Lag(5, 0.0, 10)}
            second.done()

    run()
