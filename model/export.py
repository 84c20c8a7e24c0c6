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

from typing import Any

import numpy as np
import onnx
import xgboost
from numpy.typing import ArrayLike, NDArray
from onnx import TensorProto, helper, numpy_helper

from model.metadata import METADATA_KEY, BundleMetadata, Calibration
from model.prediction import Predictor
from model.trees import ensemble_node

__all__ = ["parity", "to_onnx", "to_ubj"]

LANES = 16
"""As many values as the widest vector instructions hold."""
OPSET = 17
OPSET_ML = 3
IR_VERSION = 8
PARITY_ROWS = 8192


def to_onnx(booster: xgboost.Booster, metadata: BundleMetadata) -> bytes:
    """Write a booster as ONNX, with calibration, reasons and metadata.

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
        (n, k), the k fields that moved the margin most, and ``contributions`` float32
        (n, n_fields).

    Raises
    ------
    ValueError
        The booster is of another kind, or not on the spec's columns.
    """
    spec = metadata.spec
    graph = helper.make_graph(
        [
            *_with_and_without_nan(),
            ensemble_node(booster, spec, source="twice", result="targets"),
            *_nodes(),
        ],
        "lead_score",
        [_value("features", TensorProto.FLOAT, len(spec.columns))],
        [
            _value("probability", TensorProto.FLOAT, 1),
            _value("reason_field", TensorProto.INT64, metadata.top_k),
            _value("reason_value", TensorProto.FLOAT, metadata.top_k),
            _value("contributions", TensorProto.FLOAT, len(spec.fields)),
        ],
        initializer=_constants(metadata),
    )
    model = helper.make_model(
        graph,
        producer_name=METADATA_KEY,
        opset_imports=[helper.make_opsetid("", OPSET), helper.make_opsetid("ai.onnx.ml", OPSET_ML)],
        ir_version=IR_VERSION,
    )
    model.metadata_props.add(key=METADATA_KEY, value=metadata.to_json())
    onnx.checker.check_model(model)
    content: bytes = model.SerializeToString(deterministic=True)
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


def _with_and_without_nan() -> list[onnx.NodeProto]:
    node = helper.make_node
    return [
        node("IsNaN", ["features"], ["is_missing"]),
        node("Where", ["is_missing", "lowest", "features"], ["low"]),
        node("Concat", ["features", "low"], ["twice"], axis=1),
    ]


def _nodes() -> list[onnx.NodeProto]:
    node = helper.make_node
    return [
        node("Slice", ["targets", "zero", "n_fields", "one"], ["contributions"]),
        node("Slice", ["targets", "n_fields", "n_targets", "one"], ["margin"]),
        node("Cast", ["margin"], ["margin_64"], to=TensorProto.DOUBLE),
        node("Mul", ["margin_64", "slope"], ["scaled"]),
        node("Add", ["scaled", "intercept"], ["logit"]),
        node("Concat", ["logit", "padding"], ["padded_logit"], axis=0),
        node("Sigmoid", ["padded_logit"], ["padded_probability"]),
        node("Slice", ["padded_probability", "zero", "unpad", "zero"], ["probability_64"]),
        node("Cast", ["probability_64"], ["probability"], to=TensorProto.FLOAT),
        node("Abs", ["contributions"], ["size"]),
        node("TopK", ["size", "k"], ["reason_size", "reason_field"], axis=1),
        node("GatherElements", ["contributions", "reason_field"], ["reason_value"], axis=1),
    ]


def _constants(metadata: BundleMetadata) -> list[onnx.TensorProto]:
    n_fields = len(metadata.spec.fields)
    integers = {
        "zero": 0,
        "one": 1,
        "k": metadata.top_k,
        "n_fields": n_fields,
        "n_targets": n_fields + 1,
        "unpad": 1 - LANES,
    }
    calibration = metadata.calibration
    floats: dict[str, ArrayLike] = {
        "slope": calibration.slope,
        "intercept": calibration.intercept,
        "padding": np.zeros((LANES - 1, 1)),
    }
    return [
        *(_constant(name, np.array([value], np.int64)) for name, value in integers.items()),
        *(_constant(name, np.array(value, np.float64)) for name, value in floats.items()),
        _constant("lowest", np.array(-np.inf, np.float32)),
    ]


def _constant(name: str, value: NDArray[Any]) -> onnx.TensorProto:
    return numpy_helper.from_array(value, name)


def _value(name: str, element_type: int, width: int) -> onnx.ValueInfoProto:
    return helper.make_tensor_value_info(name, element_type, ["n", width])
