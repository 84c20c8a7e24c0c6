"""Records of leads in a topic, found in one pass."""

from __future__ import annotations

from typing import cast

import pytest
from aiokafka.errors import KafkaConnectionError

from schemas.errors import FatalError
from stream.erasure.held_records import Held, HeldByTopic, find_held
from stream.kafka.log_reader import LogReader
from tests.unit.stream.fake_topics import FakeTopics

KEYS = {b"ann": 0, b"bob": 1, b"cyd": 2}


async def find(topics: FakeTopics) -> HeldByTopic:
    return await find_held(cast(LogReader, topics), "leads", 2, KEYS)


async def test_each_lead_has_its_records_and_partitions() -> None:
    topics = FakeTopics()
    topics.add("leads", 0, b"v", key=b"ann", timestamp=5)
    topics.add("leads", 1, b"v", key=b"ann", timestamp=3)
    topics.add("leads", 1, b"v", key=b"eve", timestamp=9)
    topics.add("leads", 1, b"v", timestamp=9)
    found = await find(topics)
    assert found == HeldByTopic({0: Held(2, 5, partitions={0: True, 1: True})}, without_key=1)
    assert found.leads[0].without_tombstone == [0, 1]


async def test_a_tombstone_counts_only_if_it_is_the_last_record_of_its_partition() -> None:
    topics = FakeTopics()
    for key, values in ((b"ann", (b"v", None)), (b"bob", (b"v", None, b"v")), (b"cyd", (None,))):
        for value in values:
            topics.add("leads", 0, value, key=key, timestamp=1)
    found = (await find(topics)).leads
    assert {lead: held.without_tombstone for lead, held in found.items()} == {0: [], 1: [0], 2: []}
    assert {lead: held.records for lead, held in found.items()} == {0: 1, 1: 2, 2: 0}
    assert {lead: held.without_value for lead, held in found.items()} == {0: 1, 1: 1, 2: 1}


async def test_the_progress_ends_with_all_offsets() -> None:
    topics, seen = FakeTopics(), []
    for partition in (0, 1):
        for _ in range(5):
            topics.add("leads", partition, b"v", key=b"ann")
    topics.remove_below("leads", 0, 2)
    await find_held(
        cast(LogReader, topics), "leads", 2, KEYS, lambda read, total: seen.append((read, total))
    )
    assert seen == [(3, 8), (8, 8)]


async def test_a_topic_that_can_t_be_read_is_a_sentence() -> None:
    class Broken(FakeTopics):
        async def end_offsets(self, partitions: object) -> dict[object, int]:
            raise KafkaConnectionError("gone")

    with pytest.raises(FatalError, match="expected to read leads, but Kafka answered"):
        await find(Broken())
