"""The engine for development: one score for every lead."""

from __future__ import annotations

import math

import numpy as np
import pytest

from model.serving.constant import ConstantPredictor
from tests.unit.model.serving.test_predictor import arrays


def test_the_constant_engine_gives_one_score_and_no_reasons() -> None:
    predictor = ConstantPredictor(2)
    probability, field, value, *moved = arrays(predictor, np.empty((4, 9), np.float32))
    assert predictor.engine == "constant"
    np.testing.assert_array_equal(probability, np.full(4, 0.5, np.float32))
    assert (field.shape, value.shape) == ((4, 2), (4, 2))
    assert [array.shape for array in moved] == [(4, 0), (4, 2), (4, 0)]
    assert not value.any()
    assert not moved[1].any()
    assert predictor.contributions(np.empty((1, 9), np.float32)).bias == 0.0


@pytest.mark.parametrize("score", [0.1, 0.5, 0.9])
def test_the_bias_is_the_logit_of_the_score(score: float) -> None:
    moved = ConstantPredictor(3, score=score).contributions(np.empty((2, 9), np.float32))
    assert 1 / (1 + math.exp(-moved.bias)) == pytest.approx(score)
    assert moved.fields.shape == (2, 3)
    assert not moved.fields.any()


def test_there_are_no_more_reasons_than_fields_and_three_at_most() -> None:
    shapes = [
        ConstantPredictor(n).predict(np.empty((4, 9), np.float32)).reason_field.shape
        for n in (0, 2, 9)
    ]
    assert shapes == [(4, 0), (4, 2), (4, 3)]
