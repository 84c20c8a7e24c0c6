"""Files of an archive: their names say which offsets they hold, each offset in one file."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import InputError
from stream.archive.files import (
    ArchiveFile,
    holes,
    list_files,
    list_partitions,
    partition_folder,
    sync_folder,
)

RANGES = st.lists(st.tuples(st.integers(0, 50), st.integers(1, 50)), min_size=1, max_size=12)
"""Numbers of offsets of each file: those missing before it, and its own."""


@given(RANGES)
def test_the_names_keep_the_ranges_and_their_order_and_show_what_is_missing(
    tmp_path_factory: pytest.TempPathFactory, ranges: list[tuple[int, int]]
) -> None:
    folder = tmp_path_factory.mktemp("partition")
    made: list[ArchiveFile] = []
    missing: list[tuple[int, int]] = []
    at = 0
    for hole, length in ranges:
        if hole and made:
            missing.append((at, at + hole))
        made.append(ArchiveFile.of(folder, at + hole, at + hole + length))
        at += hole + length
    for file in reversed(made):
        file.path.touch()
    assert list_files(folder) == made
    assert list(holes(made)) == missing


@given(RANGES, st.data())
def test_an_offset_in_two_files_is_an_error(
    tmp_path_factory: pytest.TempPathFactory, ranges: list[tuple[int, int]], data: st.DataObject
) -> None:
    folder = tmp_path_factory.mktemp("partition")
    at = 0
    for hole, length in ranges:
        ArchiveFile.of(folder, at + hole, at + hole + length).path.touch()
        at += hole + length
    twice = data.draw(st.integers(ranges[0][0], ranges[0][0] + ranges[0][1] - 1))
    ArchiveFile.of(folder, twice, at + 7).path.touch()
    with pytest.raises(InputError, match="offsets in common: remove one of them"):
        list_files(folder)


def test_other_files_and_files_that_are_not_complete_do_not_count(tmp_path: Path) -> None:
    for name in (".lock", f"{0:020d}.tmp", "notes.txt", "0-1.parquet"):
        (tmp_path / name).touch()
    assert list_files(tmp_path) == []
    assert list_files(tmp_path / "missing") == []


def test_a_name_that_contradicts_itself_is_an_error(tmp_path: Path) -> None:
    (tmp_path / f"{5:020d}-{3:020d}.parquet").touch()
    with pytest.raises(InputError, match="expected a range of offsets as the name"):
        list_files(tmp_path)


def test_the_partitions_of_a_topic_are_its_folders(tmp_path: Path) -> None:
    for number in (10, 2):
        partition_folder(tmp_path, "leads", number).mkdir(parents=True)
    (tmp_path / "leads" / "notes").mkdir()
    sync_folder(tmp_path / "leads")
    assert list_partitions(tmp_path, "leads") == [2, 10]
    with pytest.raises(InputError, match="expected an archive of other"):
        list_partitions(tmp_path, "other")
