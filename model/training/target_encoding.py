"""Target encoding of categories with many levels.

A level's value is the share of positives among its leads, drawn towards the share of all leads as
far as the level is rare [1]_; category_encoders computes it, with its defaults.

References
----------
.. [1] D. Micci-Barreca, "A preprocessing scheme for high-cardinality categorical attributes in
   classification and prediction problems", SIGKDD Explorations 3(1), 2001.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from category_encoders import TargetEncoder
from numpy.typing import NDArray

from features.field_spec import CategoryField, normalise_level
from features.personal import WITHHELD
from model.training.folds import folds

__all__ = ["CROSS_FIT_FOLDS", "cross_fitted", "fit_target_encoding"]

CROSS_FIT_FOLDS = 5


def fit_target_encoding(
    name: str, values: Sequence[str | None], labels: NDArray[np.bool_]
) -> CategoryField:
    """Fit the encoding of a category.

    Parameters
    ----------
    name
        The field.
    values
        The training leads' levels, as they came; None is missing, ``WITHHELD`` is no level.
    labels
        bool, the same length: whether the lead was a positive.

    Returns
    -------
    CategoryField
        With each level's value, and the share of all positives as the prior of unseen levels.
    """
    levels = [None if value is None else normalise_level(value) for value in values]
    seen = tuple(sorted({level for level in levels if level not in (None, WITHHELD)}))
    prior = float(labels.mean())
    if not seen:  # all leads of a fold may lack the levels that others have
        return CategoryField(name=name, encoding="target", levels=(), prior=prior)
    encoder = TargetEncoder(cols=[name])
    encoder.fit(_frame(name, levels), pd.Series(labels.astype(np.float64)))
    encoded = encoder.transform(_frame(name, seen))[name]
    return CategoryField(
        name=name,
        encoding="target",
        levels=seen,
        values=tuple(float(value) for value in encoded),
        prior=prior,
    )


def cross_fitted(
    name: str,
    values: NDArray[np.object_],
    labels: NDArray[np.bool_],
    seed: int,
    groups: NDArray[np.int64] | None = None,
) -> NDArray[np.float32]:
    """Encode training leads, each by an encoding fitted without its own fold.

    A model that is trained on this sees the same kind of values as when it is used: none that
    holds the lead's own label.

    Parameters
    ----------
    name
        The field.
    values
        Their levels, shape (n,).
    labels
        bool, shape (n,).
    seed
        Seed of the folds.
    groups
        int64, shape (n,): rows with the same number are in the same fold. None: none are.

    Returns
    -------
    ndarray of float32, shape (n,)
        NaN where the level is missing.
    """
    encoded = np.full(len(values), np.nan, dtype=np.float32)
    for training, own in folds(labels, CROSS_FIT_FOLDS, seed, groups):
        field = fit_target_encoding(name, values[training].tolist(), labels[training])
        known = dict(zip(field.levels, field.values, strict=True))
        for row in own:
            level = None if values[row] is None else normalise_level(values[row])
            if level is not None:
                encoded[row] = known.get(level, field.prior)
    return encoded


def _frame(name: str, levels: Sequence[str | None]) -> pd.DataFrame:
    return pd.DataFrame({name: pd.Series(list(levels), dtype=object)})
