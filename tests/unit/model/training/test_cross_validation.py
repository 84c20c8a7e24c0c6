"""Every lead is scored by a model that has not seen it."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from features.spec import FeatureSpec
from model.training.cross_validation import FOLDS, Recipe, cross_validate, validate_latest
from model.training.specify import Leads
from schemas.fields import FieldKind
from tests.unit.model.training.stump_trainer import Stumps, StumpTrainer

N = 500


def leads(*, groups: NDArray[np.int64] | None = None, rate: float = 0.4) -> Leads:
    """Leads whose number says which one each is, and a second number that tells the outcome."""
    random = np.random.default_rng(1)
    labels = random.random(N) < rate
    columns = {"number": np.arange(N, dtype=float), "size": labels + random.normal(size=N)}
    kinds = dict.fromkeys(columns, FieldKind.NUMBER)
    return Leads(kinds, columns, labels, groups=groups)


@dataclass(frozen=True)
class NotingTrainer(StumpTrainer):
    """Remembers which leads each model was trained on."""

    seen: list[set[float]] = field(default_factory=list)

    def train(
        self, spec: FeatureSpec, matrix: Any, labels: NDArray[np.bool_], **given: Any
    ) -> Stumps:
        self.seen.append(set(matrix[:, 0].tolist()))
        return super().train(spec, matrix, labels, **given)


def recipe() -> Recipe:
    return Recipe(NotingTrainer(rounds=5), seed=7, threads=1)


def test_no_model_scores_a_lead_that_it_was_trained_on() -> None:
    used = recipe()
    found = cross_validate(leads(), used)
    assert sorted(set(found.folds.tolist())) == list(range(FOLDS))
    for fold, seen in enumerate(used.trainer.seen):  # type: ignore[attr-defined]
        own = set(np.flatnonzero(found.folds == fold).tolist())
        assert seen.isdisjoint(own)
        assert len(seen | own) == N


def test_leads_of_a_group_are_in_one_fold() -> None:
    groups = np.arange(N) // 5
    folds = cross_validate(leads(groups=groups), recipe()).folds
    assert all(len(set(folds[groups == group].tolist())) == 1 for group in set(groups.tolist()))


def test_the_same_seed_gives_the_same_scores() -> None:
    first, second = (cross_validate(leads(), recipe()) for _ in range(2))
    np.testing.assert_array_equal(first.scores, second.scores)
    other = cross_validate(leads(), replace(recipe(), seed=8))
    assert not np.array_equal(first.folds, other.folds)


def test_the_auc_is_the_mean_of_the_folds_and_served_scores_are_the_calibrated_margins() -> None:
    found = cross_validate(leads(), recipe())
    assert len(found.fold_aucs) == FOLDS
    assert found.auc == pytest.approx(sum(found.fold_aucs) / FOLDS)
    assert found.auc_deviation == pytest.approx(float(np.std(found.fold_aucs)))
    assert found.auc > 0.6
    np.testing.assert_array_equal(found.served, found.calibration.probability(found.margins))


def test_the_latest_fifth_is_scored_by_a_model_of_the_earlier_leads() -> None:
    used = recipe()
    latest = validate_latest(leads(), used)
    assert latest is not None
    assert latest.rows.tolist() == list(range(400, 500))
    assert all(max(seen) < 400 for seen in used.trainer.seen)  # type: ignore[attr-defined]
    assert latest.quality.rows == 100


def test_latest_leads_of_an_earlier_group_are_left_out() -> None:
    groups = np.arange(N)
    groups[450:] = np.arange(50)
    latest = validate_latest(leads(groups=groups), recipe())
    assert latest is not None
    assert latest.rows.tolist() == list(range(400, 450))


def test_too_few_of_a_kind_among_the_latest_are_not_measured() -> None:
    assert validate_latest(leads(rate=0.02), recipe()) is None
