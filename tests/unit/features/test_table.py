"""Tables out of files: what is found out, and what is refused."""

from __future__ import annotations

import gzip
import hashlib
import io
import tracemalloc
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.table import ALWAYS_UNPACKED, field_name, parse_table, read_table
from schemas.errors import InputError
from schemas.field_names import FieldNames
from tests.unit.features.tables import CATEGORY, DATE, NUMBER, strings, table

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
    "NaN in JSON": (b'{"a": 1}\n{"a": NaN}\n', "line 2: NaN is no JSON. Write null"),
    "infinity in JSON": (b'[{"a": -Infinity}]', "line 1: -Infinity is no JSON"),
    "half a character in JSON": (rb'{"a": "\ud800"}', "line 1: a .u escape is half"),
    "a separator and no more": (b"sep=;\n", "is empty"),
    "a separator and one column": (b"sep=;\na\n1\n", "not a table of several columns"),
    "broken JSON": (b'{"a": 1}\n{"a": \n', "line 2: this is no JSON"),
    "an array without an end": (b'[{"a": 1},\n', "is cut off"),
    "more behind an array": (b'[{"a": 1}]\n[{"a": 2}]', "the array ends, but the file goes on"),
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


def test_files(tmp_path: Path) -> None:
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


def test_a_field_without_a_column_is_missing() -> None:
    columns: Any = table("a,b\n1,2\n").columns_for({"x": NUMBER, "y": CATEGORY})
    assert np.isnan(columns["x"]).all()
    assert columns["y"] == [None]


def test_a_cell_of_the_wrong_type_is_named() -> None:
    with pytest.raises(InputError, match=r"column 'a\.b', row 2: expected a number, came 'x'"):
        table("a.b,c\n1,2\nx,3\n").columns_for({"a_b": NUMBER})
    with pytest.raises(InputError, match="row 1: expected a time"):
        table("a,b\nx,3\n").columns_for({"a": DATE})


def test_finding_a_column() -> None:
    parsed = table("emp.var.rate,Age,y\n1,2,3\n")
    assert parsed.find("emp.var.rate", "--target") == "emp_var_rate"
    assert parsed.find("emp_var_rate", "--target") == "emp_var_rate"
    with pytest.raises(InputError, match=r"no column 'age' \(--exclude\). Did you mean 'Age'"):
        parsed.find("age", "--exclude")
    with pytest.raises(InputError, match=r"Its columns: emp\.var\.rate, Age, y"):
        parsed.find("zzzzzz", "--target")


def test_parts_of_a_table() -> None:
    parsed = table("t,x\n2024-01-01,a\n2024-01-03,b\n2024-01-02,c\n")
    part = parsed.slice(1, 3)
    assert strings(part, "x") == ["b", "c"]
    assert part.rows == 2
    assert part.sha256 not in {parsed.sha256, parsed.slice(0, 2).sha256}
    assert part.sha256 == parsed.take(np.array([1, 2])).sha256
    moment = datetime(2024, 1, 3, tzinfo=UTC).timestamp() * 1000
    assert strings(parsed.before("t", moment), "x") == ["a", "c"]


@pytest.mark.parametrize(
    ("column", "name"),
    [("emp.var.rate", "emp_var_rate"), (" 2nd call ", "_2nd_call"), ("a-b c", "a_b_c"), ("é", "e")],
)
def test_field_names(column: str, name: str) -> None:
    assert field_name(column) == name


def test_a_file_s_name_that_differs_in_form_from_a_model_s_field_is_not_ambiguous() -> None:
    names = FieldNames({"lead_source": "lead_source", "Job": "Job"})
    table = parse_table(b"Lead Source,job\nweb,cto\n", "leads.csv").with_fields_of(names)
    assert table.names == ("lead_source", "Job")


def test_columns_that_differ_in_form_only_are_reported() -> None:
    parsed = table("lead_id,Lead Source,lead_source,won\na,web,event,1\nb,,web,0\n")
    [remark] = parsed.remarks
    assert "'Lead Source' and 'lead_source' differ in form only" in remark
    assert "a lead must have each name exactly" in remark


def test_one_column_under_two_names_is_reported() -> None:
    """A sender changed the spelling of a key: each column lacked half of the values."""
    parsed = table('{"leadSource": "web", "n": 1}\n{"lead_source": "event", "n": 2}\n')
    [remark] = parsed.remarks
    assert "no row has values in both, so they are probably one column" in remark


def test_a_column_whose_name_another_one_gets_is_reported() -> None:
    """Such a file was scored by one of the two columns, and nothing reported it."""
    parsed = table("lead_id,Lead Source,lead_source\na,web,event\n")
    named = parsed.with_fields_of(FieldNames({"source": "Lead Source", "lead_source": "x"}))
    assert named.unusable == {}
    renamed = parsed.with_name("Lead_Source", "lead_source")
    assert renamed.unusable == {"lead_source": "'Lead Source' is read as lead_source"}


def test_a_parquet_file_may_not_repeat_a_column() -> None:
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    file = io.BytesIO()
    pq.write_table(pa.table([[1], [2]], names=["n", "n"]), file)
    with pytest.raises(InputError, match="more than one column 'n'"):
        table(file.getvalue())
