"""Lag of groups on real Kafka: against the figures of kafka-consumer-groups, and where it errs."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Mapping, Sequence

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.admin import RecordsToDelete

from stream.broker import Broker
from stream.lag.figures import GroupLag, LagState
from stream.lag.reader import GroupTopics
from stream.lag.source import open_lags
from stream.settings import Settings
from testing.kafka_client import (
    Record,
    TopicFactory,
    open_admin,
    produce,
    read_ends,
    until,
    until_transactions_ended,
)
from tests.integration.kafka_tools import described_lag


async def commit(kafka: Broker, group: str, offsets: Mapping[TopicPartition, int]) -> None:
    """Commit offsets as a group without members."""
    async with AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap, group_id=group, enable_auto_commit=False
    ) as consumer:
        consumer.assign(list(offsets))
        await consumer.commit(dict(offsets))


async def lags_of(
    kafka: Broker, group: str, *topics: str, isolation_level: str = "read_committed"
) -> list[GroupLag]:
    """Read the lag of a group once."""
    settings = Settings(kafka_bootstrap_servers=kafka.bootstrap)
    asked = [GroupTopics(group, topics)]
    async with open_lags(settings, asked, isolation_level) as lags:
        return await lags.read()


def records(
    count: int, *, seconds_ago: float = 0.0, partition: int = 0, size: int = 1
) -> list[Record]:
    stamp = int((time.time() - seconds_ago) * 1000)
    return [Record(b"v" * size, partition=partition, timestamp_ms=stamp) for _ in range(count)]


async def transact(kafka: Broker, topic: str, *values: bytes, aborts: bool = False) -> None:
    """Write records to partition 0 in one transaction."""
    producer = AIOKafkaProducer(
        bootstrap_servers=kafka.bootstrap, transactional_id=f"tx-{topic}-{values}-{aborts}"
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        for value in values:
            await producer.send_and_wait(topic, value, partition=0)
        await (producer.abort_transaction() if aborts else producer.commit_transaction())
    finally:
        await producer.stop()


async def stable_end(kafka: Broker, topic: str) -> int:
    """Wait until no transaction is open; return the offset after the last record or marker."""
    await until_transactions_ended(kafka.bootstrap, topic)
    return (await read_ends(kafka.bootstrap, topic))[0]


async def test_a_plain_log_has_the_lag_that_kafkas_own_tool_reports(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("plain", partitions=3)
    await produce(
        kafka.bootstrap,
        topic,
        records(30, seconds_ago=120)
        + records(10, seconds_ago=60)
        + records(7, seconds_ago=40, partition=1),
    )
    group = f"{topics.prefix}crm"
    await commit(kafka, group, {TopicPartition(topic, 0): 30, TopicPartition(topic, 1): 7})

    found = await lags_of(kafka, group, topic)
    tool = await described_lag(kafka.bootstrap, group)

    assert {(lag.topic, lag.partition): lag.messages for lag in found if lag.committed} == {
        at: row.lag for at, row in tool.items()
    }
    assert [lag.messages for lag in found] == [10, 0, None]
    assert [lag.state for lag in found] == [
        LagState.BEHIND,
        LagState.CAUGHT_UP,
        LagState.NO_COMMIT,
    ]
    assert 55 < found[0].seconds < 90
    assert found[1].seconds == 0
    assert found[2].seconds is None, "unknown without a commit"
    assert found[0].is_exact


async def test_expired_offsets_are_no_lag_where_kafkas_own_tool_counts_them(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("expired")
    at = TopicPartition(topic, 0)
    await produce(
        kafka.bootstrap, topic, records(90, seconds_ago=3000) + records(10, seconds_ago=30)
    )
    group = f"{topics.prefix}crm"
    await commit(kafka, group, {at: 5})
    async with open_admin(kafka.bootstrap) as admin:
        await admin.delete_records({at: RecordsToDelete(90)})

    [lag] = await lags_of(kafka, group)
    tool = await described_lag(kafka.bootstrap, group)

    assert tool[topic, 0].lag == 95
    assert (lag.messages, lag.expired) == (10, 85)
    assert lag.messages + lag.expired == tool[topic, 0].lag
    assert 25 < lag.seconds < 90

    async with open_admin(kafka.bootstrap) as admin:
        await admin.delete_records({at: RecordsToDelete(100)})
    [emptied] = await lags_of(kafka, group)
    assert (emptied.state, emptied.messages, emptied.seconds, emptied.expired) == (
        *(LagState.CAUGHT_UP, 0, 0.0),
        95,
    )


async def test_markers_and_aborted_records_are_no_lag(kafka: Broker, topics: TopicFactory) -> None:
    topic = await topics.create("transactions")
    at = TopicPartition(topic, 0)
    group = f"{topics.prefix}crm"
    await transact(kafka, topic, b"1", b"2")  # offsets 0, 1, marker 2
    await stable_end(kafka, topic)
    await commit(kafka, group, {at: 2})

    [marker] = await lags_of(kafka, group)
    tool = await described_lag(kafka.bootstrap, group)
    assert tool[topic, 0].lag == 1, "a commit marker, which nobody can read"
    assert (marker.state, marker.messages, marker.seconds) == (LagState.CAUGHT_UP, 0, 0.0)

    await transact(kafka, topic, b"3", b"4", b"5", aborts=True)  # offsets 3 to 5, marker 6
    await stable_end(kafka, topic)
    [aborted] = await lags_of(kafka, group)
    assert (aborted.messages, aborted.seconds) == (0, 0.0)
    [seen] = await lags_of(kafka, group, isolation_level="read_uncommitted")
    assert seen.messages == 3, "a reader of uncommitted records gets them"

    await transact(kafka, topic, b"6")  # offset 7, marker 8
    assert await stable_end(kafka, topic) == 9
    [behind] = await lags_of(kafka, group)
    assert (behind.state, behind.messages, behind.is_exact) == (LagState.BEHIND, 1, True)
    assert 0 <= behind.seconds < 60


async def test_an_open_transaction_is_no_lag_of_a_reader_of_committed_records(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("open")
    group = f"{topics.prefix}crm"
    await commit(kafka, group, {TopicPartition(topic, 0): 0})
    producer = AIOKafkaProducer(bootstrap_servers=kafka.bootstrap, transactional_id=topic)
    await producer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait(topic, b"1", partition=0)
        [committed] = await lags_of(kafka, group)
        [uncommitted] = await lags_of(kafka, group, isolation_level="read_uncommitted")
        await producer.abort_transaction()
    finally:
        await producer.stop()
    assert committed.messages == 0
    assert uncommitted.messages == 1


@pytest.mark.long
async def test_offsets_that_compaction_removed_are_no_lag(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create(
        "compacted",
        configs={
            "cleanup.policy": "compact",
            "min.cleanable.dirty.ratio": "0.001",
            "max.compaction.lag.ms": "1",
            "segment.ms": "100",
            "delete.retention.ms": "1",
        },
    )
    at = TopicPartition(topic, 0)
    group = f"{topics.prefix}crm"
    await commit(kafka, group, {at: 0})
    stamp = int((time.time() - 50) * 1000)
    for value in range(40):  # a batch each, so that whole batches are removed
        await produce(kafka.bootstrap, topic, [Record(b"%d" % value, key=b"k", timestamp_ms=stamp)])
    found: Sequence[GroupLag] = []

    async def is_compacted() -> bool:
        nonlocal found
        # A record rolls the segment, as the active one is never compacted.
        await produce(kafka.bootstrap, topic, [Record(b"", key=b"roll")])
        found = await lags_of(kafka, group)
        return found[0].messages < found[0].end // 2

    await until(is_compacted, within=120, what="compaction")
    [lag] = found
    async with AIOKafkaConsumer(
        bootstrap_servers=kafka.bootstrap, auto_offset_reset="earliest"
    ) as consumer:
        consumer.assign([at])
        consumer.seek(at, 0)
        left: list[int] = []
        while await consumer.position(at) < lag.end:
            polled = await consumer.getmany(at, timeout_ms=100)
            left += [r.offset for r in polled.get(at, ()) if r.offset < lag.end]
    assert len(left) <= lag.messages < lag.end, "compaction may have gone on meanwhile"
    assert lag.is_exact


async def test_a_long_backlog_is_an_upper_bound_and_its_age_is_exact(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("long")
    group = f"{topics.prefix}crm"
    await commit(kafka, group, {TopicPartition(topic, 0): 0})
    await produce(kafka.bootstrap, topic, records(1, seconds_ago=500) + records(5000, size=200))

    [lag] = await lags_of(kafka, group)

    assert lag.messages == 5001
    assert not lag.is_exact
    assert 495 < lag.seconds < 560


async def test_rates_and_the_estimate_follow_commits_and_records(
    kafka: Broker, topics: TopicFactory
) -> None:
    topic = await topics.create("rates")
    at = TopicPartition(topic, 0)
    group = f"{topics.prefix}crm"
    await produce(kafka.bootstrap, topic, records(1000))
    await commit(kafka, group, {at: 0})
    settings = Settings(kafka_bootstrap_servers=kafka.bootstrap)
    async with open_lags(settings, [GroupTopics(group)], "read_committed") as lags:
        [first] = await lags.read()
        await asyncio.sleep(1.1)  # a rate needs a time, not a condition
        [stuck] = await lags.read()
        await commit(kafka, group, {at: 600})
        [moving] = await lags.read()
        await commit(kafka, group, {at: 1000})
        [done] = await lags.read()
    assert first.eta is None
    assert stuck.eta == float("inf")
    assert stuck.rates.consumed == 0
    assert moving.eta == 400 / moving.rates.consumed
    assert (done.eta, done.messages, done.seconds) == (0.0, 0, 0.0)
