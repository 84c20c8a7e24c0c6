"""Record batches as they are on a real broker, read beside the consumer."""

from __future__ import annotations

import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.errors import LeaderNotAvailableError, OffsetOutOfRangeError

from stream.broker import Broker
from stream.fetch.raw_batches import RawBatchReader
from stream.fetch.raw_records import RawRecord, UnreadableRecord
from stream.fetch.record_batches import Limits
from stream.kafka.log_reader import LogReader
from testing.kafka_client import TopicFactory, produce_batch
from tests.record_batches import CODECS, Made, batch

BAD_NAME = ((b"nam\xe9", b"x"),)


async def read_all(reader: RawBatchReader, at: TopicPartition, start: int = 0) -> list[RawRecord]:
    records: list[RawRecord] = []
    while True:
        before = start
        async for step in reader.read(at, start):
            records += step.records
            start = step.next_offset
        if start == before:
            return records


@pytest.mark.parametrize("codec", CODECS)
async def test_records_of_a_broker_are_read_whatever_their_headers(
    kafka: Broker, topics: TopicFactory, codec: str
) -> None:
    topic = await topics.create("leads")
    made = [Made(b"%d" % i * 1000, headers=BAD_NAME if i % 10 == 3 else ()) for i in range(50)]
    for start in range(0, 50, 10):
        await produce_batch(kafka.bootstrap, topic, batch(made[start : start + 10], codec=codec))
    at = TopicPartition(topic, 0)
    connection = {"bootstrap_servers": kafka.bootstrap}
    async with RawBatchReader(connection, "read_uncommitted", limits=Limits(records=7)) as reader:
        records = await read_all(reader, at)
        assert await read_all(reader, at, start=49) == records[49:]
        assert await read_all(reader, at, start=50) == []
        with pytest.raises(OffsetOutOfRangeError):
            await read_all(reader, at, start=51)
    assert [(record.offset, record.key, record.value) for record in records] == [
        (i, made.key, made.value) for i, made in enumerate(made)
    ]
    bad = [record.offset for record in records if isinstance(record, UnreadableRecord)]
    assert bad == [3, 13, 23, 33, 43]


async def test_aborted_records_are_left_out(kafka: Broker, topics: TopicFactory) -> None:
    topic = await topics.create("leads")
    async with AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, transactional_id=topic
    ) as producer:
        for number in range(6):
            await producer.begin_transaction()
            await producer.send_and_wait(topic, b"%d" % number, partition=0)
            await (producer.commit_transaction if number % 2 else producer.abort_transaction)()
    connection = {"bootstrap_servers": kafka.bootstrap}
    at = TopicPartition(topic, 0)
    for level, expected in (("read_committed", [1, 3, 5]), ("read_uncommitted", [*range(6)])):
        async with RawBatchReader(connection, level) as reader:
            values = [record.value for record in await read_all(reader, at)]
        assert values == [b"%d" % number for number in expected]


async def test_the_latest_records_of_a_topic_are_read(kafka: Broker, topics: TopicFactory) -> None:
    """It opened a consumer and closed it at once, which aiokafka answers with CancelledError."""
    topic = await topics.create("leads")
    made = [Made(b"%d" % i, headers=BAD_NAME if i == 7 else ()) for i in range(10)]
    await produce_batch(kafka.bootstrap, topic, batch(made))
    log = LogReader({"bootstrap_servers": kafka.bootstrap}, "read_uncommitted")
    records = await log.last(TopicPartition(topic, 0), 4, before=9)
    assert [record.value for record in records] == [b"5", b"6", b"8"]


async def test_a_partition_that_is_not_there_is_an_error(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("leads")
    async with RawBatchReader({"bootstrap_servers": kafka.bootstrap}, "read_committed") as reader:
        with pytest.raises(LeaderNotAvailableError):
            await read_all(reader, TopicPartition(topic, 7))
