"""Threads that share the rows of a batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
from numpy.typing import NDArray

__all__ = ["SHARE_FROM_ROWS", "RowThreads"]

SHARE_FROM_ROWS = 256
"""Smallest batch that threads share: sharing a smaller one costs more than it saves."""


class RowThreads:
    """Runs a function on the rows of a batch, in several threads where that pays.

    Parameters
    ----------
    threads
        Number of threads.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._pool = ThreadPoolExecutor(threads, "model") if threads > 1 else None

    def run(
        self,
        compute: Callable[[NDArray[np.float32]], Sequence[NDArray[Any]]],
        matrix: NDArray[np.float32],
    ) -> Sequence[NDArray[Any]]:
        """Return arrays with an entry for each row, in the order of the rows.

        Parameters
        ----------
        compute
            Returns such arrays for some rows. It releases the interpreter's lock.
        matrix
            float32, C-contiguous, shape (n, n_columns).
        """
        if self._pool is None or len(matrix) < SHARE_FROM_ROWS:
            return compute(matrix)
        shares = np.array_split(matrix, self._threads)
        parts = self._pool.map(compute, shares)
        return [np.concatenate(arrays) for arrays in zip(*parts, strict=True)]
