"""Finished files are compressed; a kill on the way leaves nothing that is read twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.sinks.finished_files import Compression, finish, remove_leftovers
from stream.sinks.json_line_file import lines_of

LINES = [b'{"offset": %d}\n' % number for number in range(100)]


@pytest.mark.parametrize("compression", ["none", "gzip", "zstd"])
def test_a_finished_file_has_the_lines(tmp_path: Path, compression: Compression) -> None:
    file = tmp_path / "t-0-log-00.jsonl"
    file.write_bytes(b"".join(LINES))
    finished = finish(file, compression)
    assert [*lines_of(finished)] == LINES
    assert [*tmp_path.iterdir()] == [finished]


def test_leftovers_of_a_kill_are_removed(tmp_path: Path) -> None:
    for name in ("s-00.jsonl", "s-00.jsonl.gz", "s-05.jsonl", "s-05.jsonl.gz.part", "other.jsonl"):
        (tmp_path / name).write_bytes(b"")
    found = remove_leftovers(tmp_path, "s")
    assert [path.name for path in found] == ["s-00.jsonl.gz", "s-05.jsonl"]
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        *("other.jsonl", "s-00.jsonl.gz", "s-05.jsonl")
    ]
