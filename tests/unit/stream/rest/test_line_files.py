"""Files of lines: begun again by size and age, compressed when finished."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from stream.rest.line_files import LineFiles


class Clock:
    now = 0.0

    def __call__(self) -> float:
        return self.now


def files_in(folder: Path, clock: Clock) -> LineFiles:
    return LineFiles(
        folder,
        "requests",
        rotate_bytes=10,
        rotate_seconds=60.0,
        compression="gzip",
        clock=clock,
    )


def finished(folder: Path) -> list[bytes]:
    return sorted(gzip.decompress(path.read_bytes()) for path in folder.glob("requests-*.jsonl.gz"))


def open_ones(folder: Path) -> list[bytes]:
    return [path.read_bytes() for path in folder.glob("requests-*.jsonl")]


def test_a_file_that_is_large_enough_is_compressed_before_the_next_lines(tmp_path: Path) -> None:
    files = files_in(tmp_path / "log", Clock())
    files.append([b"12345\n"])
    files.append([b"67890\n", b"x\n"])
    files.append([b"next\n"])
    assert finished(tmp_path / "log") == [b"12345\n67890\nx\n"]
    assert open_ones(tmp_path / "log") == [b"next\n"]


def test_a_file_that_is_old_enough_is_finished_without_further_lines(tmp_path: Path) -> None:
    clock = Clock()
    files = files_in(tmp_path / "log", clock)
    files.append([b"a\n"])
    clock.now = 60.0
    files.append([])
    assert (finished(tmp_path / "log"), open_ones(tmp_path / "log")) == ([b"a\n"], [])


def test_a_file_that_was_moved_away_is_followed_by_another(tmp_path: Path) -> None:
    files = files_in(tmp_path, Clock())
    files.append([b"a\n"])
    [file] = tmp_path.glob("*.jsonl")
    file.rename(tmp_path / "elsewhere")
    files.append([b"b\n"])
    assert open_ones(tmp_path) == [b"b\n"]


def test_a_folder_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(OSError):
        files_in(tmp_path / "none" / "log", Clock()).append([b"a\n"])
