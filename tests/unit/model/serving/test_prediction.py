"""Conformance tests of engines: compiled trees, ONNX Runtime on one and two threads, XGBoost, the
constant."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from model.manifest import MODEL_FILES
from model.metadata import Calibration
from model.serving.compiled import CompiledPredictor
from model.serving.constant import ConstantPredictor
from model.serving.native import NativePredictor
from model.serving.onnx_runtime import OnnxPredictor
from model.serving.prediction import Predictor
from model.serving.predictor import ENGINES
from model.serving.row_threads import SHARE_FROM_ROWS
from tests.unit.small_booster import Trained

NO_ASPECTS = 0


@dataclass(frozen=True)
class Case:
    """An engine, and the model that is in it."""

    engine: str
    open: Callable[[Trained], Predictor]
    calibration: Calibration
    without_reasons: Callable[[Trained], Predictor] | None = None

    def n_aspects(self, trained: Trained) -> int:
        return NO_ASPECTS if self.engine == "constant" else len(trained.metadata.aspects)


def _constant(trained: Trained) -> Predictor:
    return ConstantPredictor(len(trained.metadata.spec.fields), score=0.25)


PLATT = Calibration(method="platt", slope=0.83, intercept=-0.21)
CASES = {
    "compiled": Case(
        "compiled",
        lambda trained: CompiledPredictor(trained.onnx),
        PLATT,
        lambda trained: CompiledPredictor(trained.onnx, reasons=False),
    ),
    "onnx": Case(
        "onnx",
        lambda trained: OnnxPredictor(trained.onnx),
        PLATT,
        lambda trained: OnnxPredictor(trained.onnx, reasons=False),
    ),
    "onnx on two threads": Case(
        "onnx",
        lambda trained: OnnxPredictor(trained.onnx, threads=2),
        PLATT,
        lambda trained: OnnxPredictor(trained.onnx, threads=2, reasons=False),
    ),
    "xgboost": Case(
        "xgboost",
        lambda trained: NativePredictor(trained.ubj),
        PLATT,
        lambda trained: NativePredictor(trained.ubj, reasons=False),
    ),
    "constant": Case("constant", _constant, Calibration()),
}


@pytest.fixture(params=CASES, scope="module")
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture(scope="module")
def predictor(case: Case, trained: Trained) -> Predictor:
    return case.open(trained)


def arrays(predictor: Predictor, matrix: NDArray[np.float32]) -> list[NDArray[Any]]:
    prediction, moved = predictor.predict(matrix), predictor.contributions(matrix)
    return [
        prediction.probability,
        prediction.reason_field,
        prediction.reason_value,
        prediction.aspects,
        moved.fields,
        moved.aspects,
    ]


def test_every_engine_of_a_file_is_a_case_and_every_model_file_has_an_engine() -> None:
    assert tuple(ENGINES) == MODEL_FILES
    engines = {opens.engine for opens in (CompiledPredictor, OnnxPredictor, NativePredictor)}
    assert engines < {case.engine for case in CASES.values()}


def test_it_says_which_engine_it_is(case: Case, predictor: Predictor) -> None:
    assert predictor.engine == case.engine


@pytest.mark.parametrize("n", [0, 1, 5, SHARE_FROM_ROWS + 1])
def test_shapes_and_types_are_those_of_the_protocol(
    case: Case, predictor: Predictor, trained: Trained, n: int
) -> None:
    fields, aspects = len(trained.metadata.spec.fields), case.n_aspects(trained)
    found = arrays(predictor, trained.matrix[:n])
    assert [(array.dtype, array.shape) for array in found] == [
        (np.float32, (n,)),
        (np.int64, (n, 3)),
        (np.float32, (n, 3)),
        (np.float32, (n, aspects)),
        (np.float32, (n, fields)),
        (np.float32, (n, aspects)),
    ]


def test_a_lead_alone_has_the_bits_that_it_has_in_a_batch(
    predictor: Predictor, trained: Trained
) -> None:
    matrix = trained.matrix[: SHARE_FROM_ROWS + 3]
    whole = arrays(predictor, matrix)
    for row in (0, 3, 100, len(matrix) - 1):
        for alone, expected in zip(arrays(predictor, matrix[row : row + 1]), whole, strict=True):
            np.testing.assert_array_equal(alone, expected[row : row + 1])


def test_a_lead_of_which_nothing_is_known_has_a_finite_score(
    predictor: Predictor, trained: Trained
) -> None:
    nothing = np.full((2, trained.matrix.shape[1]), np.nan, np.float32)
    for array in arrays(predictor, nothing):
        assert np.isfinite(array).all()
    scores = predictor.predict(nothing).probability
    assert ((scores >= 0) & (scores <= 1)).all()


def test_base_and_fields_add_up_to_the_margin_of_the_score(
    case: Case, predictor: Predictor, trained: Trained
) -> None:
    moved = predictor.contributions(trained.matrix)
    margin = moved.bias + moved.fields.astype(np.float64).sum(axis=1)
    found = predictor.predict(trained.matrix).probability
    np.testing.assert_allclose(found, case.calibration.probability(margin), rtol=0, atol=2e-6)


def test_the_base_is_the_same_for_every_batch(predictor: Predictor, trained: Trained) -> None:
    bases = {predictor.contributions(trained.matrix[:n]).bias for n in (0, 1, 7)}
    assert len(bases) == 1


def test_the_aspects_of_a_field_add_up_to_it(
    case: Case, predictor: Predictor, trained: Trained
) -> None:
    if not case.n_aspects(trained):
        return
    moved, by_field = predictor.contributions(trained.matrix), np.zeros_like(trained.matrix[:, :6])
    for at, aspect in enumerate(trained.metadata.aspects):
        by_field[:, aspect.field] += moved.aspects[:, at]
    for field in {aspect.field for aspect in trained.metadata.aspects}:
        np.testing.assert_allclose(by_field[:, field], moved.fields[:, field], rtol=0, atol=2e-6)


def test_reasons_are_the_strongest_contributions_strongest_first(
    predictor: Predictor, trained: Trained
) -> None:
    prediction = predictor.predict(trained.matrix)
    fields = predictor.contributions(trained.matrix).fields
    expected = np.take_along_axis(fields, prediction.reason_field, axis=1)
    np.testing.assert_array_equal(prediction.reason_value, expected)
    sizes = np.abs(prediction.reason_value)
    assert (np.diff(sizes, axis=1) <= 0).all()
    np.testing.assert_array_equal(sizes, -np.sort(-np.abs(fields), axis=1)[:, :3])


def test_without_reasons_the_scores_are_the_same(
    case: Case, predictor: Predictor, trained: Trained
) -> None:
    if case.without_reasons is None:
        return
    prediction = case.without_reasons(trained).predict(trained.matrix)
    assert (
        prediction.reason_field.shape == prediction.reason_value.shape == (len(trained.matrix), 0)
    )
    np.testing.assert_array_equal(
        prediction.probability, predictor.predict(trained.matrix).probability
    )


def test_several_threads_may_use_it(predictor: Predictor, trained: Trained) -> None:
    expected = predictor.predict(trained.matrix).probability
    with ThreadPoolExecutor(4) as pool:
        for found in pool.map(predictor.predict, [trained.matrix] * 8):
            np.testing.assert_array_equal(found.probability, expected)


def test_the_batch_is_not_changed(predictor: Predictor, trained: Trained) -> None:
    matrix = trained.matrix[:9].copy()
    arrays(predictor, matrix)
    np.testing.assert_array_equal(matrix, trained.matrix[:9])
