"""A partition is read from its end, in bounded steps."""

from __future__ import annotations

from typing import cast

from aiokafka import TopicPartition

from stream.explanation.newest_first import FIRST_STEP, newest_first
from stream.kafka.log_reader import LogReader
from tests.unit.stream.fake_topics import FakeTopics

PARTITION = TopicPartition("leads", 0)
COUNT = 3 * FIRST_STEP


def filled() -> FakeTopics:
    topics = FakeTopics()
    for number in range(COUNT):
        topics.add("leads", 0, b"v", key=b"%d" % (number % 1000))
    return topics


async def test_wanted_records_come_newest_first_and_each_once() -> None:
    topics = filled()
    read: list[int] = []
    found = [
        record.offset
        async for record in newest_first(
            cast(LogReader, topics), PARTITION, 10, COUNT, lambda r: r.key == b"7", read.append
        )
    ]
    assert found == sorted((n for n in range(10, COUNT) if n % 1000 == 7), reverse=True)
    assert sum(read) == COUNT - 10


async def test_a_recent_record_costs_one_short_read() -> None:
    topics = filled()
    search = newest_first(cast(LogReader, topics), PARTITION, 0, COUNT, lambda r: r.key == b"7")
    assert (await anext(search)).offset == COUNT - 1 - (COUNT - 1 - 7) % 1000
    await search.aclose()
    assert topics.reads == [("leads", 0, COUNT - FIRST_STEP, COUNT)]


async def test_an_empty_range_reads_nothing() -> None:
    topics = filled()
    search = newest_first(cast(LogReader, topics), PARTITION, 5, 5, lambda _: True)
    assert [record async for record in search] == []
    assert topics.reads == []
