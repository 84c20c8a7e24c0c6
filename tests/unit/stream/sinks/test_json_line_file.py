"""A file of JSON lines after a kill: the last line is cut, the last offset is found."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest

from stream.sinks.json_line_file import STEP, last_offset, lines_of, repaired


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        (b"", b""),
        (b'{"offset": 1', b""),
        (b'{"offset": 1}\n', b'{"offset": 1}\n'),
        (b'{"offset": 1}\n{"off', b'{"offset": 1}\n'),
        (b"a\n" + b"x" * 2 * STEP, b"a\n"),
    ],
)
def test_a_last_line_that_is_not_complete_is_cut(
    tmp_path: Path, content: bytes, kept: bytes
) -> None:
    file = tmp_path / "a.jsonl"
    file.write_bytes(content)
    assert repaired(file) is bool(kept)
    assert file.read_bytes() == kept


def test_the_last_offset_is_found_in_each_kind_of_file(tmp_path: Path) -> None:
    content = b'{"offset": 1}\n{"offset": 7}\n'
    plain, packed = tmp_path / "a.jsonl", tmp_path / "a.jsonl.gz"
    plain.write_bytes(content)
    packed.write_bytes(gzip.compress(content))
    assert last_offset(plain) == last_offset(packed) == 7
    assert b"".join(lines_of(packed)) == content
    plain.write_bytes(b"")
    assert last_offset(plain) == -1
