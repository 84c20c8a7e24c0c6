"""A model serves its calibrated trees, or, without signal, the base rate for every lead."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from model.metadata import Calibration
from model.training.cross_validation import Recipe
from model.training.served import serve
from model.training.specify import Leads, encode, fit_spec
from schemas.fields import FieldKind
from tests.unit.model.training.stump_trainer import StumpTrainer

RECIPE = Recipe(StumpTrainer(rounds=5), seed=1, threads=1)
PLATT = Calibration(method="platt", slope=0.5, intercept=0.1)


def leads() -> Leads:
    random = np.random.default_rng(1)
    labels = random.random(200) < 0.3
    return Leads({"size": FieldKind.NUMBER}, {"size": labels + random.normal(size=200)}, labels)


def served(*, has_signal: bool) -> Any:
    made = leads()
    validated: Any = SimpleNamespace(calibration=PLATT, served=np.linspace(0, 1, len(made)))
    verdict: Any = SimpleNamespace(has_signal=has_signal, base_rate=0.3)
    return serve(RECIPE, fit_spec(made), made, validated, verdict)


def test_with_a_signal_all_leads_train_the_trees_and_the_calibration_is_the_validated_one() -> None:
    made = leads()
    found = served(has_signal=True)
    expected = RECIPE.train(fit_spec(made), made)
    matrix = encode(fit_spec(made), made)
    np.testing.assert_array_equal(found.ensemble.margins(matrix), expected.margins(matrix))
    assert found.calibration == PLATT
    assert found.scores[-1] == 1.0


def test_without_a_signal_every_lead_has_the_base_rate_and_it_is_not_calibrated() -> None:
    found = served(has_signal=False)
    assert found.calibration == Calibration()
    matrix = np.array([[np.nan], [-5.0], [5.0]], np.float32)
    scores = found.calibration.probability(found.ensemble.margins(matrix))
    np.testing.assert_allclose(scores, 0.3, rtol=1e-6)
    assert found.scores.shape == (200,)
    assert {*found.scores.tolist()} == {float(np.float32(scores[0]))}
