"""Gradient-boosted trees: XGBoost on a bare float32 array."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

__all__ = ["BoostingParameters", "boost", "boost_base_rate", "margins"]


@dataclass(frozen=True, slots=True)
class BoostingParameters:
    """Parameters of the trees; the defaults are the project's recipe."""

    trees: int = 300
    max_depth: int = 4
    eta: float = 0.03
    subsample: float = 0.8
    colsample_bytree: float = 0.5
    min_child_weight: float = 3.0
    reg_lambda: float = 5.0

    def as_dict(self) -> dict[str, Any]:
        """Return the parameters by name, for JSON."""
        return asdict(self)


def boost(
    matrix: NDArray[np.float32],
    labels: NDArray[np.bool_],
    parameters: BoostingParameters,
    *,
    weights: NDArray[np.float32] | None = None,
    seed: int,
    threads: int,
) -> Any:
    """Train trees.

    Parameters
    ----------
    matrix
        float32, shape (n, columns); NaN is missing.
    labels
        bool, shape (n,).
    parameters
        Of the trees.
    weights
        float32, shape (n,); None: 1 each.
    seed
        Of the sampling of rows and columns.
    threads
        How many to use; the trees are the same.

    Returns
    -------
    xgboost.Booster
    """
    settings = parameters.as_dict()
    trees = settings.pop("trees")
    settings |= {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "seed": seed,
        "nthread": threads,
        "verbosity": 0,
    }
    rows = xgboost.DMatrix(matrix, labels.astype(np.float32), weight=weights, nthread=threads)
    return xgboost.train(settings, rows, num_boost_round=trees)


def boost_base_rate(columns: int, rate: float) -> Any:
    """Return trees that give every lead the same probability, with contributions of zero.

    Parameters
    ----------
    columns
        Number of columns of the matrix.
    rate
        The probability, above 0 and below 1.

    Returns
    -------
    xgboost.Booster
        One tree of a single leaf, of the value 0.
    """
    settings = {"objective": "binary:logistic", "base_score": rate, "eta": 0.0, "verbosity": 0}
    row = np.full((1, columns), np.nan, dtype=np.float32)
    return xgboost.train(settings, xgboost.DMatrix(row, [1.0], nthread=1), num_boost_round=1)


def margins(booster: Any, matrix: NDArray[np.float32]) -> NDArray[np.float32]:
    """Score leads on the logit scale, before calibration.

    Returns
    -------
    ndarray of float32, shape (n,)
    """
    rows = xgboost.DMatrix(matrix, nthread=1)
    return np.asarray(booster.predict(rows, output_margin=True), dtype=np.float32)
