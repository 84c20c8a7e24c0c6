from typing import Any

import numpy as np

from features.field_spec import NumberField
from features.spec import FeatureSpec
from model.serving.onnx_runtime import OnnxPredictor
from model.training.importance import field_importance
from tests.unit.small_booster import Trained


def test_importance_is_the_share_of_the_mean_contribution(trained: Trained) -> None:
    contributions = OnnxPredictor(trained.onnx).contributions(trained.matrix).fields
    strength = np.abs(contributions).mean(axis=0)
    found = field_importance(trained.ensemble, trained.metadata.spec, trained.matrix)
    assert list(found) == list(trained.metadata.spec.kinds)
    np.testing.assert_allclose(list(found.values()), strength / strength.sum(), atol=1e-6)


def test_many_rows_are_sampled_evenly(trained: Trained) -> None:
    whole = field_importance(trained.ensemble, trained.metadata.spec, trained.matrix)
    sorted_rows = trained.matrix[np.argsort(trained.matrix[:, 0])]
    many = np.repeat(sorted_rows, 5, axis=0)
    sampled = field_importance(trained.ensemble, trained.metadata.spec, many)
    np.testing.assert_allclose(list(sampled.values()), list(whole.values()), atol=0.01)


def test_a_model_that_nothing_moves_has_no_importance(trainer: Any) -> None:
    spec = FeatureSpec(fields=(NumberField(name="only"),))
    constant = trainer(spec, rows=64, gamma=1e9)
    assert field_importance(constant.ensemble, spec, constant.matrix) == {}
