"""Lags by Kafka's clock, within a limit."""

from __future__ import annotations

import asyncio

import pytest

from stream.lag.figures import LagState
from stream.lag.kafka_time import KafkaTime
from stream.lag.reader import GroupTopics, LagReader
from stream.lag.source import READ_LIMIT, LagSource
from testing.fake_kafka import FakeKafka
from testing.fake_raw_reader import FakeRawReader
from testing.jumping_time import in_jumping_time
from tests.unit.stream.consume.source_bench import TP
from tests.unit.stream.lag.fake_log_view import FakeLogView

KAFKA_NOW, MACHINE_NOW = 1_790_000_000.0, 1_780_000_000.0


def source_of(
    kafka: FakeKafka, *, kafka_now: float | None, answers_after: float = 0.0
) -> LagSource:
    async def read() -> float | None:
        await asyncio.sleep(answers_after)
        return kafka_now

    clock = KafkaTime(read, now=lambda: MACHINE_NOW, monotonic=lambda: 0.0)
    view = FakeLogView(kafka, FakeRawReader(kafka))
    reader = LagReader(view, now=clock.now, monotonic=lambda: 0.0)
    return LagSource(reader, [GroupTopics("g")], clock)


def behind() -> FakeKafka:
    kafka = FakeKafka()
    kafka[0].append(3, timestamp=int(KAFKA_NOW - 20) * 1000)
    kafka.committed = {TP: 1}
    return kafka


@in_jumping_time
async def test_the_age_is_by_kafkas_clock_and_not_by_this_machines() -> None:
    source = source_of(behind(), kafka_now=KAFKA_NOW)
    [lag] = await source.read()
    assert (lag.state, lag.messages, lag.seconds) == (LagState.BEHIND, 2, 20.0)
    assert source.now() == KAFKA_NOW


@in_jumping_time
async def test_without_kafkas_clock_this_machines_is_used() -> None:
    source = source_of(behind(), kafka_now=None)
    await source.read()
    assert source.now() == MACHINE_NOW


@in_jumping_time
async def test_a_broker_that_does_not_answer_ends_the_reading_after_the_limit() -> None:
    loop = asyncio.get_running_loop()
    started = loop.time()
    with pytest.raises(TimeoutError, match="no answer within 30 s"):
        await source_of(behind(), kafka_now=None, answers_after=3600.0).read()
    assert loop.time() - started == pytest.approx(READ_LIMIT)
