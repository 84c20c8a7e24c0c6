"""Rows on disk are read by their numbers, whatever pieces they were written in."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest

from stream.retraining import row_spool
from stream.retraining.row_spool import RowSpool


def filled(path: Path, sizes: list[int]) -> RowSpool:
    spool, first = RowSpool(path), 0
    for size in sizes:
        numbers = range(first, first + size)
        texts = [None if n % 3 == 0 else f"lead {n}" for n in numbers]
        spool.append(pa.RecordBatch.from_pydict({"n": pa.array(numbers, pa.int64()), "t": texts}))
        first += size
    return spool


@pytest.mark.parametrize("least", [1, 7, 1000])
def test_rows_come_in_the_order_asked_for(
    least: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(row_spool, "CHUNK_ROWS", least)
    spool = filled(tmp_path / "rows", [5, 0, 1, 9, 4])
    for rows in ([18, 0, 5, 4, 6, 5], [3], list(range(19))):
        found = spool.take(np.array(rows))
        assert found["n"].to_pylist() == rows
        assert found["t"].to_pylist() == [None if n % 3 == 0 else f"lead {n}" for n in rows]


def test_rows_that_wait_are_bounded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(row_spool, "CHUNK_ROWS", 10)
    spool = filled(tmp_path / "rows", [6] * 50)
    assert sum(batch.num_rows for batch in spool._waiting) < 10
