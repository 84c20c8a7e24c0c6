"""A data set is in memory in part; the rest is read block by block."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pytest

from agents.retraining.point_in_time import LabelCounts
from features.table_file import read_table
from stream.retraining.data_rows import DataRows
from stream.retraining.data_set import FILE, TARGET, DataSet

ROWS = 100


@pytest.fixture
def data(tmp_path: Path) -> DataSet:
    numbers = np.arange(ROWS)
    table = pa.table({"number": numbers.astype(float), TARGET: numbers % 3 == 0})
    path = tmp_path / FILE
    pyarrow.parquet.write_table(table, path, row_group_size=30)
    return DataSet(path, read_table(path).sha256, numbers, 34, LabelCounts(), ())


def numbers_in(table: object) -> list[int]:
    return [int(value) for value in table.columns["number"].numbers()]  # type: ignore[attr-defined]


def test_labels_are_those_of_all_rows(data: DataSet) -> None:
    assert np.array_equal(DataRows(data).converted, np.arange(ROWS) % 3 == 0)


def test_a_table_that_fits_is_read_whole_with_its_identity(data: DataSet) -> None:
    whole, others = DataRows(data).training(ROWS, ROWS, seed=1)
    assert (numbers_in(whole), others, whole.sha256) == (list(range(ROWS)), None, data.sha256)
    part, others = DataRows(data).training(40, 40, seed=1)
    assert (numbers_in(part), others) == (list(range(40)), None)
    assert part.sha256 == read_table(data.path).slice(0, 40).sha256


def test_more_is_a_sample_in_memory_and_the_others_on_disk(data: DataSet) -> None:
    rows = DataRows(data)
    sample, others = rows.training(80, 25, seed=1)
    drawn = numbers_in(sample)
    assert (len(drawn), drawn) == (25, sorted(drawn))
    assert others is not None
    rest = [n for _, table in others.file.tables(others.chosen) for n in numbers_in(table)]
    assert sorted(drawn + rest) == list(range(80))
    assert (others.rows, others.positives) == (55, sum(n % 3 == 0 for n in rest))
    assert others.sha256 == rows.training(80, 80, seed=1)[0].sha256
    again = [numbers_in(rows.training(80, 25, seed=seed)[0]) == drawn for seed in (1, 2)]
    assert again == [True, False]


def test_the_latest_rows_come_in_blocks(data: DataSet) -> None:
    rows = DataRows(data)
    assert [numbers_in(table) for table in rows.latest(85)] == [
        [85, 86, 87, 88, 89],
        [*range(90, 100)],
    ]
    assert rows.latest_columns(98, "number").names == ("number",)
