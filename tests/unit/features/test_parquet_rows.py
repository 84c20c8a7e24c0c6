"""Rows of a Parquet file by row groups are those of the file as a whole."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from features.parquet_rows import ParquetRows
from features.table import Table
from features.table_file import read_table

ROWS = 25


@pytest.fixture
def path(tmp_path: Path) -> Path:
    table = pa.table(
        {
            "Pages viewed": pa.array([None if n % 4 == 0 else n / 2 for n in range(ROWS)]),
            "job": [None if n % 5 == 0 else f"job {n % 3}" for n in range(ROWS)],
            "won": [n % 2 == 0 for n in range(ROWS)],
            "created_at": [datetime(2026, 1, 1 + n, tzinfo=UTC) for n in range(ROWS)],
        }
    )
    path = tmp_path / "leads.parquet"
    pyarrow.parquet.write_table(table, path, row_group_size=7)
    return path


def cells(table: Table) -> dict[str, list[str | None]]:
    return {name: column.strings() for name, column in table.columns.items()}


def test_chosen_rows_are_those_of_the_whole_file(path: Path) -> None:
    rows, whole = ParquetRows(path), read_table(path)
    assert rows.rows == ROWS
    for chosen in ([0, 6, 7, 24], [8], list(range(ROWS))):
        mask = np.isin(np.arange(ROWS), chosen)
        found = rows.take(mask)
        assert cells(found) == cells(whole.take(np.array(chosen)))
        assert (found.rows, found.originals) == (len(chosen), whole.originals)


def test_chosen_rows_come_by_row_groups_with_their_numbers(path: Path) -> None:
    mask = np.isin(np.arange(ROWS), [3, 5, 15, 24])
    found = list(ParquetRows(path).tables(mask))
    assert [numbers.tolist() for numbers, _ in found] == [[3, 5], [15], [24]]
    assert [table.columns["job"].strings() for _, table in found] == [
        ["job 0", None],
        [None],
        ["job 0"],
    ]


def test_only_the_columns_asked_for_are_read(path: Path) -> None:
    rows = ParquetRows(path)
    assert [table.column_names for _, table in rows.blocks(["won"])] == [["won"]] * 4
    assert [first for first, _ in rows.blocks(["won"])] == [0, 7, 14, 21]
    assert rows.take(np.ones(ROWS, dtype=bool), ["job"]).names == ("job",)
