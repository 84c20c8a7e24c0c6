"""A file of the archive has its name when it is whole, and not before."""

from __future__ import annotations

from pathlib import Path

import pytest

from schemas.errors import InputError
from stream.archive.files import ArchiveFile, list_files
from stream.archive.open_file import OpenFile, remove_temporary, topic_id_of
from stream.archive.rows import load_pyarrow, to_records, to_table
from stream.fetch.raw_records import RawRecord

PYARROW = load_pyarrow()


def table_of(start: int, end: int) -> object:
    records = [RawRecord(0, offset, 1, b"k", b"%d" % offset, []) for offset in range(start, end)]
    return to_table(PYARROW, "leads", 0, records)


def test_written_rows_are_there_once_the_file_is_complete(tmp_path: Path) -> None:
    file = OpenFile(tmp_path, 5, "an-id")
    first, second = file.write(table_of(5, 8)), file.write(table_of(9, 12))
    assert 0 < first < second
    assert list_files(tmp_path) == []
    made = file.complete(14)
    assert list_files(tmp_path) == [made] == [ArchiveFile.of(tmp_path, 5, 14)]
    found = to_records(PYARROW.parquet.read_table(made.path))
    assert [record.offset for record in found] == [5, 6, 7, 9, 10, 11]
    assert topic_id_of(made) == "an-id"


def test_a_file_of_the_same_range_is_not_replaced(tmp_path: Path) -> None:
    there = ArchiveFile.of(tmp_path, 5, 8)
    there.path.write_bytes(b"there before")
    file = OpenFile(tmp_path, 5)
    file.write(table_of(5, 8))
    with pytest.raises(FileExistsError):
        file.complete(8)
    file.discard()
    assert there.path.read_bytes() == b"there before"


def test_a_file_that_is_discarded_leaves_nothing(tmp_path: Path) -> None:
    file = OpenFile(tmp_path, 5)
    file.write(table_of(5, 8))
    file.discard()
    assert list(tmp_path.iterdir()) == []


def test_an_incomplete_file_of_a_killed_process_is_removed(tmp_path: Path) -> None:
    left = OpenFile(tmp_path, 5)
    left.write(table_of(5, 8))
    kept = ArchiveFile.of(tmp_path, 0, 5)
    kept.path.touch()
    remove_temporary(tmp_path)
    assert list(tmp_path.iterdir()) == [kept.path]
    left.discard()


def test_the_topic_of_a_damaged_file_is_an_error(tmp_path: Path) -> None:
    damaged = ArchiveFile.of(tmp_path, 0, 5)
    damaged.path.write_bytes(b"PAR1")
    with pytest.raises(InputError, match="bring back a copy"):
        topic_id_of(damaged)
