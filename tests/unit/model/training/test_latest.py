"""The latest leads against cross-validation: a change is reported, noise is not."""

from __future__ import annotations

import numpy as np
import pytest

from model.training.boosting import BoostingParameters
from model.training.cross_validation import Recipe, cross_validate, validate_latest
from model.training.latest import LatestChange, compare_latest
from model.training.specify import Leads
from model.training.xgboost_trainer import XgboostTrainer
from schemas.fields import FieldKind

QUICK = Recipe(
    XgboostTrainer(BoostingParameters(trees=30, max_depth=2, eta=0.2)), seed=42, threads=1
)
N = 2000


def change_of(strength: float, shift: float, seed: int = 3) -> LatestChange:
    """Compare leads of which the latest fifth has another strength and base rate."""
    rng = np.random.default_rng(seed)
    size, is_late = rng.normal(size=N), np.arange(N) >= 0.8 * N
    logit = np.where(is_late, strength, 1.5) * size - 0.7 + np.where(is_late, shift, 0)
    labels = rng.random(N) < 1 / (1 + np.exp(-logit))
    leads = Leads({"size": FieldKind.NUMBER}, {"size": size}, labels)
    latest = validate_latest(leads, QUICK)
    assert latest is not None
    return compare_latest(leads, cross_validate(leads, QUICK), latest)


def test_the_same_world_is_no_warning() -> None:
    """At most one of six by chance: one in twenty is allowed."""
    assert sum(bool(change_of(1.5, 0.0, 100 + seed).warnings) for seed in range(6)) <= 1


def test_a_worse_ranking_is_reported_with_its_interval() -> None:
    change = change_of(0.0, 0.0)
    assert change.auc.high < 0
    assert change.auc.value == pytest.approx(change.latest.auc - change.cross_validated_auc)
    ranking = change.warnings[0]
    assert ranking.startswith("The latest 20 % rank worse than cross-validation by more than noise")
    assert "95 % interval -0." in ranking
    assert "expect the latest figure in service" in ranking


def test_a_changed_success_rate_is_reported_even_if_the_ranking_is_as_good() -> None:
    change = change_of(1.5, 1.2)
    (calibration,) = change.warnings
    assert "the world has changed" in calibration
    assert change.bias.high < 0
    bounds = [change.bias.low, change.bias.high]
    assert change.as_dict()["bias_interval"] == pytest.approx(bounds, abs=1e-6)


def test_overconfident_scores_are_reported_even_if_their_mean_is_right() -> None:
    change = change_of(0.3, 0.0)
    assert any("calibration error" in w or "on average" in w for w in change.warnings)
