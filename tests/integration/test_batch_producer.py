"""The emitter on real Kafka: order, limits that change, and brokers that go away."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

import pytest
from aiokafka import TopicPartition

from stream.broker import BreakableBroker, Broker
from stream.deliver.batch_producer import EmitOptions, Emitter, Output
from stream.deliver.sending import RecordsTooLargeError
from stream.kafka.producer import open_producer, record_bytes
from stream.kafka.topic_limits import limit_reader
from testing.kafka_client import TopicFactory, read_all, set_topic_config, until

HEADERS: list[tuple[str, bytes | None]] = [("ce_id", b"1"), ("ce_type", b"test")]


@asynccontextmanager
async def emitting(
    bootstrap: str, *topics: str, options: EmitOptions | None = None, **producer: Any
) -> AsyncIterator[Emitter]:
    connection = {"bootstrap_servers": bootstrap}
    emitter = Emitter(
        topics,
        partial(open_producer, connection, **producer),
        limit_reader(connection),
        options=options,
    )
    await emitter.start()
    try:
        yield emitter
    finally:
        await emitter.stop()


def numbered(first: int, count: int, size: int = 100) -> list[Output]:
    return [
        (b"key", b"%d" % number + b"." * size, HEADERS) for number in range(first, first + count)
    ]


async def numbers(bootstrap: str, topic: str, partition: int = 0) -> list[int]:
    records = await read_all(bootstrap, topic)
    return [int(r.value.rstrip(b".")) for r in records if r.partition == partition]


async def set_limit(bootstrap: str, topic: str, limit: int) -> None:
    await set_topic_config(bootstrap, topic, "max.message.bytes", str(limit))


@pytest.mark.parametrize("compression", [None, "gzip"])
async def test_records_arrive_in_order_with_key_and_headers(
    kafka: Broker, topics: TopicFactory, compression: str | None
) -> None:
    topic = await topics.create("scored", partitions=3)
    async with emitting(kafka.bootstrap, topic, compression=compression) as emitter:
        deliveries = [
            delivery
            for start in range(0, 9000, 1000)
            for partition in range(3)
            for delivery in await emitter.send(topic, partition, numbered(start, 1000))
        ]
        for delivery in deliveries:
            await delivery
    for partition in range(3):
        assert await numbers(kafka.bootstrap, topic, partition) == list(range(9000))
    record = (await read_all(kafka.bootstrap, topic))[0]
    assert (record.key, record.headers) == (b"key", tuple(HEADERS))


async def test_the_topics_limits_are_read_and_kept_to(kafka: Broker, topics: TopicFactory) -> None:
    small = await topics.create("small", configs={"max.message.bytes": "5000"})
    usual = await topics.create("usual")
    async with emitting(kafka.bootstrap, small, usual) as emitter:
        assert emitter.limits.max_bytes(small) == 5000
        assert emitter.limits.max_bytes(usual) == 1_048_588
        largest: Output = (b"k", b"v" * 4800, HEADERS)
        assert emitter.limits.fits(small, *largest)
        assert record_bytes(*largest) <= 5000
        for delivery in await emitter.send(small, 0, [largest] * 5 + numbered(0, 500)):
            await delivery
    assert len(await read_all(kafka.bootstrap, small)) == 505


async def test_a_limit_lowered_while_it_runs_costs_neither_records_nor_order(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("scored")
    other = await topics.create("other")
    async with emitting(kafka.bootstrap, topic, other) as emitter:
        sent = await emitter.send(topic, 0, numbered(0, 1000))
        await asyncio.gather(*sent)
        await set_limit(kafka.bootstrap, topic, 4000)
        deliveries = [
            delivery
            for start in range(1000, 6000, 1000)
            for to in (topic, other)
            for delivery in await emitter.send(to, 0, numbered(start, 1000))
        ]
        await asyncio.gather(*deliveries)
        assert emitter.limits.max_bytes(topic) == 4000
    assert await numbers(kafka.bootstrap, topic) == list(range(6000))
    assert await numbers(kafka.bootstrap, other) == list(range(1000, 6000))


async def test_the_sequence_numbers_continue_with_zero_after_the_largest(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("scored")
    async with emitting(kafka.bootstrap, topic) as emitter:
        producer: Any = emitter._producer.current
        producer._txn_manager._sequence_numbers[TopicPartition(topic, 0)] = 2**31 - 5
        for start in range(0, 12, 3):
            await asyncio.gather(*await emitter.send(topic, 0, numbered(start, 3)))
    assert await numbers(kafka.bootstrap, topic) == list(range(12))


async def test_a_first_batch_that_is_refused_is_not_overtaken(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("scored")
    async with emitting(kafka.bootstrap, topic) as emitter:
        await set_limit(kafka.bootstrap, topic, 4000)
        first = await emitter.send(topic, 0, numbered(0, 100))
        second = await emitter.send(topic, 0, numbered(100, 5))
        await asyncio.gather(*first, *second)
    assert await numbers(kafka.bootstrap, topic) == list(range(105))


async def test_a_record_that_is_refused_is_named_and_all_others_arrive(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("scored")
    async with emitting(kafka.bootstrap, topic) as emitter:
        await set_limit(kafka.bootstrap, topic, 4000)
        given = [*numbered(0, 10), *numbered(10, 1, size=5000), *numbered(11, 10)]
        [delivery] = await emitter.send(topic, 0, given)
        with pytest.raises(RecordsTooLargeError, match=r"raise its max\.message\.bytes") as refused:
            await delivery
        assert refused.value.positions == (10,)
        assert not emitter.limits.fits(topic, *given[10])
        await asyncio.gather(*await emitter.send(topic, 0, numbered(21, 10)))
    assert await numbers(kafka.bootstrap, topic) == [n for n in range(31) if n != 10]


@pytest.mark.long
@pytest.mark.parametrize("trouble", ["killed", "paused"])
async def test_after_a_broker_outage_in_mid_stream_all_records_arrive_in_order(
    breakable_kafka: BreakableBroker, trouble: str
) -> None:
    bootstrap = breakable_kafka.bootstrap
    topic = await TopicFactory(bootstrap, "t.").create("scored", partitions=2)
    deliveries: list[asyncio.Future[None]] = []

    async def stream() -> None:
        start = 0
        while not is_over:
            for partition in range(2):
                sent = await emitter.send(topic, partition, numbered(start, 100))
                deliveries.extend(sent)
            start += 100
            await asyncio.sleep(0.005)

    async with emitting(bootstrap, topic) as emitter:
        is_over = False
        streaming = asyncio.create_task(stream())
        await until(lambda: sum(d.done() for d in deliveries) >= 100, what="a stream")
        if trouble == "killed":
            await asyncio.to_thread(breakable_kafka.kill)
        else:
            breakable_kafka.pause()
        before = len(deliveries)
        await until(lambda: len(deliveries) >= before + 20, what="records without a broker")
        assert not deliveries[-1].done()
        if trouble == "killed":
            await asyncio.to_thread(breakable_kafka.restart)
        else:
            breakable_kafka.resume()
        await until(lambda: len(deliveries) > 200 and deliveries[200].done(), what="the stream")
        is_over = True
        await streaming
        await asyncio.gather(*deliveries)
    assert len(deliveries) > 200
    for partition in range(2):
        written = await numbers(bootstrap, topic, partition)
        assert written == list(range(100 * len(deliveries) // 2))
