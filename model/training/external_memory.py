"""Boosting on blocks of rows, of which memory has one: quantised blocks are in memory or on disk.

In memory, a booster needs the rows, their masked copies, and XGBoost's own quantised copy of both.
Here only the last is kept, a byte for most cells: in memory, or in files that each tree reads
again (XGBoost's external memory).

Source: XGBoost's documentation, "Using XGBoost External Memory Version".
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

from features.spec import FeatureSpec
from model.training.boosting import BoostingParameters, boosted
from model.training.masking import with_masked_copies
from model.training.trainer import Block

__all__ = ["BLOCK_ROWS", "boost_in_blocks"]

BLOCK_ROWS = 100_000
"""Rows of a block of a matrix, without their copies."""


class _Blocks(xgboost.DataIter):  # type: ignore[misc]
    """Blocks of rows with their masked copies, as often as XGBoost asks for them."""

    def __init__(
        self,
        spec: FeatureSpec,
        blocks: Callable[[], Iterator[Block]],
        *,
        seed: int,
        prefix: str | None,
    ) -> None:
        super().__init__(cache_prefix=prefix, release_data=True)
        self._spec = spec
        self._blocks = blocks
        self._seed = seed
        self.reset()

    def next(self, input_data: Callable[..., None]) -> bool:
        """Hand the next block over; return whether there was one."""
        found = next(self._rest, None)
        if found is None:
            return False
        number, (matrix, labels) = found
        seed = np.random.SeedSequence([self._seed, number]).generate_state(1)[0]
        rows, weights = with_masked_copies(self._spec, matrix, int(seed))
        input_data(data=rows, label=np.tile(labels.astype(np.float32), 2), weight=weights)
        return True

    def reset(self) -> None:
        """Start again with the first block."""
        self._rest = enumerate(self._blocks())


def boost_in_blocks(
    spec: FeatureSpec,
    matrix: NDArray[np.float32],
    labels: NDArray[np.bool_],
    parameters: BoostingParameters,
    *,
    seed: int,
    threads: int,
    folder: Path | None,
    block_rows: int | None = None,
    others: Iterable[Block] = (),
) -> Any:
    """Train the trees of one booster on rows and their masked copies, block by block.

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
        Where the quantised blocks are, while the booster is trained: about 2 bytes for each cell of
        the rows and their copies. None: in memory.
    block_rows
        Rows of a block: the fewer, the less memory; None: ``BLOCK_ROWS``.
    others
        Further blocks, which follow those of the matrix.

    Returns
    -------
    xgboost.Booster
    """
    size = block_rows or BLOCK_ROWS

    def blocks() -> Iterator[Block]:
        for start in range(0, len(matrix), size):
            block = slice(start, start + size)
            # An array in memory: a block of a memory-mapped matrix is read once.
            yield np.asarray(matrix[block]), labels[block]
        yield from others

    if folder is None:
        found = _Blocks(spec, blocks, seed=seed, prefix=None)
        return boosted(
            xgboost.QuantileDMatrix(found, nthread=threads), parameters, seed=seed, threads=threads
        )
    folder.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=folder, prefix="xgboost-") as cache:
        found = _Blocks(spec, blocks, seed=seed, prefix=str(Path(cache) / "block"))
        rows = xgboost.ExtMemQuantileDMatrix(found, nthread=threads)
        try:
            return boosted(rows, parameters, seed=seed, threads=threads)
        finally:
            del rows  # it holds the files open
