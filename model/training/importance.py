"""How much each field moves a model's scores."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from features.spec import FeatureSpec
from model.training.trainer import Ensemble

__all__ = ["field_importance"]

ROWS = 10_000
"""Maximum training rows, evenly spaced: a share is then certain to a hundredth."""


def field_importance(
    ensemble: Ensemble, spec: FeatureSpec, matrix: NDArray[np.float32]
) -> dict[str, float]:
    """Divide the effect on the scores among the fields.

    Parameters
    ----------
    ensemble
        Trees on the columns of the spec.
    spec
        Which columns are which field's.
    matrix
        float32, shape (n, columns), NaN where missing: leads of the training data.

    Returns
    -------
    dict of str to float
        By field, in the spec's order: the mean absolute contribution (the one that reasons show,
        ADR 5) as a share of all fields'; they sum to 1. Empty where nothing moves the scores.
    """
    rows = np.unique(np.linspace(0, len(matrix) - 1, ROWS).astype(int))
    by_column = ensemble.contributions(matrix[rows])
    # Columns of a field may cancel out.
    by_field = np.zeros((len(rows), len(spec.fields)))
    for column, field in enumerate(spec.field_of_column):
        by_field[:, field] += by_column[:, column]
    strength = np.abs(by_field).mean(axis=0)
    if not strength.any():
        return {}
    shares = (strength / strength.sum()).tolist()
    return dict(zip(spec.kinds, shares, strict=True))
