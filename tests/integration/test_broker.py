"""Every kind of broker that can be had here answers, and ends with what it started."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from aiokafka import AIOKafkaProducer

from stream.broker import BreakableBroker, Broker, BrokerKind, open_broker
from stream.broker.java import JavaBroker
from stream.broker.mock import MockBroker
from testing.kafka_client import Record, TopicFactory, produce, read_all, until


def runs(pid: int) -> bool:
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return False


async def test_it_keeps_records_with_key_headers_partition_and_time(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("kept", partitions=3)
    sent = [
        Record(b"one", b"k", (("h", b"v"),), partition=2, timestamp_ms=1_000),
        Record(None, b"none", (), partition=0, timestamp_ms=2_000),
    ]

    await produce(kafka.bootstrap, topic, sent)

    received = await read_all(kafka.bootstrap, topic)
    assert [(r.partition, r.value, r.key, r.headers, r.timestamp) for r in received] == [
        (0, None, b"none", (), 2_000),
        (2, b"one", b"k", (("h", b"v"),), 1_000),
    ]


async def test_aborted_transactions_are_left_out_when_asked_for(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("transactions")
    async with AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, transactional_id=topic
    ) as producer:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"aborted")
        await producer.abort_transaction()
        async with producer.transaction():
            await producer.send_and_wait(topic, b"committed")

    everything = await read_all(kafka.bootstrap, topic)
    committed = await read_all(kafka.bootstrap, topic, committed_only=True)

    assert [record.value for record in everything] == [b"aborted", b"committed"]
    assert [record.value for record in committed] == [b"committed"]


async def test_topics_of_a_test_are_removed(kafka: Broker) -> None:
    factory = TopicFactory(kafka.bootstrap, "removed.")
    topic = await factory.create("one")

    await factory.delete_all()

    with pytest.raises(AssertionError, match="there is no topic"):
        await read_all(kafka.bootstrap, topic)


@pytest.mark.long
async def test_a_killed_broker_comes_back_with_its_records(
    breakable_kafka: BreakableBroker,
) -> None:
    address = breakable_kafka.bootstrap
    topic = await TopicFactory(address, "fault.").create("kept")
    await produce(address, topic, [b"before"])

    breakable_kafka.kill()
    breakable_kafka.restart()
    await produce(address, topic, [b"after"])

    assert breakable_kafka.bootstrap == address
    assert [record.value for record in await read_all(address, topic)] == [b"before", b"after"]


@pytest.mark.long
async def test_a_paused_broker_answers_again_when_resumed(
    breakable_kafka: BreakableBroker,
) -> None:
    address = breakable_kafka.bootstrap
    topic = await TopicFactory(address, "fault.").create("paused")
    async with AIOKafkaProducer(bootstrap_servers=address) as producer:
        await producer.send_and_wait(topic, b"before")
        breakable_kafka.pause()
        delivery = await producer.send(topic, b"meanwhile")
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.shield(delivery), timeout=0.5)
        breakable_kafka.resume()
        await delivery

    values = {record.value for record in await read_all(address, topic)}
    assert values == {b"before", b"meanwhile"}


@pytest.mark.long
def test_closing_ends_the_process_and_removes_the_data() -> None:
    with open_broker(BrokerKind.JAVA) as broker:
        assert isinstance(broker, JavaBroker)
        pid, folder = broker.pid, broker.folder
        assert runs(pid)
        assert folder.exists()

    assert not runs(pid)
    assert not folder.exists()


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="only Linux ends children of a killed parent")
def test_a_broker_does_not_outlive_a_killed_parent() -> None:
    program = """
from stream.broker import open_broker
with open_broker("java") as broker:
    print(broker.pid, broker.folder, flush=True)
    input()
"""
    parent = subprocess.Popen(
        [sys.executable, "-c", program], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    with parent:
        pid, folder = parent.stdout.readline().split()
        assert runs(int(pid))
        os.kill(parent.pid, signal.SIGKILL)

    asyncio.run(until(lambda: not runs(int(pid)), within=30, what="end of the broker"))
    with open_broker(BrokerKind.JAVA):
        assert not Path(folder).exists(), "the next broker tidies up after it"


async def test_the_mock_broker_keeps_records_too() -> None:
    with open_broker(BrokerKind.MOCK) as broker:
        assert isinstance(broker, MockBroker)
        broker.create_topics({"leads.created": 3})
        await produce(
            broker.bootstrap, "leads.created", [Record(b"one", partition=2), Record(b"two", b"k")]
        )
        records = await read_all(broker.bootstrap, "leads.created")

    assert {record.value for record in records} == {b"one", b"two"}
    assert "mock broker" in broker.describe()


def test_the_mock_broker_says_what_it_refuses() -> None:
    with open_broker(BrokerKind.MOCK) as broker:
        assert isinstance(broker, MockBroker)
        broker.create_topics({"a": 1})
        with pytest.raises(Exception, match="refused `create a 1`"):
            broker.create_topics({"a": 1})
