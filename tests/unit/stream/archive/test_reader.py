"""An archive is read like a topic: bounds, times, records, and what could not be read."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import fsspec
import pytest
from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from schemas.errors import InputError
from stream.archive.files import ArchiveFile
from stream.archive.reader import Archive, ArchiveRawReader
from stream.fetch.raw_records import Problem, UnreadableRecord
from testing.archives import archive_file, record_at

AT = TopicPartition("leads", 0)


@pytest.fixture(params=["disk", "store"])
def archive(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Archive]:
    """Two files of partition 0 with a hole between them, one of partition 2."""
    first = [record_at(offset) for offset in (3, 4, 6, 7, 8, 9, 10)]
    archive_file(tmp_path, "leads", 0, first, (2, 12))
    archive_file(tmp_path, "leads", 0, [record_at(offset) for offset in range(20, 32)])
    archive_file(tmp_path, "leads", 2, [record_at(0, 2)])
    if request.param == "disk":
        yield Archive(tmp_path, "leads")
        return
    files = fsspec.filesystem("memory")
    files.put(f"{tmp_path}/", "/archives/copy", recursive=True)
    yield Archive("memory://archives/copy", "leads")
    files.rm("/archives", recursive=True)


async def test_the_bounds_are_those_of_the_files(archive: Archive) -> None:
    assert archive.partitions == [0, 2]
    assert await archive.beginning() == {0: 2, 2: 0}
    assert await archive.end() == {0: 32, 2: 1}
    assert archive.holes() == {0: [(12, 20)]}
    assert archive.oldest_ms() == 1000


async def test_the_offset_of_a_time_is_that_of_the_first_record_from_then_on(
    archive: Archive,
) -> None:
    assert await archive.at(1005) == {0: 6, 2: None}
    assert await archive.at(1011) == {0: 20, 2: None}
    assert await archive.at(0) == {0: 3, 2: 0}
    assert await archive.at(9999) == {0: None, 2: None}


@pytest.mark.parametrize(
    ("start", "stop", "expected"),
    [
        (0, 100, [3, 4, 6, 7, 8, 9, 10, *range(20, 32)]),
        (5, 22, [6, 7, 8, 9, 10, 20, 21]),
        (11, 20, []),
        (31, 32, [31]),
    ],
)
async def test_a_range_is_read_over_files_and_holes(
    archive: Archive, start: int, stop: int, expected: list[int]
) -> None:
    found = [record async for records in archive.read(AT, start, stop) for record in records]
    assert found == [record_at(offset) for offset in expected]


def test_the_steps_of_a_file_end_where_its_range_does(archive: Archive) -> None:
    steps = list(archive.steps(0, 9))
    assert [record.offset for step in steps for record in step.records] == [9, 10]
    assert steps[-1].next_offset == 12
    assert [step.next_offset for step in archive.steps(0, 11)] == [12]


@pytest.mark.parametrize("offset", [0, 12, 19, 32])
def test_an_offset_that_no_file_has_is_out_of_range(archive: Archive, offset: int) -> None:
    with pytest.raises(OffsetOutOfRangeError):
        next(archive.steps(0, offset))


async def test_a_record_that_could_not_be_read_is_read_beside(tmp_path: Path) -> None:
    bad = UnreadableRecord(0, 1, 7, None, None, [], Problem.CHECKSUM, "its checksum is wrong")
    archive_file(tmp_path, "leads", 0, [record_at(0), bad, record_at(2)])
    archive = Archive(tmp_path, "leads")
    reader = ArchiveRawReader(archive)
    [step] = [step async for step in reader.read(AT, 1)]
    assert step.records == [bad, record_at(2)]
    await reader.close()
    readable = [record async for records in archive.read(AT, 0, 3) for record in records]
    assert readable == [record_at(0), record_at(2)]


def test_an_archive_without_files_is_an_error(tmp_path: Path) -> None:
    (tmp_path / "leads" / "0").mkdir(parents=True)
    with pytest.raises(InputError, match="expected files of leads in the archive"):
        Archive(tmp_path, "leads")


def test_a_damaged_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    file = ArchiveFile.of(tmp_path / "leads" / "0", 0, 5)
    file.path.parent.mkdir(parents=True)
    file.path.write_bytes(b"nothing of Parquet")
    with pytest.raises(InputError, match="Bring back a copy, or remove the file"):
        list(Archive(tmp_path, "leads").steps(0, 0))


def test_a_file_that_is_damaged_in_its_middle_is_an_error_that_names_it(tmp_path: Path) -> None:
    file = archive_file(tmp_path, "leads", 0, [record_at(offset) for offset in range(50)])
    content = bytearray(file.path.read_bytes())
    content[400:900] = bytes(500)
    file.path.write_bytes(content)
    with pytest.raises(InputError, match=rf"{file.path.name}.*Bring back a copy"):
        list(Archive(tmp_path, "leads").steps(0, 0))
