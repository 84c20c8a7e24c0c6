"""A replay of an archive: the records and the account of the topic, and of what is missing."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import CorruptRecordException, OffsetOutOfRangeError

from schemas.model_identity import ModelIdentity
from stream.archive.reader import Archive, ArchiveRawReader
from stream.consume.offset_committer import GroupCommitter
from stream.consume.partition_progress import Batch
from stream.consume.start_offsets import Start
from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord
from stream.kafka.commit_metadata import Commit, metadata_of
from stream.replay.account import Account, AccountedPin, account_of
from stream.replay.archive_consumer import NOWHERE, ArchiveConsumer
from stream.replay.progress import ReplayAssignment
from stream.replay.ranges import PartitionRange
from stream.replay.selection import Selection
from stream.replay.source import ReplaySource
from stream.replay.source_limits import SourceLimits
from testing.archives import archive_file, record_at
from testing.fake_consumer import FakeConsumer
from testing.fake_kafka import TOPIC, FakeKafka
from tests.unit.stream.replay.test_progress import outcome_of
from tests.unit.stream.replay.test_source import NoPace

AT, OTHER = TopicPartition(TOPIC, 0), TopicPartition(TOPIC, 1)
MODEL = ModelIdentity("leads", "3", "9f" * 32)
BAD = UnreadableRecord(0, 8, 7, None, None, [], Problem.CHECKSUM, "its checksum is wrong")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Partition 0 with a gap, a record that could not be read, and a hole; partition 1."""
    first = [*(record_at(offset) for offset in (2, 3, 6, 7)), BAD, record_at(9)]
    archive_file(tmp_path, TOPIC, 0, first, (2, 12))
    archive_file(tmp_path, TOPIC, 0, [record_at(offset) for offset in range(20, 30)])
    archive_file(tmp_path, TOPIC, 1, [record_at(offset, 1) for offset in range(5)])
    return tmp_path


def consumer_of(folder: Path, kafka: FakeKafka, poll_bytes: int = 1 << 20) -> ArchiveConsumer:
    consumer = ArchiveConsumer(FakeConsumer(kafka), Archive(folder, TOPIC), poll_bytes)
    consumer.assign([AT, OTHER])
    return consumer


async def poll(consumer: ArchiveConsumer, *at: TopicPartition, most: int = 100) -> list[RawRecord]:
    fetched = await consumer.getmany(*at, timeout_ms=0, max_records=most)
    return [record for records in fetched.values() for record in records]


async def test_partitions_are_polled_in_turn_up_to_records_and_bytes(folder: Path) -> None:
    consumer = consumer_of(folder, FakeKafka(2), poll_bytes=1000)
    consumer.seek(AT, 20)
    consumer.seek(OTHER, 0)
    polls = [await poll(consumer, AT, OTHER, most=4) for _ in range(2)]
    assert sorted((records[0].partition, len(records)) for records in polls) == [(0, 2), (1, 2)]
    consumer.pause(AT)
    assert {record.partition for record in await poll(consumer, AT, OTHER)} == {1}
    consumer.resume(AT)
    assert set(consumer.assignment()) == {AT, OTHER}


async def test_a_hole_is_out_of_range_and_the_next_file_is_where_it_ends(folder: Path) -> None:
    consumer = consumer_of(folder, FakeKafka(2))
    consumer.seek(AT, 12)
    with pytest.raises(OffsetOutOfRangeError) as raised:
        await poll(consumer, AT)
    assert raised.value.args[0] == {AT: 12}
    assert await consumer.beginning_offsets([AT]) == {AT: 20}
    consumer.seek(AT, 30)
    assert await consumer.beginning_offsets([AT]) == {AT: NOWHERE}


async def test_a_record_that_could_not_be_read_is_an_error_of_the_poll(folder: Path) -> None:
    consumer = consumer_of(folder, FakeKafka(2))
    consumer.seek(AT, 6)
    assert [record.offset for record in await poll(consumer, AT)] == [6, 7]
    assert await consumer.position(AT) == 8
    with pytest.raises(CorruptRecordException, match="offset 8"):
        await poll(consumer, AT)


class Replayed:
    """A replay of an archive on a fake Kafka, that may be stopped and started again."""

    def __init__(self, folder: Path, ranges: Sequence[PartitionRange]) -> None:
        self.kafka = FakeKafka(2)
        self.scored: list[tuple[int, int, bool]] = []
        self.errors: list[BaseException] = []
        self._folder = folder
        self._ranges = ranges

    async def run(self, most: int = 1000) -> list[Account]:
        assignment = ReplayAssignment(1, [AT, OTHER])
        stop = asyncio.Event()

        async def accept(batches: Sequence[Batch]) -> None:
            for batch in batches:
                assert batch.begin()
                records, verdicts = batch.records, batch.verdicts
                self.scored += [
                    (record.partition, record.offset, at in verdicts)
                    for at, record in enumerate(records)
                ]
                batch.done()
                source.on_done(batch, outcome_of(len(records)))
            if len(self.scored) >= most:
                stop.set()

        async def crash(error: BaseException) -> None:
            self.errors.append(error)

        async def start_of(at: TopicPartition, commit: Commit | None) -> Start:
            assert commit is not None
            return Start(commit.offset, AccountedPin(MODEL, 0, account=account_of(commit)))

        async def read_committed(at: TopicPartition) -> Commit | None:
            [start] = [each.start for each in self._ranges if each.partition == at.partition]
            return await self.kafka.read_committed(at) or Commit(start, metadata_of(start, None))

        archive = Archive(self._folder, TOPIC)
        consumer: Any = ArchiveConsumer(FakeConsumer(self.kafka), archive, 1 << 20)
        source = ReplaySource(
            TOPIC,
            self._ranges,
            assignment=assignment,
            consumer=consumer,
            committer=GroupCommitter(
                consumer, lambda _: None, crash, read_committed=read_committed, start_of=start_of
            ),
            reader=ArchiveRawReader(archive),
            accept=accept,
            selection=Selection(),
            pace=NoPace(),
            limits=SourceLimits(max_records=3, commit_interval=0.1),
        )
        await source.start()
        await source.read(stop)
        await source.commits.finish()
        assert source.is_over is not stop.is_set()
        return [account_of(self.kafka.commit_of(at)) for at in (AT, OTHER)]


RANGES = [PartitionRange(0, 2, 28), PartitionRange(1, 0, 5)]
EXPECTED = [(0, at, at == 8) for at in (2, 3, 6, 7, 8, 9, *range(20, 28))] + [
    (1, at, False) for at in range(5)
]


async def test_every_offset_of_a_range_is_in_the_account(folder: Path) -> None:
    replayed = Replayed(folder, RANGES)
    first, second = await replayed.run()
    assert sorted(replayed.scored) == EXPECTED
    assert replayed.errors == []
    assert first == Account(scored=14, expired=8, gaps=4)
    assert second == Account(scored=5)


async def test_a_replay_that_is_stopped_continues_where_it_was(folder: Path) -> None:
    replayed = Replayed(folder, RANGES)
    await replayed.run(most=4)
    first, second = await replayed.run()
    assert sorted(replayed.scored) == EXPECTED
    assert (first.offsets, second.offsets) == (26, 5)


async def test_a_range_beyond_the_last_file_has_expired(folder: Path) -> None:
    replayed = Replayed(folder, [PartitionRange(0, 28, 40), PartitionRange(1, 0, 5)])
    first, _ = await replayed.run()
    assert first == Account(scored=2, expired=10)
