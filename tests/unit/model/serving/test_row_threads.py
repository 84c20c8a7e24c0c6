from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from model.serving.row_threads import SHARE_FROM_ROWS, RowThreads


def doubled(sizes: list[int]) -> Any:
    def compute(rows: Any) -> list[Any]:
        sizes.append(len(rows))
        return [rows[:, 0] * 2, rows]

    return compute


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_threads_share_a_large_batch_and_keep_its_order(threads: int) -> None:
    sizes: list[int] = []
    matrix = np.arange(2 * SHARE_FROM_ROWS, dtype=np.float32).reshape(-1, 2)
    first, rows = RowThreads(threads).run(doubled(sizes), matrix)
    np.testing.assert_array_equal(first, matrix[:, 0] * 2)
    np.testing.assert_array_equal(rows, matrix)
    assert sum(sizes) == SHARE_FROM_ROWS
    assert len(sizes) == threads


def test_threads_share_no_small_batch() -> None:
    sizes: list[int] = []
    RowThreads(2).run(doubled(sizes), np.zeros((SHARE_FROM_ROWS - 1, 2), np.float32))
    assert sizes == [SHARE_FROM_ROWS - 1]
