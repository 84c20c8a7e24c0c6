"""Exact Shapley values of a model's fields, if XGBoost and the model's own trees are available."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from model.serving.native import NativePredictor
from model.serving.prediction import Contributions, EngineMissingError
from model.serving.predictor import ModelFiles

__all__ = ["shapley_values"]

NATIVE = "model.ubj"
"""The only file with the number of training leads at each node, which Shapley values need."""


def shapley_values(model: ModelFiles, matrix: NDArray[np.float32]) -> Contributions | None:
    """Compute the exact Shapley values of some leads, on the logit scale before calibration.

    Parameters
    ----------
    model
        Has the model's files, whose hashes were checked.
    matrix
        float32, C-contiguous, shape (n, n_columns), n > 0; NaN where missing.

    Returns
    -------
    Contributions or None
        None where the model has no ``model.ubj`` or XGBoost is not installed.

    Raises
    ------
    BundleError
        The file is no model made by LeadScore.
    """
    if NATIVE not in model.files:
        return None
    try:
        return NativePredictor(model.files[NATIVE]).shapley_values(matrix)
    except EngineMissingError:
        return None
