"""XGBoost to one ONNX graph: probability, calibration and reasons in one pass over the trees.

Three choices make a score the same wherever it is computed:

- The margin is a target of its own, with the base inside the first tree's leaves: the trees are
  added in XGBoost's order, in XGBoost's precision. A sum over the contributions would round apart.
- Calibration and sigmoid are in float64; their rounding is far below the score's last bit.
- Before the sigmoid the batch is padded by ``LANES - 1`` rows, which are cut off after it: a
  vectorised loop computes its last few values in another way than the rest, and so a lead's last
  bit would depend on its place in the batch.
"""

from __future__ import annotations

import numpy as np
import onnx
import xgboost
from numpy.typing import NDArray

from model.metadata import METADATA_KEY, BundleMetadata, Calibration
from model.serving.graph import fill_trees, graph_of
from model.serving.prediction import Predictor
from model.training.trees import ensemble_arrays

__all__ = ["parity", "to_onnx", "to_ubj"]

PARITY_ROWS = 8192


def to_onnx(booster: xgboost.Booster, metadata: BundleMetadata) -> bytes:
    """Write a booster as ONNX: the graph of its metadata (``model.serving.graph``), with its trees.

    The same booster and metadata always give the same bytes.

    Parameters
    ----------
    booster
        Trees (``gbtree``) of objective ``binary:logistic`` on the columns of the metadata's spec.
    metadata
        Goes into the file as it is; the calibration in it is built into the graph.

    Returns
    -------
    bytes
        A model with input ``features`` float32 (n, n_columns), NaN where missing, and outputs
        ``probability`` float32 (n, 1), ``reason_field`` int64 (n, k) and ``reason_value`` float32
        (n, k), the k fields that moved the margin most, ``contributions`` float32 (n, n_fields)
        and, where some field has several aspects, ``aspects`` float32 (n, n_aspects).

    Raises
    ------
    ValueError
        The booster is of another kind, or not on the spec's columns.
    """
    model = graph_of(metadata, metadata.to_json())
    fill_trees(model, ensemble_arrays(booster, metadata.spec, metadata.aspects))
    content: bytes = model.SerializeToString(deterministic=True)
    onnx.checker.check_model(content)
    return content


def to_ubj(booster: xgboost.Booster, metadata: BundleMetadata) -> bytes:
    """Write a booster in XGBoost's own binary format, with the metadata as an attribute.

    Parameters
    ----------
    booster
        As for ``to_onnx``; it is not changed.
    metadata
        Goes into the file as it is.
    """
    copy = booster.copy()
    copy.feature_names = None
    copy.set_attr(**{METADATA_KEY: metadata.to_json()})
    return bytes(copy.save_raw("ubj"))


def parity(
    predictor: Predictor,
    booster: xgboost.Booster,
    calibration: Calibration,
    matrix: NDArray[np.float32],
) -> float:
    """Measure how far a predictor's scores are from the booster's own.

    Parameters
    ----------
    predictor
        What was exported and loaded again.
    booster
        What it was exported from.
    calibration
        From margins to probabilities.
    matrix
        float32, shape (n, n_columns), NaN where missing: the whole training data.

    Returns
    -------
    float
        The largest absolute difference of two scores; infinite where one of them is NaN.
    """
    largest = 0.0
    for start in range(0, len(matrix), PARITY_ROWS):
        rows = matrix[start : start + PARITY_ROWS]
        margin = booster.predict(xgboost.DMatrix(rows), output_margin=True)
        difference = np.abs(predictor.predict(rows).probability - calibration.probability(margin))
        if np.isnan(difference).any():
            return float("inf")
        largest = max(largest, float(difference.max()))
    return largest
