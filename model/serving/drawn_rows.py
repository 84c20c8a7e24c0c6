"""Rows that are hard to score: drawn from a model's own thresholds."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.metadata import BundleMetadata
from model.serving.ensemble import TreeArrays

__all__ = ["draw_rows"]

ROWS = 512
HARD = np.array([np.nan, np.inf, -np.inf, 0.0, -0.0, 1e-42, -1e-42, 3e38, -3e38], np.float32)
"""Missing, infinite, denormal and large values."""
INFINITIES = np.array([-np.inf, np.inf], np.float32)


def draw_rows(trees: TreeArrays, metadata: BundleMetadata, n: int = ROWS) -> NDArray[np.float32]:
    """Draw rows whose values meet the thresholds, or are just beside them, or are hard.

    The same model always gives the same rows.

    Parameters
    ----------
    trees
        A valid ensemble.
    metadata
        Metadata of its model.
    n
        Number of rows.

    Returns
    -------
    array
        float32, shape (n, n_columns).
    """
    random = np.random.default_rng(0)
    n_columns = len(metadata.spec.columns)
    rows = np.empty((n, n_columns), np.float32)
    column = trees.column % n_columns
    for at in range(n_columns):
        thresholds = trees.threshold[trees.is_branch & (column == at)].astype(np.float32)
        met = random.choice(thresholds, n) if len(thresholds) else np.zeros(n, np.float32)
        beside = np.nextafter(met, random.choice(INFINITIES, n))
        ways = [met, beside, met + random.normal(size=n), random.choice(HARD, n)]
        rows[:, at] = np.choose(random.choice(4, n, p=[0.3, 0.2, 0.35, 0.15]), ways)
    return rows
