"""Files of scores: what each format holds."""

from __future__ import annotations

import csv
import json
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet
import pytest

from lake.writers import open_writer

REASON = pa.struct([("feature", pa.string()), ("value", pa.string()), ("contribution", "float64")])
SCHEMA = pa.schema(
    [("lead_id", pa.string()), ("score", pa.float64()), ("reasons", pa.list_(REASON))]
)
ROWS = [
    {
        "lead_id": "=1+1",
        "score": 0.1,
        "reasons": [{"feature": "a", "value": "x", "contribution": 0.2}],
    },
    {"lead_id": "L-2", "score": 0.7, "reasons": []},
]
TABLE = pa.Table.from_pylist(ROWS, SCHEMA)


def test_parquet_has_the_rows_and_says_which_model_made_them(tmp_path: Path) -> None:
    file = tmp_path / "a"
    with open_writer("parquet", file, SCHEMA, {"leadscore.model": "leads/4"}) as writer:
        writer.write(TABLE)
        writer.write(TABLE)
    table = pa.parquet.read_table(file)
    assert table.to_pylist() == ROWS * 2
    assert table.schema.metadata[b"leadscore.model"] == b"leads/4"
    assert table.schema.remove_metadata() == SCHEMA


def test_rows_are_written_in_row_groups_of_bounded_size(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("lake.writers.GROUP_ROWS", 3)
    with open_writer("parquet", tmp_path / "a", SCHEMA, {}) as writer:
        for _ in range(5):
            writer.write(TABLE)
    metadata = pa.parquet.read_metadata(tmp_path / "a")
    assert [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)] == [4, 4, 2]


def test_json_lines(tmp_path: Path) -> None:
    with open_writer("jsonl", tmp_path / "a", SCHEMA, {}) as writer:
        writer.write(TABLE)
    lines = (tmp_path / "a").read_text().splitlines()
    assert [json.loads(line) for line in lines] == ROWS


def test_csv_is_safe_in_a_spreadsheet(tmp_path: Path) -> None:
    with open_writer("csv", tmp_path / "a", SCHEMA, {}) as writer:
        writer.write(TABLE)
    with (tmp_path / "a").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["lead_id"] for row in rows] == ["'=1+1", "L-2"]
    assert rows[0]["reasons"].startswith("a x")


@pytest.mark.parametrize("shape", ["parquet", "jsonl", "csv"])
def test_no_rows_make_a_file_that_can_be_read(shape: str, tmp_path: Path) -> None:
    with open_writer(shape, tmp_path / "a", SCHEMA, {}):
        pass
    assert (tmp_path / "a").is_file()
    if shape == "parquet":
        assert pa.parquet.read_table(tmp_path / "a").schema.names == SCHEMA.names
