"""Tables out of files: what is found out, and what is refused."""

from __future__ import annotations

import gzip
import hashlib
import json
import re
import sys
import tracemalloc
from datetime import UTC, date, datetime, time
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features.table import ALWAYS_UNPACKED, Table, field_name, find_json, parse_table, read_table
from schemas.errors import InputError
from schemas.field_names import FieldNames
from schemas.fields import FieldKind

NUMBER, CATEGORY, DATE = FieldKind.NUMBER, FieldKind.CATEGORY, FieldKind.DATE


def table(content: str | bytes, encoding: str | None = None) -> Table:
    raw = content.encode() if isinstance(content, str) else content
    return parse_table(raw, "leads.csv", encoding)


def strings(parsed: Table, name: str) -> Any:
    return parsed.columns_for({name: CATEGORY})[name]


@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
def test_separators(separator: str):
    parsed = table(f"a.b{separator}c\n1{separator}x y\n2{separator}\n")
    assert parsed.names == ("a_b", "c")
    assert parsed.originals == {"a_b": "a.b", "c": "c"}
    assert parsed.rows == 2
    assert strings(parsed, "c") == ["x y", None]
    assert parsed.columns_for({"a_b": NUMBER})["a_b"].tolist() == [1, 2]  # type: ignore[union-attr]


def test_a_separator_inside_quotes_does_not_count():
    parsed = table('name;text\nx;"a, b, c"\ny;"d, e; f ""g""\nh"\n')
    assert strings(parsed, "text") == ["a, b, c", 'd, e; f "g"\nh']


GERMAN = "Name;Straße\n" + "Jürgen Müller;Königstraße 5, Düsseldorf für größere\n" * 5


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings_are_found_out(encoding: str):
    parsed = table(GERMAN.encode(encoding))
    assert strings(parsed, "Name")[0] == "Jürgen Müller"
    assert list(parsed.originals.values()) == ["Name", "Straße"]
    assert parsed.encoding_guessed == (encoding == "cp1252")


def test_a_named_encoding_is_taken():
    content = "имя;b\nМосква;1\n".encode("cp1251")
    assert strings(table(content, "cp1251"), "u438u43cu44f") == ["Москва"]


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
def test_what_is_not_a_table_is_refused(content: bytes, says: str):
    with pytest.raises(InputError, match=says):
        table(content)


def test_a_wrong_encoding_is_refused():
    with pytest.raises(InputError, match=r"not utf-8: line 2 has the byte 0xfc.*--encoding"):
        table("a;b\nMüller;1\n".encode("cp1252"), "utf-8")
    with pytest.raises(InputError, match="no encoding 'klingon'"):
        table("a,b\n1,2\n", "klingon")
    with pytest.raises(InputError, match=r"not undefined: .*undefined encoding.*--encoding"):
        table("a,b\n1,2\n", "undefined")


def test_an_encoding_that_can_not_be_found_out(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "charset_normalizer", None)
    with pytest.raises(InputError, match=r"can't be found out.*line 2 has the byte 0x81"):
        table(b"a,b\n\x81\x8d,1\n")


@pytest.mark.parametrize(
    "text", ["São Paulo", "Genève", "Ålesund", "Zürich,L’Oréal", "£12", "50 m²", "Ærøskøbing"]
)
def test_short_western_text_is_cp1252(text: str):
    parsed = table(f"a;b\n{text};1\n".encode("cp1252"))
    assert (parsed.encoding, parsed.encoding_guessed) == ("cp1252", True)
    assert strings(parsed, "a") == [text]
    assert "was read as cp1252: if letters look wrong, give --encoding" in parsed.remarks[0]


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        ("Москва Санкт-Петербург Новосибирск Екатеринбург", "cp1251"),
        ("東京 大阪 名古屋 京都府 北海道", "shift_jis"),
        ("北京 上海 广州 深圳市 成都", "gb18030"),
    ],
)
def test_text_of_which_no_western_word_is_made_is_not_cp1252(text: str, encoding: str):
    parsed = table(f"a;b\n{text};1\n".encode(encoding))
    assert (parsed.encoding, strings(parsed, "a")) == (encoding, [text])


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf16_without_a_mark_is_read(encoding: str):
    assert strings(table("a,b\nü,1\n".encode(encoding)), "a") == ["ü"]


@pytest.mark.parametrize("line", ["sep=;\r\n", '"sep=;"\n', "SEP=;\n"])
def test_a_line_that_names_the_separator_is_no_line_of_names(line: str):
    parsed = table("\ufeff" + line + "a;b,c\r\n1;2\r\n")
    assert list(parsed.originals.values()) == ["a", "b,c"]
    with pytest.raises(InputError, match="line 4 has 1 cells"):
        table(line + "a;b\n1;2\n3\n4;5\n")


@pytest.mark.parametrize(
    "end",
    [
        ";;;\nTotal;123;;\n",
        "Total;123;;\n",
        ";Grand Total: 3;;\n;;;\n",
        ";;;\nCopyright (c) 2024 somebody;;;\nConfidential - do not copy\n",
        "Generated by a report\n",
        "Exported on:;;;\n",
    ],
)
def test_totals_and_footers_are_left_out_and_told(end: str):
    leads = "id;n;s;y\n" + "".join(f"L-{i};{i};web;1\n" for i in range(9))
    parsed = table(leads + end)
    assert parsed.rows == 9
    assert parsed.left_out == end.count("\n")
    assert f"were left out: {parsed.left_out}" in parsed.remarks[0]


def test_a_total_between_leads_is_left_out_and_a_lead_with_few_cells_is_not():
    leads = "".join(f"L-{i};{i};web;1\n" for i in range(4))
    parsed = table(f"id;n;s;y\n{leads}Subtotal;6;;\nL-4;2;web;0\nL-5;;;\n;;;\n")
    assert strings(parsed, "id") == [*(f"L-{i}" for i in range(6)), None]
    assert parsed.left_out == 1


def test_a_column_without_a_name_and_cells_is_left_out():
    assert table("a;b;;\n1;2;;\n3;4;;\n").names == ("a", "b")


@pytest.mark.parametrize("row", [0, 300])
def test_a_cell_may_be_longer_than_the_csv_modules_limit(row: int):
    long = "x" * 140_000
    lines = [f"{long if i == row else 'short'},{i}" for i in range(301)]
    parsed = table("a,b\n" + "\n".join(lines) + "\n")
    assert strings(parsed, "a")[row] == long


JSON_LEADS = [
    {"id": "L-1", "n": 1250, "won": True, "s": "web", "big": 123456789012345678},
    {"id": "L-2", "n": 0.5, "won": False, "s": None},
]
JSON_SHAPES = {
    "lines": "\n".join(map(json.dumps, JSON_LEADS)) + "\n",
    "lines of Windows": "\ufeff" + "\r\n".join(map(json.dumps, JSON_LEADS)),
    "an array": json.dumps(JSON_LEADS),
    "an indented array": json.dumps(JSON_LEADS, indent=2),
    "indented objects": "\n".join(json.dumps(lead, indent=2) for lead in JSON_LEADS),
    "objects with commas": ",\n".join(json.dumps(lead, indent=2) for lead in JSON_LEADS),
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-16"])
@pytest.mark.parametrize("text", JSON_SHAPES.values(), ids=JSON_SHAPES.keys())
def test_json_of_every_shape_is_a_table(text: str, encoding: str):
    parsed = table(text.encode(encoding))
    assert parsed.rows == 2
    assert parsed.names == ("id", "n", "won", "s", "big")
    np.testing.assert_array_equal(parsed.columns_for({"n": NUMBER})["n"], [1250, 0.5])
    assert strings(parsed, "won") == ["true", "false"]
    assert strings(parsed, "big") == ["123456789012345678", None]
    assert find_json(text.encode(encoding), "leads") is not None


def test_a_pair_of_escapes_in_json_is_one_character():
    assert strings(table(rb'{"a": "\ud83d\ude00", "b": 1}'), "a") == ["\U0001f600"]


def test_numbers_of_json_have_a_point_before_decimals():
    lines = "\n".join(f'{{"a": "x", "n": {i}.250}}' for i in range(1, 9))
    assert table(lines).columns_for({"n": NUMBER})["n"][0] == 1.25


def test_lists_and_objects_in_json_are_told():
    parsed = table('{"a": 1, "b": [1], "c": {"d": 1}}\n{"a": 2}\n')
    assert list(parsed.unusable) == ["b", "c"]


def test_objects_know_their_lines():
    leads = find_json(json.dumps(JSON_LEADS, indent=2).encode(), "leads") or []
    assert [lead.line for lead in leads] == [2, 9]


@given(st.binary(max_size=200))
@settings(deadline=None)
def test_no_bytes_raise_anything_else(content: bytes):
    try:
        parsed = table(content)
    except InputError:
        return
    assert parsed.rows >= 1
    assert len(parsed.names) >= 2


@given(
    st.lists(
        st.lists(st.text(st.characters(exclude_categories=("Cs", "Cc"))), min_size=2, max_size=2),
        min_size=1,
    )
)
@settings(deadline=None)
def test_quoted_cells_come_back(rows: list[list[str]]):
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in row) for row in rows]
    parsed = table("a,b\n" + "\n".join(lines) + "\n")
    expected = [row[0] if row[0].strip() else None for row in rows]
    assert strings(parsed, "a") == expected


def test_files(tmp_path: Path):
    content = gzip.compress(b"a,b\n1,2\n")
    path = tmp_path / "leads.csv.gz"
    path.write_bytes(content)
    assert read_table(path).sha256 == hashlib.sha256(content).hexdigest()
    with pytest.raises(InputError, match="is a folder"):
        read_table(tmp_path)
    with pytest.raises(InputError, match="no file"):
        read_table(tmp_path / "absent.csv")


def parquet(store_schema: bool = True, **columns: Any) -> bytes:
    sink = pa.BufferOutputStream()
    pq.write_table(pa.table(columns), sink, store_schema=store_schema)
    return bytes(sink.getvalue().to_pybytes())


def test_parquet():
    parsed = table(
        parquet(
            n=pa.array([1, None, 3]),
            d=pa.array([1.5, float("nan"), float("inf")]),
            b=pa.array([True, None, False]),
            s=pa.array(["x", None, " "]),
            level=pa.array(["u", "v", "u"]).dictionary_encode(),
            t=pa.array([datetime(1970, 1, 2, tzinfo=UTC), None, None]),
            day=pa.array([date(1970, 1, 3), None, None]),
            opens=pa.array([time(14, 30), None, time(0, 0, 0, 1500)]),
            price=pa.array([Decimal("1.25"), None, Decimal("-3")]),
            owner=pa.array([UUID(int=5).bytes, None, None], pa.uuid()),
            nested=pa.array([[1], [2], None]),
        )
    )
    assert parsed.names == ("n", "d", "b", "s", "level", "t", "day", "opens", "price", "owner")
    assert list(parsed.unusable) == ["nested"]
    numbers = parsed.columns_for({"n": NUMBER, "d": NUMBER, "t": DATE, "day": DATE})
    np.testing.assert_array_equal(numbers["n"], [1, np.nan, 3])
    np.testing.assert_array_equal(numbers["d"], [1.5, np.nan, np.nan])
    np.testing.assert_array_equal(numbers["t"], [86_400_000, np.nan, np.nan])
    np.testing.assert_array_equal(numbers["day"], [2 * 86_400_000, np.nan, np.nan])
    of_types = parsed.columns_for({"opens": NUMBER, "price": NUMBER})
    np.testing.assert_array_equal(of_types["opens"], [52_200_000, np.nan, 1.5])
    np.testing.assert_array_equal(of_types["price"], [1.25, np.nan, -3])
    assert strings(parsed, "owner") == [str(UUID(int=5)), None, None]
    assert strings(parsed, "b") == ["true", None, "false"]
    assert strings(parsed, "s") == ["x", None, None]
    assert strings(parsed, "level") == ["u", "v", "u"]
    assert strings(parsed, "n") == ["1", None, "3"]


def test_parquet_without_rows():
    with pytest.raises(InputError, match="no rows"):
        table(parquet(a=pa.array([], pa.int64())))


def test_a_parquet_whose_names_are_no_utf8_is_refused():
    content = parquet(store_schema=False, lead_id=pa.array(["a"]), other=pa.array(["b"]))
    with pytest.raises(InputError, match="not a readable Parquet file: 'utf-8' codec"):
        table(content.replace(b"lead_id", b"le\xffd_id"))


def test_a_parquet_whose_texts_are_no_utf8_is_refused():
    content = parquet(a=pa.array(["wörds"]), b=pa.array([1]))
    with pytest.raises(InputError, match="not a readable Parquet file: 'utf-8' codec"):
        table(content.replace("wörds".encode(), b"w\xc3(rds"))


def test_times_of_no_calendar_are_missing():
    moments = [2**60, -(2**60), 253_402_300_799_999, 253_402_300_800_000, -62_135_596_800_000]
    parsed = table(parquet(t=pa.array(moments, pa.timestamp("ms")), n=pa.array([0] * 5)))
    known = [np.nan, np.nan, 253_402_300_799_999, np.nan, -62_135_596_800_000]
    np.testing.assert_array_equal(parsed.columns_for({"t": DATE})["t"], known)
    years = [None if text is None else text[:4] for text in strings(parsed, "t")]
    assert years == [None, None, "9999", None, "0001"]


def test_a_file_that_unpacks_to_a_thousand_times_its_size_is_refused_for_little_memory():
    zeros = gzip.compress(bytes(2**20), mtime=0) * 100
    tracemalloc.start()
    with pytest.raises(InputError, match=r"unpacks to more than 100 times"):
        table(zeros)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 4 * ALWAYS_UNPACKED


def test_a_gzip_of_several_parts_is_read_to_its_end():
    assert table(gzip.compress(b"a,b\n1,2\n") + gzip.compress(b"3,4\n")).rows == 2


def test_a_parquet_that_claims_more_cells_than_its_bytes_can_be_is_refused():
    with pytest.raises(InputError, match="claims 30000000 rows of 1 columns"):
        table(parquet(a=pa.nulls(30_000_000, pa.int64())))


def test_a_long_text_in_many_rows_of_a_parquet_is_one_text():
    word = "x" * 1_000_000
    column = pa.DictionaryArray.from_arrays([0] * 5000, [word])
    content = parquet(store_schema=False, a=column, n=pa.array([1] * 5000))
    before = pa.total_allocated_bytes()
    tracemalloc.start()
    cells = strings(table(content), "a")
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(cells) == 5000
    assert set(cells) == {word}
    assert peak < 50_000_000
    assert pa.total_allocated_bytes() - before < 50_000_000


def test_a_field_without_a_column_is_missing():
    columns = table("a,b\n1,2\n").columns_for({"x": NUMBER, "y": CATEGORY})
    assert np.isnan(columns["x"]).all()
    assert columns["y"] == [None]


def test_a_cell_of_the_wrong_type_is_named():
    with pytest.raises(InputError, match=r"column 'a\.b', row 2: expected a number, came 'x'"):
        table("a.b,c\n1,2\nx,3\n").columns_for({"a_b": NUMBER})
    with pytest.raises(InputError, match="row 1: expected a time"):
        table("a,b\nx,3\n").columns_for({"a": DATE})


def test_finding_a_column():
    parsed = table("emp.var.rate,Age,y\n1,2,3\n")
    assert parsed.find("emp.var.rate", "--target") == "emp_var_rate"
    assert parsed.find("emp_var_rate", "--target") == "emp_var_rate"
    with pytest.raises(InputError, match=r"no column 'age' \(--exclude\). Did you mean 'Age'"):
        parsed.find("age", "--exclude")
    with pytest.raises(InputError, match=r"Its columns: emp\.var\.rate, Age, y"):
        parsed.find("zzzzzz", "--target")


def test_parts_of_a_table():
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
def test_field_names(column: str, name: str):
    assert field_name(column) == name


def test_a_file_s_name_that_differs_in_form_from_a_model_s_field_is_not_ambiguous():
    names = FieldNames({"lead_source": "lead_source", "Job": "Job"})
    table = parse_table(b"Lead Source,job\nweb,cto\n", "leads.csv").with_fields_of(names)
    assert table.names == ("lead_source", "Job")


@pytest.mark.parametrize(
    ("city", "encoding"),
    [("Да", "cp1251"), ("Ναι", "cp1253"), ("Łódź", "cp1250"), ("東京", "shift_jis")],
)
def test_a_short_text_of_another_encoding_is_in_doubt_and_the_encoding_is_named(
    city: str, encoding: str
):
    content = f"city,n\n{city},1\n".encode(encoding)
    [remark] = table(content).remarks
    assert re.search(rf"give --encoding \(.*{encoding}.* fit its bytes, too\)$", remark)
    assert table(content, encoding).columns["city"].strings() == [city]


def test_an_encoding_that_reads_the_same_letters_is_no_alternative():
    [remark] = table("city,n\nMünchen,1\n".encode("cp1252")).remarks
    assert remark.endswith("give --encoding")
