"""ONNX Runtime: the same bits in any batch, with any number of threads."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from features.field_spec import NumberField
from features.spec import FeatureSpec
from model.metadata import BundleError
from model.serving.onnx_runtime import OnnxPredictor
from tests.unit.model.serving.test_predictor import arrays
from tests.unit.small_booster import Trained


@pytest.fixture(scope="module")
def large(trainer: Any) -> Any:
    """200 trees: as many as ONNX Runtime shares among its threads, if it is given any."""
    spec = FeatureSpec(fields=tuple(NumberField(name=f"x{i}") for i in range(50)))
    return trainer(spec, rows=4096, trees=200)


@pytest.mark.parametrize("threads", [1, 2])
@pytest.mark.parametrize("size", [1, 2, 3, 31, 50, 127, 128, 500, 1023])
def test_a_lead_has_the_same_score_to_the_bit_in_any_batch(
    large: Any, threads: int, size: int
) -> None:
    predictor = OnnxPredictor(large.onnx, threads=threads)
    matrix = large.matrix[: max(512, size)]
    whole = arrays(OnnxPredictor(large.onnx), large.matrix)
    for start in range(0, len(matrix), size):
        part = arrays(predictor, matrix[start : start + size])
        for found, expected in zip(part, whole, strict=True):
            np.testing.assert_array_equal(found, expected[start : start + size][: len(found)])


def test_threads_share_a_large_batch_and_keep_its_order(large: Any) -> None:
    for found, expected in zip(
        arrays(OnnxPredictor(large.onnx, threads=3), large.matrix),
        arrays(OnnxPredictor(large.onnx), large.matrix),
        strict=True,
    ):
        np.testing.assert_array_equal(found, expected)


def test_without_reasons_the_scores_are_the_same_and_reasons_have_no_columns(
    trained: Trained,
) -> None:
    with_reasons = OnnxPredictor(trained.onnx).predict(trained.matrix[:9])
    without = OnnxPredictor(trained.onnx, reasons=False).predict(trained.matrix[:9])
    np.testing.assert_array_equal(without.probability, with_reasons.probability)
    assert without.reason_field.shape == without.reason_value.shape == (9, 0)


def test_bytes_that_are_no_model_are_refused() -> None:
    with pytest.raises(BundleError, match=r"model\.onnx should be an ONNX file"):
        OnnxPredictor(b"\xff" * 20)
