"""Copies of training rows with fields that miss: trees learn from them what a missing value says.

Where a column never misses in training, XGBoost learns no direction for a missing value, and sends
it to the same side of every split: a lead of which nothing is known then scores as the best or the
worst there is. The copies have a small weight, so that complete leads score as before.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.binning import unmeasured_reference
from features.matrix import FeatureEncoder
from features.spec import FeatureSpec
from schemas.fields import FieldKind

__all__ = ["MASKED_WEIGHT", "missing_row", "with_masked_copies"]

MASKED_WEIGHT = 0.25
"""Weight of a copy; the row itself has 1. Measured: docs/adr/0011."""


def with_masked_copies(
    spec: FeatureSpec, matrix: NDArray[np.float32], seed: int
) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
    """Append a copy of each row with some of its fields missing.

    Each copy has a rate of its own, drawn evenly from 0 to 1, at which its fields miss: so there
    are copies that lack one field, and copies that lack all.

    Parameters
    ----------
    spec
        Whose fields the columns are.
    matrix
        float32, shape (n, columns).
    seed
        Seed of the random numbers.

    Returns
    -------
    rows : ndarray of float32, shape (2 n, columns)
        The rows, then their copies.
    weights : ndarray of float32, shape (2 n,)
        1, and `MASKED_WEIGHT` of the copies.
    """
    drawn = np.random.default_rng(seed)
    rates = drawn.random((len(matrix), 1))
    is_gone = drawn.random((len(matrix), len(spec.fields))) < rates
    copies = np.where(is_gone[:, np.asarray(spec.field_of_column)], missing_row(spec), matrix)
    weights = np.repeat(np.array([1.0, MASKED_WEIGHT], dtype=np.float32), len(matrix))
    return np.concatenate([matrix, copies]), weights


def missing_row(spec: FeatureSpec) -> NDArray[np.float32]:
    """Return the columns of a lead of which nothing is known, float32, shape (columns,)."""
    nothing = {
        name: np.full(1, np.nan)
        if kind in (FieldKind.NUMBER, FieldKind.DATE)
        else np.full(1, None, dtype=object)
        for name, kind in spec.kinds.items()
    }
    row: NDArray[np.float32] = (
        FeatureEncoder(spec, unmeasured_reference(spec)).encode(nothing, 1).matrix[0]
    )
    return row
