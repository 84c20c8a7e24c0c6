"""Parquet read by batches: bounded, with partitions, and only the file of the plan."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet
import pytest

from lake.files import find_files
from lake.parquet_reader import (
    BATCH_ROWS,
    check_unchanged,
    open_parquet,
    read_batches,
    with_partitions,
)
from lake.plan import InputFile
from schemas.errors import InputError, StartupError


def write(file: Path, group: int, **columns: Any) -> InputFile:
    table = pa.table(columns)
    pa.parquet.write_table(table, file, row_group_size=group)
    [found] = find_files(str(file))
    return InputFile(
        url=found.url,
        size=found.size,
        version=found.version,
        rows=table.num_rows,
        partitions=dict(found.partitions),
    )


def test_row_groups_are_read_in_batches(tmp_path: Path) -> None:
    rows = 3 * BATCH_ROWS
    file = write(tmp_path / "a.parquet", BATCH_ROWS + 5, n=range(rows), other=["x"] * rows)
    batches = [*read_batches(file, (1, 3), ["n"], [])]
    assert [batch.column_names for batch in batches] == [["n"]] * len(batches)
    assert max(batch.num_rows for batch in batches) <= BATCH_ROWS
    found = [n for batch in batches for n in batch.column("n").to_pylist()]
    assert found == list(range(BATCH_ROWS + 5, rows))


def test_partitions_are_columns_and_win_over_those_of_the_file(tmp_path: Path) -> None:
    folder = tmp_path / "country=DE" / "n=7"
    folder.mkdir(parents=True)
    file = write(folder / "a.parquet", 10, n=[1, 2], m=[3, 4])
    [batch] = read_batches(file, (0, 1), ["m", "country", "n"], ["country"])
    assert batch.to_pylist() == [
        {"m": 3, "country": "DE", "n": "7"},
        {"m": 4, "country": "DE", "n": "7"},
    ]
    [only] = read_batches(file, (0, 1), ["country"], [])
    assert only.to_pylist() == [{"country": "DE"}] * 2


def test_a_partition_without_a_value_is_null() -> None:
    table = with_partitions(pa.table({"m": [1]}), {"country": None})
    assert table.to_pylist() == [{"m": 1, "country": None}]
    assert table.schema.field("country").type == pa.string()


def test_text_is_read_as_dictionaries(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", 10, word=["a", "b", "a"])
    [batch] = read_batches(file, (0, 1), ["word"], ["word"])
    assert pa.types.is_dictionary(batch.schema.field("word").type)
    assert batch.column("word").to_pylist() == ["a", "b", "a"]


def test_a_file_that_has_changed_since_the_plan_is_found(tmp_path: Path) -> None:
    file = write(tmp_path / "a.parquet", 10, n=[1, 2])
    write(tmp_path / "a.parquet", 10, n=[3, 4, 5])
    with pytest.raises(StartupError, match="has changed"):
        check_unchanged(file)
    (tmp_path / "a.parquet").unlink()
    with pytest.raises(InputError, match=r"a\.parquet"):
        check_unchanged(file)


@pytest.mark.parametrize("content", [b"", b"PAR1", b"no table at all", b"PAR1" + b"\0" * 40])
def test_a_damaged_file_is_named(content: bytes, tmp_path: Path) -> None:
    file = tmp_path / "a.parquet"
    file.write_bytes(content)
    with (
        pytest.raises(InputError, match=r"a\.parquet is not a readable Parquet file"),
        open_parquet(str(file)),
    ):
        pass
