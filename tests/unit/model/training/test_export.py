from typing import Any

import numpy as np
import pytest
import xgboost

from features.field_spec import NumberField
from features.spec import FeatureSpec
from model.metadata import Calibration
from model.serving.native import NativePredictor
from model.serving.onnx_runtime import OnnxPredictor
from model.training.export import parity
from tests.unit.small_booster import Trained

ULP = 6e-8
"""The last bit of a float32 near 1."""


def numbers(n: int) -> FeatureSpec:
    return FeatureSpec(fields=tuple(NumberField(name=f"x{i}") for i in range(n)))


@pytest.mark.parametrize("calibration", [Calibration(), Calibration(method="platt", slope=-0.4)])
def test_scores_are_xgboosts_scores_calibrated(trainer: Any, calibration: Any) -> None:
    trained = trainer(calibration=calibration)
    predictor = OnnxPredictor(trained.onnx)
    expected = calibration.probability(trained.margin)
    scores = predictor.predict(trained.matrix).probability
    assert scores.dtype == np.float32
    np.testing.assert_allclose(scores, expected, rtol=0, atol=ULP)
    assert parity(predictor, trained.ensemble, calibration, trained.matrix) <= ULP


def test_a_large_ensemble_rounds_as_xgboost_does(trainer: Any) -> None:
    trained = trainer(numbers(20), rows=3000, trees=400, eta=0.3, max_depth=6)
    predictor = OnnxPredictor(trained.onnx)
    assert parity(predictor, trained.ensemble, trained.metadata.calibration, trained.matrix) <= ULP


@pytest.mark.parametrize("base_score", [0.02, 0.5, 0.97])
def test_a_given_base_score_is_in_the_scores(trainer: Any, base_score: float) -> None:
    trained = trainer(base_score=base_score, trees=3)
    predictor = OnnxPredictor(trained.onnx)
    assert parity(predictor, trained.ensemble, trained.metadata.calibration, trained.matrix) <= ULP


def test_contributions_are_xgboosts_summed_by_field(trained: Trained) -> None:
    by_column = trained.booster.predict(
        xgboost.DMatrix(trained.matrix), pred_contribs=True, approx_contribs=True
    )
    expected = np.zeros((len(trained.matrix), len(trained.metadata.spec.fields)))
    for column, field in enumerate(trained.metadata.spec.field_of_column):
        expected[:, field] += by_column[:, column]
    contributions = OnnxPredictor(trained.onnx).contributions(trained.matrix).fields
    assert contributions.shape == expected.shape
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(contributions, expected, rtol=0, atol=2e-6)


def test_contributions_of_aspects_are_xgboosts_by_column_and_sum_up_to_the_fields(
    trained: Trained,
) -> None:
    by_column = trained.booster.predict(
        xgboost.DMatrix(trained.matrix), pred_contribs=True, approx_contribs=True
    )
    aspects = trained.metadata.aspects
    moved = OnnxPredictor(trained.onnx).contributions(trained.matrix)
    expected = by_column[:, [aspect.column for aspect in aspects]]
    assert np.abs(expected).max() > 0.1
    np.testing.assert_allclose(moved.aspects, expected, rtol=0, atol=2e-6)
    for field in {aspect.field for aspect in aspects}:
        own = [i for i, aspect in enumerate(aspects) if aspect.field == field]
        total = moved.aspects[:, own].sum(axis=1)
        np.testing.assert_allclose(total, moved.fields[:, field], rtol=0, atol=2e-6)


def test_the_bias_and_the_contributions_add_up_to_the_margin(trained: Trained) -> None:
    for predictor in (OnnxPredictor(trained.onnx), NativePredictor(trained.ubj)):
        moved = predictor.contributions(trained.matrix)
        margin = moved.bias + moved.fields.sum(axis=1, dtype=np.float64)
        np.testing.assert_allclose(margin, trained.margin, rtol=0, atol=5e-6)


def test_reasons_are_the_largest_contributions_strongest_first(trained: Trained) -> None:
    predictor = OnnxPredictor(trained.onnx)
    prediction = predictor.predict(trained.matrix)
    contributions = predictor.contributions(trained.matrix).fields
    order = np.argsort(-np.abs(contributions), axis=1, kind="stable")[:, :3]
    np.testing.assert_array_equal(prediction.reason_field, order)
    np.testing.assert_array_equal(
        prediction.reason_value, np.take_along_axis(contributions, order, axis=1)
    )


@pytest.mark.parametrize("n_fields", [1, 2, 3, 4])
def test_there_are_at_most_three_reasons_and_no_more_than_fields(
    trainer: Any, n_fields: int
) -> None:
    trained = trainer(numbers(n_fields), trees=5)
    prediction = OnnxPredictor(trained.onnx).predict(trained.matrix[:7])
    assert prediction.reason_field.shape == (7, min(3, n_fields))
    assert prediction.reason_value.shape == (7, min(3, n_fields))


def test_trees_without_a_split_have_no_reasons(trainer: Any) -> None:
    trained = trainer(trees=2, min_child_weight=1e9)
    predictor = OnnxPredictor(trained.onnx)
    assert parity(predictor, trained.ensemble, trained.metadata.calibration, trained.matrix) <= ULP
    assert not predictor.predict(trained.matrix).reason_value.any()


def test_the_same_model_gives_the_same_bytes(trainer: Any) -> None:
    once, again = trainer(trees=5), trainer(trees=5)
    assert once.onnx == again.onnx
    assert once.ubj == again.ubj


def test_exporting_leaves_the_booster_as_it_was(trained: Trained) -> None:
    before = trained.booster.save_raw("json")
    assert trained.onnx
    assert trained.ubj
    assert trained.booster.save_raw("json") == before


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"booster": "dart"}, "kind dart"),
        ({"objective": "reg:squarederror"}, "objective reg:squarederror"),
    ],
)
def test_other_boosters_are_refused(
    trained: Trained, trainer: Any, parameters: Any, message: str
) -> None:
    booster = trainer(trees=2, **parameters).booster
    with pytest.raises(ValueError, match=message):
        type(trained)(booster, trained.matrix, trained.metadata).onnx  # noqa: B018


def test_a_booster_on_other_columns_is_refused(trained: Trained, trainer: Any) -> None:
    booster = trainer(numbers(4), trees=2).booster
    with pytest.raises(ValueError, match="has 4 columns, the spec 11"):
        type(trained)(booster, trained.matrix, trained.metadata).onnx  # noqa: B018


def test_a_booster_that_splits_on_categories_is_refused(trained: Trained) -> None:
    columns = len(trained.metadata.spec.columns)
    matrix = np.random.default_rng(0).integers(0, 20, (2000, columns)).astype(np.float32)
    target = np.isin(matrix[:, 0], (3, 7, 11))
    data = xgboost.DMatrix(matrix, target, feature_types=["c"] * columns, enable_categorical=True)
    booster = xgboost.train({"objective": "binary:logistic", "max_cat_to_onehot": 1}, data, 2)
    with pytest.raises(ValueError, match="splits on categories"):
        type(trained)(booster, trained.matrix, trained.metadata).onnx  # noqa: B018


def test_parity_detects_other_scores_and_nan(trained: Trained) -> None:
    class Broken(OnnxPredictor):
        def predict(self, matrix: Any) -> Any:
            prediction = super().predict(matrix)
            prediction.probability[:] = np.nan
            return prediction

    calibration = trained.metadata.calibration
    good = OnnxPredictor(trained.onnx)
    assert parity(good, trained.ensemble, Calibration(), trained.matrix) > 0.01
    broken = Broken(trained.onnx)
    assert parity(broken, trained.ensemble, calibration, trained.matrix) == float("inf")
