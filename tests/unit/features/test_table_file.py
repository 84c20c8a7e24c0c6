"""Tables from files: what is detected, and what is refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import tracemalloc
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.table_file import ALWAYS_UNPACKED, read_table
from schemas.errors import InputError
from tests.unit.features.tables import table

BROKEN = {
    "empty": (b"", "is empty"),
    "only blank lines": (b"\n \n", "is empty"),
    "no leads": (b"a,b\n", "no leads below"),
    "one column": (b"a\n1\n", "no comma, semicolon"),
    "ragged": (b"a,b\n1,2\n3\n4,5\n", r"line 3 has 1 cells, the first line 2"),
    "too many cells": (b"a,b\n1,2,3\n", r"line 2 has 3 cells"),
    "an open quote": (b'a,b\n1,"2\n3,4\n', "A quote is not closed"),
    "the same name twice": (b"a,b,a\n1,2,3\n", "more than one column 'a'"),
    "no name": (b"a,,c\n1,2,3\n", "column 2 has no name"),
    "names alike": (b"a.b,a b\n1,2\n", "would both be called a_b"),
    "an image": (b"\x89PNG\r\n\x1a\n" + bytes(64), "binary data"),
    "a zip": (b"PK\x03\x04" + bytes(64), "is a zip file.*unpack it"),
    "a workbook": (b"PK\x03\x04" + b"xl/workbook.xml", "is an Excel workbook.*CSV UTF-8"),
    "an old workbook": (b"\xd0\xcf\x11\xe0" + bytes(64), "is an Excel workbook.*CSV UTF-8"),
    "damaged UTF-8": (b"a,b\n\xff," + "éèü".encode() + b"\n", "line 2 has the byte 0xff"),
    "NaN in JSON": (b'{"a": 1}\n{"a": NaN}\n', "line 2: NaN is not valid JSON. Write null"),
    "infinity in JSON": (b'[{"a": -Infinity}]', "line 1: -Infinity is not valid JSON"),
    "half a character in JSON": (rb'{"a": "\ud800"}', "line 1: a .u escape is half"),
    "a separator and no more": (b"sep=;\n", "is empty"),
    "a separator and one column": (b"sep=;\na\n1\n", "not a table of several columns"),
    "broken JSON": (b'{"a": 1}\n{"a": \n', "line 2: this is not valid JSON"),
    "an array without an end": (b'[{"a": 1},\n', "is cut off"),
    "more behind an array": (b'[{"a": 1}]\n[{"a": 2}]', "the array ends, but the file continues"),
    "an empty array": (b"[]", "holds no leads"),
    "an answer of an interface": (b'{"results": [{"a": 1}]}', r"around the list 'results'.*jq"),
    "half a gzip": (gzip.compress(b"a,b\n1,2\n" * 99)[:30], "damaged or cut off"),
    "half a Parquet": (b"PAR1" + bytes(20), "not a readable Parquet"),
    "two encodings": ("a,b\nMüller,1\n".encode() + b"K\xf6ln,2\n", "line 3 has the byte 0xf6"),
    "half a UTF-16": ("a,b\n1,2\n".encode("utf-16")[:-1], "not utf-16"),
}


@pytest.mark.parametrize(("content", "says"), BROKEN.values(), ids=BROKEN.keys())
def test_a_file_that_is_no_table_is_refused(content: bytes, says: str) -> None:
    with pytest.raises(InputError, match=says):
        table(content)


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_no_bytes_raise_anything_else(content: bytes) -> None:
    try:
        parsed = table(content)
    except InputError:
        return
    assert parsed.rows >= 1
    assert len(parsed.names) >= 2


def test_a_file_has_its_hash_and_a_folder_or_a_missing_file_is_refused(tmp_path: Path) -> None:
    content = gzip.compress(b"a,b\n1,2\n")
    path = tmp_path / "leads.csv.gz"
    path.write_bytes(content)
    assert read_table(path).sha256 == hashlib.sha256(content).hexdigest()
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path)
    with pytest.raises(InputError, match="no file"):
        read_table(tmp_path / "absent.csv")


def test_a_file_that_unpacks_to_a_thousand_times_its_size_is_refused_for_little_memory() -> None:
    zeros = gzip.compress(bytes(2**20), mtime=0) * 100
    tracemalloc.start()
    with pytest.raises(InputError, match=r"unpacks to more than 100 times"):
        table(zeros)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * ALWAYS_UNPACKED


def test_a_gzip_of_several_parts_is_read_to_its_end() -> None:
    assert table(gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n")).rows == 2


def test_a_parquet_file_may_not_repeat_a_column() -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    file = io.BytesIO()
    pq.write_table(pa.table([[1], [2]], names=["n", "n"]), file)
    with pytest.raises(InputError, match="more than one column 'n'"):
        table(file.getvalue())
