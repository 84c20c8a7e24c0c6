"""CSV and JSON files of a data set: cells as `leadscore score FILE` reads them, bounded in size."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest

from lake import text_reader
from lake.parquet_reader import BATCH_ROWS
from lake.plan import InputFile
from lake.text_reader import is_text_file, read_text_batches, read_text_file
from schemas.errors import InputError


def put(file: Path, content: str | bytes) -> str:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(file)


def read(file: Path, content: str | bytes) -> list[dict[str, Any]]:
    return read_text_file(put(file, content), "1").to_pylist()


@pytest.mark.parametrize(
    ("name", "is_text"),
    [("a.csv", True), ("a.tsv.gz", True), ("a.jsonl", True), ("a.parquet", False), ("csv", False)],
)
def test_a_format_is_found_by_the_name(name: str, is_text: bool) -> None:
    assert is_text_file(name) is is_text


def test_cells_of_csv_are_text_whatever_the_separator_and_the_encoding(tmp_path: Path) -> None:
    rows = [{"lead_id": "01", "Größe": "1,5"}, {"lead_id": "2", "Größe": None}]
    text = "lead_id;Größe\n01;1,5\n2;\n"
    assert read(tmp_path / "a.csv", text) == rows
    assert read(tmp_path / "b.csv", text.encode("cp1252")) == rows
    assert read(tmp_path / "c.csv.gz", gzip.compress(text.encode())) == rows


def test_numbers_of_json_are_numbers_and_its_times_are_text(tmp_path: Path) -> None:
    lead = {"lead_id": "1", "n": 1.5, "at": "2026-05-31T09:30:00Z", "web": {"day": "2026-05-31"}}
    lines = f"{json.dumps(lead)}\n{json.dumps({'lead_id': '2', 'is_new': True})}\n"
    expected = [
        lead | {"is_new": None},
        {"lead_id": "2", "n": None, "at": None, "web": None, "is_new": True},
    ]
    assert read(tmp_path / "a.jsonl", lines) == expected
    array = json.dumps([lead, {"lead_id": "2", "is_new": True}], indent=1)
    assert read(tmp_path / "b.json", array) == expected


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.jsonl", '{"n": 1}\n{"n": "one"}\n', "values are of one type"),
        ("a.jsonl", '{"n": 1}\n{"n": \n', "expected to have an object for each lead"),
        ("a.csv", "a,b\n1,2,3\n", "ragged: line 2"),
        ("a.csv", "", "is empty"),
    ],
)
def test_a_damaged_file_is_named(name: str, content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message) as raised:
        read(tmp_path / name, content)
    assert name in str(raised.value)


@pytest.mark.parametrize(("name", "limit"), [("a.csv", "LARGEST"), ("a.csv.gz", "LARGEST_PACKED")])
def test_a_file_too_large_to_be_read_whole_is_refused(
    name: str, limit: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(text_reader, limit, 3)
    with pytest.raises(InputError, match="split it, or convert it to Parquet"):
        read(tmp_path / name, "a,b\n1,2\n")


def test_another_version_of_a_file_is_read_again(tmp_path: Path) -> None:
    url = put(tmp_path / "a.csv", "a,b\n1,2\n")
    assert read_text_file(url, "1").num_rows == 1
    put(tmp_path / "a.csv", "a,b\n1,2\n3,4\n")
    assert read_text_file(url, "2").num_rows == 2


def test_rows_are_read_in_batches_with_the_columns_of_partitions(tmp_path: Path) -> None:
    rows = BATCH_ROWS + 1
    url = put(tmp_path / "a=x" / "a.csv", "n,m\n" + "".join(f"{i},1\n" for i in range(rows)))
    file = InputFile(url=url, size=1, version="1", rows=rows, partitions={"a": "x"})
    batches = [*read_text_batches(file, ["a", "n"])]
    assert [batch.num_rows for batch in batches] == [BATCH_ROWS, 1]
    assert batches[1].to_pylist() == [{"n": str(BATCH_ROWS), "a": "x"}]
    only = pa.concat_tables(read_text_batches(file, ["a"]))
    assert (only.num_rows, only.column_names) == (rows, ["a"])
