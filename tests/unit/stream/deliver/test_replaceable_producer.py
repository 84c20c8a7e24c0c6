from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from aiokafka.errors import KafkaConnectionError

from schemas.errors import FatalError
from stream.deliver.replaceable_producer import ReplaceableProducer
from stream.kafka.producer import Output, Parcel, pack
from stream.kafka.topic_limits import TopicLimits
from stream.process.deadlines import now
from testing.fake_producer import FakeOutput
from testing.jumping_time import in_jumping_time

TOPIC = "scored"


def make(output: FakeOutput) -> ReplaceableProducer:
    limits = TopicLimits([TOPIC], output.read_limits, fallback=1000, batch_bytes=100)
    return ReplaceableProducer(output.connect, limits)


@asynccontextmanager
async def opened(output: FakeOutput) -> AsyncIterator[ReplaceableProducer]:
    producer = make(output)
    await producer.open()
    try:
        yield producer
    finally:
        await producer.close(now() + 5.0)
        assert all(each.is_stopped for each in output.producers)


def parcel_of(producer: ReplaceableProducer, *sizes: int) -> Parcel:
    rows: list[Output] = [(b"key", b"." * size, []) for size in sizes]
    [parcel] = pack(producer.current.create_batch, rows, timestamp_ms=1)
    return parcel


@in_jumping_time
async def test_batches_are_as_large_as_the_topic_takes() -> None:
    output = FakeOutput([TOPIC])
    output.known_limits = {TOPIC: 60}
    async with opened(output) as producer:
        assert producer.is_open
        assert producer.batch_bytes == 60
        assert [each.max_batch_bytes for each in output.producers] == [60]


@in_jumping_time
async def test_a_start_without_a_broker_closes_the_client_and_is_not_open() -> None:
    output = FakeOutput([TOPIC])
    output.start_errors.append(KafkaConnectionError("no broker"))
    producer = make(output)
    with pytest.raises(FatalError, match="no broker"):
        await producer.open()
    assert not producer.is_open
    assert output.producers[0].is_stopped


@in_jumping_time
async def test_partitions_that_fail_together_replace_the_producer_once() -> None:
    output = FakeOutput([TOPIC])
    async with opened(output) as producer:
        first = producer.current
        await asyncio.gather(*(producer.replace(first) for _ in range(3)))
        assert len(output.producers) == 2
        assert producer.current is output.producers[1]


@in_jumping_time
async def test_a_new_producer_is_opened_until_a_broker_answers() -> None:
    output = FakeOutput([TOPIC])
    async with opened(output) as producer:
        output.start_errors += [KafkaConnectionError(), KafkaConnectionError()]
        await producer.replace(producer.current)
        assert producer.current is output.producers[3]


@in_jumping_time
async def test_a_batch_that_is_refused_halves_the_next_ones_once() -> None:
    output = FakeOutput([TOPIC])
    async with opened(output) as producer:
        first = producer.current
        parcel = parcel_of(producer, 40, 40)
        for _ in range(2):
            await producer.learn_limit(TOPIC, parcel, first)
        assert producer.batch_bytes == 40
        assert [each.max_batch_bytes for each in output.producers] == [100, 40]


@in_jumping_time
async def test_a_record_that_is_refused_lowers_the_limit_of_records() -> None:
    output = FakeOutput([TOPIC])
    limits = TopicLimits([TOPIC], output.read_limits, fallback=1000, batch_bytes=100)
    producer = ReplaceableProducer(output.connect, limits)
    await producer.open()
    await producer.learn_limit(TOPIC, parcel_of(producer, 80), producer.current)
    await producer.close(now() + 5.0)
    assert limits.max_bytes(TOPIC) == 79
