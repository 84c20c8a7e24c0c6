"""A sample of the records of a range: all of them counted, and those outside left aside."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from random import Random
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError

from schemas.errors import FatalError, StartupError
from stream.fetch.raw_records import RawRecord
from stream.kafka.access import Use
from stream.settings import load_settings
from stream.snapshot import record_sample as module
from stream.snapshot.record_sample import TimeRange, count_offsets, draw_records
from testing.jumping_time import in_jumping_time

SETTINGS = load_settings(kafka_bootstrap_servers="here:1")
WITHIN = TimeRange(1000, 2000)
Spans = dict[TopicPartition, tuple[int, int]]


def record(partition: int, offset: int, timestamp: int) -> RawRecord:
    return RawRecord(partition, offset, timestamp, None, b"", ())


class FakeLog:
    """Records by partition; an error, or "never", ends a read."""

    def __init__(self) -> None:
        self.partitions: int | None = 2
        self.records: dict[int, Sequence[RawRecord]] = {0: (), 1: ()}
        self.end: Any = None
        self.reads: Spans = {}

    async def counts(self, *_: object) -> dict[str, int]:
        return {SETTINGS.leads_created: self.partitions} if self.partitions else {}

    async def spans(self, _: object, topic: str, partitions: int, within: TimeRange) -> Spans:
        return {
            TopicPartition(topic, number): (0, len(self.records[number]))
            for number in range(partitions)
            if self.records[number]
        }

    async def read(
        self, partition: TopicPartition, start: int, stop: int
    ) -> AsyncIterator[Sequence[RawRecord]]:
        self.reads[partition] = start, stop
        records = self.records[partition.partition]
        for at in range(0, len(records), 3):
            yield records[at : at + 3]
        if self.end == "never":
            await asyncio.Event().wait()
        if self.end is not None:
            raise self.end


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> FakeLog:
    fake = FakeLog()
    monkeypatch.setattr(module, "partition_counts", fake.counts)
    monkeypatch.setattr(module, "_spans", fake.spans)
    monkeypatch.setattr(module, "LogReader", lambda *_: fake)
    return fake


async def draw(size: int = 100) -> tuple[list[Any], int]:
    return await draw_records(SETTINGS, WITHIN, size, Random(1))


@pytest.mark.parametrize(
    ("timestamp", "holds"), [(999, False), (1000, True), (1999, True), (2000, False)]
)
def test_a_range_holds_its_start_and_not_its_end(timestamp: int, holds: bool) -> None:
    assert WITHIN.holds(record(0, 0, timestamp)) is holds


@in_jumping_time
async def test_records_of_all_partitions_come_in_the_order_of_their_times(log: FakeLog) -> None:
    log.records = {
        0: [record(0, n, 1000 + 100 * n) for n in range(5)],
        1: [record(1, n, 1050 + 100 * n) for n in range(4)],
    }
    records, found = await draw()
    assert found == 9
    assert [it.timestamp for it in records] == sorted(it.timestamp for it in records)
    assert {it.partition for it in records} == {0, 1}


@in_jumping_time
async def test_records_outside_of_the_range_hide_none_behind_them(log: FakeLog) -> None:
    times = [1500, 9000, 500, 1600, 2000, 1700, 1000]
    log.records[0] = [record(0, offset, at) for offset, at in enumerate(times)]
    records, found = await draw()
    assert found == 4
    assert [it.timestamp for it in records] == [1000, 1500, 1600, 1700]


@in_jumping_time
async def test_a_sample_has_its_size_and_all_records_are_counted(log: FakeLog) -> None:
    log.records[1] = [record(1, n, 1500) for n in range(200)]
    records, found = await draw(size=20)
    assert (len(records), found) == (20, 200)
    assert len({it.offset for it in records}) == 20


@in_jumping_time
async def test_partitions_without_records_in_the_range_are_not_read(log: FakeLog) -> None:
    log.records[1] = [record(1, 0, 1500)]
    await draw()
    assert log.reads == {TopicPartition(SETTINGS.leads_created, 1): (0, 1)}


@in_jumping_time
async def test_a_topic_that_is_not_there_is_named_with_the_command(log: FakeLog) -> None:
    log.partitions = None
    with pytest.raises(StartupError, match="leadscore topics create"):
        await draw()


@in_jumping_time
async def test_a_read_that_does_not_continue_ends_with_a_sentence(log: FakeLog) -> None:
    log.records[0] = [record(0, 0, 1500)]
    for end in (KafkaConnectionError(), "never"):
        log.end = end
        started = asyncio.get_running_loop().time()
        with pytest.raises(FatalError, match=r"expected to read leads\.created to the end"):
            await draw()
        assert asyncio.get_running_loop().time() - started <= 61.0


async def test_offsets_of_a_range_are_counted_without_reading_a_record(log: FakeLog) -> None:
    log.records = {
        0: [record(0, n, 1500) for n in range(3)],
        1: [record(1, n, 1500) for n in range(4)],
    }
    assert await count_offsets(SETTINGS, SETTINGS.leads_created, WITHIN, Use.SNAPSHOT) == 7
    assert log.reads == {}
