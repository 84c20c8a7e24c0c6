"""Trees to one ONNX graph: probability, calibration and reasons in one pass over the trees.

Three choices make a score the same wherever it is computed:

- The margin is a target of its own, with the base inside the first tree's leaves: the trees are
  added in the trainer's order, in float32. A sum over the contributions would round apart.
- Calibration and sigmoid are in float64; their rounding is far below the score's last bit.
- Before the sigmoid the batch is padded by ``LANES - 1`` rows, which are cut off after it: a
  vectorised loop computes its last few values in another way than the rest, and so a lead's last
  bit would depend on its place in the batch.
"""

from __future__ import annotations

import numpy as np
import onnx
from numpy.typing import NDArray

from model.metadata import BundleError, BundleMetadata, Calibration
from model.serving.graph import fill_trees, graph_of
from model.serving.onnx_runtime import OnnxPredictor
from model.serving.prediction import Predictor
from model.training.trainer import Ensemble
from model.training.trees import ensemble_arrays

__all__ = ["check_parity", "parity", "to_onnx"]

PARITY = 1e-6
"""How far an ONNX score may be from the trainer's own."""
GAP_SHARE = 0.1
"""Share of values taken out of the training data to compare scores of leads with gaps."""
PARITY_ROWS = 8192


def to_onnx(ensemble: Ensemble, metadata: BundleMetadata) -> bytes:
    """Write a trained model as ONNX: the graph of its metadata, with its trees in it.

    ``model.serving.graph`` defines it. The same trees and metadata always give the same bytes.

    Parameters
    ----------
    ensemble
        Trees on the columns of the metadata's spec.
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
        The trees can't be exported, or are not on the spec's columns.
    """
    model = graph_of(metadata, metadata.to_json())
    fill_trees(model, ensemble_arrays(ensemble.trees(), metadata.spec, metadata.aspects))
    content: bytes = model.SerializeToString(deterministic=True)
    onnx.checker.check_model(content)
    return content


def parity(
    predictor: Predictor,
    ensemble: Ensemble,
    calibration: Calibration,
    matrix: NDArray[np.float32],
) -> float:
    """Measure how far a predictor's scores are from the trained model's own.

    Parameters
    ----------
    predictor
        What was exported and loaded again.
    ensemble
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
        margin = ensemble.margins(rows)
        difference = np.abs(predictor.predict(rows).probability - calibration.probability(margin))
        if np.isnan(difference).any():
            return float("inf")
        largest = max(largest, float(difference.max()))
    return largest


def check_parity(
    content: bytes, ensemble: Ensemble, calibration: Calibration, matrix: NDArray[np.float32]
) -> float:
    """Compare an exported model's scores of all leads, also with gaps, with the trainer's.

    Parameters
    ----------
    content
        The bytes of ``model.onnx``.
    ensemble, calibration, matrix
        See ``parity``.

    Returns
    -------
    float
        The largest absolute difference of two scores.

    Raises
    ------
    BundleError
        It is above ``PARITY``.
    """
    predictor = OnnxPredictor(content)
    gaps = np.random.default_rng(0).random(matrix.shape) < GAP_SHARE
    with_gaps = np.where(gaps, np.float32(np.nan), matrix)
    difference = max(parity(predictor, ensemble, calibration, rows) for rows in (matrix, with_gaps))
    if not difference <= PARITY:
        raise BundleError(
            f"The exported model's scores differ from the trainer's by up to {difference:.2g}; at "
            f"most {PARITY:g} is allowed, so there is no bundle. This is a defect of the export: "
            "please report it with the versions of xgboost and onnxruntime."
        )
    return difference
