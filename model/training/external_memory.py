"""Boosting on blocks of rows, which XGBoost keeps on disk: its external memory.

In memory, a booster needs the rows, their masked copies, and XGBoost's own quantised copy of both.
Here one block of them is in memory at a time, quantised blocks are files, and each tree reads them
again.

Source: XGBoost's documentation, "Using XGBoost External Memory Version".
"""

from __future__ import annotations

import math
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from features.spec import FeatureSpec
from model.training.boosting import BoostingParameters, boosted
from model.training.masking import with_masked_copies

__all__ = ["BLOCK_ROWS", "boost_from_disk"]

BLOCK_ROWS = 100_000
"""Rows of a block, without their copies."""


class _Blocks(xgboost.DataIter):  # type: ignore[misc]
    """Blocks of rows with their masked copies, as often as XGBoost asks for them."""

    def __init__(
        self,
        spec: FeatureSpec,
        matrix: NDArray[np.float32],
        labels: NDArray[np.bool_],
        *,
        seed: int,
        rows: int,
        prefix: str,
    ) -> None:
        super().__init__(cache_prefix=prefix, release_data=True)
        self._spec = spec
        self._matrix = matrix
        self._labels = labels
        self._seed = seed
        self._rows = rows
        self._next = 0

    def next(self, input_data: Callable[..., None]) -> bool:
        """Hand the next block over; return whether there was one."""
        if self._next >= math.ceil(len(self._matrix) / self._rows):
            return False
        block = slice(self._next * self._rows, (self._next + 1) * self._rows)
        seed = np.random.SeedSequence([self._seed, self._next]).generate_state(1)[0]
        # An array in memory: a block of a memory-mapped matrix is read once.
        rows, weights = with_masked_copies(self._spec, np.asarray(self._matrix[block]), int(seed))
        labels = np.tile(self._labels[block].astype(np.float32), 2)
        input_data(data=rows, label=labels, weight=weights)
        self._next += 1
        return True

    def reset(self) -> None:
        """Begin with the first block again."""
        self._next = 0


def boost_from_disk(
    spec: FeatureSpec,
    matrix: NDArray[np.float32],
    labels: NDArray[np.bool_],
    parameters: BoostingParameters,
    *,
    seed: int,
    threads: int,
    folder: Path,
    block_rows: int | None = None,
) -> Any:
    """Train the trees of one booster on rows and their masked copies, with blocks on disk.

    The copies are drawn block by block and the bins of the columns are those of all blocks, so the
    trees are others than ``boost``'s, and as good.

    Parameters
    ----------
    spec
        Whose fields the columns are.
    matrix
        float32, shape (n, columns), NaN where missing; may be memory-mapped.
    labels
        bool, shape (n,).
    parameters, seed, threads
        As for ``boost``.
    folder
        Where the blocks are, while the booster is trained: about 2 bytes for each cell of the rows
        and their copies.
    block_rows
        Rows of a block: the fewer, the less memory; None: ``BLOCK_ROWS``.

    Returns
    -------
    xgboost.Booster
    """
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix="xgboost-") as cache:
        blocks = _Blocks(
            *(spec, matrix, labels),
            seed=seed,
            rows=block_rows or BLOCK_ROWS,
            prefix=str(Path(cache) / "block"),
        )
        rows = xgboost.ExtMemQuantileDMatrix(blocks, nthread=threads)
        try:
            return boosted(rows, parameters, seed=seed, threads=threads)
        finally:
            del rows  # it holds the files open
