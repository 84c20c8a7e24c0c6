"""The archive after kills at any moment: nothing is missing, and nothing is there twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from aiokafka import TopicPartition
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import FatalError, StartupError
from stream.archive import writer as writer_module
from stream.archive.files import list_files, partition_folder
from stream.archive.reader import Archive
from stream.archive.writer import ArchiveWriter, RollOptions, archive_budget, roll_options
from stream.consume.lost_records import Loss, LossReason
from stream.kafka.commit_metadata import Commit
from stream.settings import load_settings
from testing.archives import archive_file, batch_of, record_at
from testing.kafka_client import until

AT, OTHER = TopicPartition("leads", 0), TopicPartition("leads", 1)
OPTIONS = RollOptions(file_bytes=1 << 30, seconds=1e9, buffer_bytes=2000, least_free_bytes=100)


class Place:
    """A writer on an archive, and what it has reported."""

    def __init__(self, archive: Path, free: Callable[[Path], int] = lambda _: 1 << 40) -> None:
        self.errors: list[BaseException] = []
        self.rooms: list[str | None] = []
        self.topic_id: str | None = "id-1"
        self.files = 0
        archive.mkdir(exist_ok=True)
        self.writer = ArchiveWriter(
            archive,
            OPTIONS,
            topic_id=self._read_id,
            crash=self._crash,
            on_complete=self._count,
            on_room=self.rooms.append,
            free=free,
        )

    async def _read_id(self, topic: str) -> str | None:
        return self.topic_id

    async def _crash(self, error: BaseException) -> None:
        self.errors.append(error)

    def _count(self, completed: Any) -> None:
        self.files += 1


def kill(writer: ArchiveWriter) -> None:
    """Leave what a killed process leaves: files that are not complete, and no locks."""
    for each in writer._writers.values():
        if each._file is not None:
            path = each._file._path
            each._file.discard()
            path.write_bytes(b"PAR1")
        each._owner.release()


STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("read"), st.integers(1, 12)),
        st.tuples(st.just("gap"), st.integers(1, 3)),
        st.tuples(st.just("complete"), st.just(0)),
        st.tuples(st.just("kill"), st.just(0)),
        st.tuples(st.just("rebalance"), st.just(0)),
    ),
    max_size=25,
)


@given(STEPS)
def test_killed_and_rebalanced_at_any_moment_each_record_is_archived_once(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    archive = tmp_path_factory.mktemp("archive")
    asyncio.run(_play(archive, steps))


async def _play(archive: Path, steps: list[tuple[str, int]]) -> None:
    place, records = Place(archive), list[int]()
    end = position = 0
    start = await place.writer.start_of(AT, None)
    for step, number in steps:
        match step:
            case "read":  # records are appended to the log, and read from the position
                records += range(end, end + number)
                end += number
                if offsets := [offset for offset in records if offset >= position]:
                    await place.writer.accept([batch_of(offsets, AT)])
                    position = end
            case "gap":
                end += number
            case "complete":
                await place.writer.complete()
            case "kill":
                kill(place.writer)
                place = Place(archive)
                start = await place.writer.start_of(AT, None)
                position = start.committed or 0
            case "rebalance":
                place.writer.assigned([AT])
                start = await place.writer.start_of(AT, None)
                position = start.committed or 0
    offsets = [offset for offset in records if offset >= position]
    if offsets:
        await place.writer.accept([batch_of(offsets, AT)])
    await place.writer.complete()
    await place.writer.stop()
    assert place.errors == []
    found = Counter[int]()
    if records:
        for each in list_files(partition_folder(archive, "leads", 0)):
            table = Archive(archive, "leads").steps(0, each.start)
            found.update(record.offset for read in table for record in read.records)
    assert found == dict.fromkeys(records, 1)


async def test_memory_is_bounded_over_all_partitions(tmp_path: Path) -> None:
    place = Place(tmp_path)
    for at in (AT, OTHER):
        await place.writer.start_of(at, None)
    for start in range(0, 100, 10):
        await place.writer.accept([batch_of(range(start, start + 10), at) for at in (AT, OTHER)])
        buffered = sum(each.buffered_bytes for each in place.writer._writers.values())
        assert buffered < OPTIONS.buffer_bytes
    await place.writer.stop()


async def test_files_are_completed_by_their_size_and_by_their_age(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = Place(tmp_path)
    place.writer._options = RollOptions(
        file_bytes=1, seconds=60.0, buffer_bytes=500, least_free_bytes=0
    )
    await place.writer.start_of(AT, None)
    await place.writer.accept([batch_of(range(10), AT)])
    assert place.files == 1
    place.writer._options = OPTIONS
    await place.writer.accept([batch_of(range(10, 12), AT)])
    await place.writer.roll()
    assert place.files == 1, "it is young and small"
    monkeypatch.setattr("stream.archive.partition_writer.now", lambda: 2e9)
    await place.writer.roll()
    assert place.files == 2
    await place.writer.stop()


async def test_a_full_disk_stops_the_writing_until_there_is_room(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writer_module, "ROOM_LOOK", 0.001)
    free = 10
    place = Place(tmp_path, free=lambda _: free)
    await place.writer.start_of(AT, None)
    accepting = asyncio.create_task(place.writer.accept([batch_of(range(3), AT)]))
    await until(lambda: bool(place.rooms))
    assert place.writer.is_waiting
    assert "move old files elsewhere" in place.rooms[0]
    assert not accepting.done()
    free = 1 << 30
    await accepting
    assert place.rooms[1:] == [None]
    assert (place.writer.is_waiting, place.writer.taken) == (False, 1)
    await place.writer.stop()


async def test_an_error_of_the_disk_ends_the_worker_with_a_sentence(tmp_path: Path) -> None:
    place = Place(tmp_path)
    await place.writer.start_of(AT, None)
    (tmp_path / "leads" / "0" / f"{0:020d}.tmp").mkdir()  # in the way of the file
    await place.writer.accept([batch_of(range(30), AT)])
    [error] = place.errors
    assert isinstance(error, FatalError)
    assert "check the disk" in str(error)


async def test_a_topic_that_was_created_again_is_not_archived_behind_the_old_one(
    tmp_path: Path,
) -> None:
    place = Place(tmp_path)
    await place.writer.start_of(AT, None)
    await place.writer.accept([batch_of(range(3), AT)])
    await place.writer.complete()
    await place.writer.stop()
    again = Place(tmp_path)
    again.topic_id = "id-2"
    with pytest.raises(StartupError, match="was deleted and created again"):
        await again.writer.start_of(AT, None)
    while_it_runs = Place(tmp_path)
    while_it_runs.writer.lost(Loss(AT, 0, 3, LossReason.LOG_REPLACED))
    await asyncio.sleep(0)
    assert isinstance(while_it_runs.errors[0], StartupError)


async def test_a_commit_without_a_file_is_reported(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    place = Place(tmp_path)
    start = await place.writer.start_of(AT, Commit(500))
    assert (start.committed, start.has_commit) == (None, True), "the files say what is archived"
    assert "has no file, but this group has committed offset 500" in caplog.text
    await place.writer.stop()


async def test_a_partition_waits_for_the_process_that_writes_to_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(writer_module, "LOCK_LOOK", 0.001)
    archive_file(tmp_path, "leads", 0, [record_at(offset) for offset in range(4)])
    old, new = Place(tmp_path), Place(tmp_path)
    await old.writer.start_of(AT, None)
    starting = asyncio.create_task(new.writer.start_of(AT, None))
    await until(lambda: "another process writes to" in caplog.text)
    assert not starting.done()
    await old.writer.stop()
    assert (await starting).committed == 4
    await new.writer.stop()


def test_less_waits_in_memory_than_the_source_allows_in_flight() -> None:
    settings = load_settings(archive_file_mb=3, archive_file_seconds=5.0)
    budget = archive_budget(settings)
    options = roll_options(settings, budget)
    assert options.buffer_bytes < budget.in_flight_bytes
    assert (options.file_bytes, options.seconds) == (3 << 20, 5.0)
    assert budget.batches.record_bytes > 8 << 20, "a record of 8 MiB is kept whole"
