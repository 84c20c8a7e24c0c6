"""Gradient-boosted trees: XGBoost on a bare float32 array."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import xgboost
from numpy.typing import NDArray

__all__ = [
    "RECIPE",
    "BoostingParameters",
    "average",
    "boost",
    "boost_base_rate",
    "boosted",
    "margins",
]


@dataclass(frozen=True, slots=True)
class BoostingParameters:
    """Parameters of the trees.

    Attributes
    ----------
    boosters
        How many boosters, each of its own seed, are averaged.
    trees
        Trees of each booster.
    """

    boosters: int = 1
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


RECIPE = BoostingParameters(boosters=6, trees=50, eta=0.18)
"""The project's: 300 trees that six seeds share. Measured: docs/adr/0011."""


def boost(
    matrix: NDArray[np.float32],
    labels: NDArray[np.bool_],
    parameters: BoostingParameters,
    *,
    weights: NDArray[np.float32] | None = None,
    seed: int,
    threads: int,
) -> Any:
    """Train the trees of one booster.

    Parameters
    ----------
    matrix
        float32, shape (n, columns); NaN is missing.
    labels
        bool, shape (n,).
    parameters
        Parameters of the trees.
    weights
        float32, shape (n,); None: 1 each.
    seed
        Seed of the sampling of rows and columns.
    threads
        How many to use; the trees are the same.

    Returns
    -------
    xgboost.Booster
    """
    rows = xgboost.DMatrix(matrix, labels.astype(np.float32), weight=weights, nthread=threads)
    return boosted(rows, parameters, seed=seed, threads=threads)


def boosted(rows: Any, parameters: BoostingParameters, *, seed: int, threads: int) -> Any:
    """Train the trees of one booster on a matrix of XGBoost's, which has labels and weights.

    Parameters
    ----------
    rows
        xgboost.DMatrix
    parameters, seed, threads
        As for ``boost``.

    Returns
    -------
    xgboost.Booster
    """
    settings = parameters.as_dict()
    trees = settings.pop("trees")
    del settings["boosters"]
    settings |= {
        "objective": "binary:logistic",
        "tree_method": "hist",
        "seed": seed,
        "nthread": threads,
        "verbosity": 0,
    }
    return xgboost.train(settings, rows, num_boost_round=trees)


def average(boosters: Sequence[Any]) -> Any:
    """Return one booster whose margins are the mean of others'.

    It has all their trees, each leaf divided by the number of boosters.

    Parameters
    ----------
    boosters
        Trained by ``boost`` on the same labels and weights: they start from one base score.

    Raises
    ------
    ValueError
        They start from different base scores.
    """
    models = [json.loads(booster.save_raw("json")) for booster in boosters]
    merged = models[0]
    bases = {model["learner"]["learner_model_param"]["base_score"] for model in models}
    if len(bases) > 1:
        raise ValueError(f"boosters to average should have one base score, but they have {bases}")
    ensemble = merged["learner"]["gradient_booster"]["model"]
    trees = [
        tree for model in models for tree in model["learner"]["gradient_booster"]["model"]["trees"]
    ]
    for number, tree in enumerate(trees):
        tree["id"] = number
        tree["split_conditions"] = [
            value / len(boosters) if left == -1 else value
            for value, left in zip(tree["split_conditions"], tree["left_children"], strict=True)
        ]
        tree["base_weights"] = [weight / len(boosters) for weight in tree["base_weights"]]
    ensemble["trees"] = trees
    ensemble["tree_info"] = [0] * len(trees)
    ensemble["iteration_indptr"] = list(range(len(trees) + 1))
    ensemble["gbtree_model_param"]["num_trees"] = str(len(trees))
    return xgboost.Booster(model_file=bytearray(json.dumps(merged).encode()))


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
