"""Bootstrap intervals of a difference on the same leads."""

from __future__ import annotations

import numpy as np
import pytest

from model.training.evaluate import brier, roc_auc
from model.training.intervals import auc_influence, estimate
from model.training.paired_bootstrap import paired_bootstrap

RANDOM = np.random.default_rng(11)
BETTER = RANDOM.random(1500)
LABELS = RANDOM.random(1500) < BETTER
WORSE = np.clip(BETTER + RANDOM.normal(0, 0.3, 1500), 0, 1)


def test_the_interval_is_about_that_of_de_long() -> None:
    found = paired_bootstrap(LABELS, WORSE, BETTER, {"auc": roc_auc}, draws=800, seed=1)["auc"]
    influence = auc_influence(LABELS, BETTER) - auc_influence(LABELS, WORSE)
    expected = estimate(found.difference.value, influence, widened=1.0)
    width = expected.high - expected.low
    assert found.difference.low == pytest.approx(expected.low, abs=0.12 * width)
    assert found.difference.high == pytest.approx(expected.high, abs=0.12 * width)


def test_pairing_makes_the_interval_narrower_than_two_alone() -> None:
    found = paired_bootstrap(LABELS, WORSE, BETTER, {"auc": roc_auc}, draws=300, seed=1)["auc"]
    alone = [side.high - side.low for side in (found.before, found.after)]
    assert found.difference.high - found.difference.low < sum(alone) / 2


def test_the_same_seed_gives_the_same_interval() -> None:
    def drawn(seed: int) -> object:
        return paired_bootstrap(LABELS, WORSE, BETTER, {"b": brier}, draws=20, seed=seed)

    assert drawn(1) == drawn(1) != drawn(2)


def test_a_rare_positive_is_in_every_resample() -> None:
    labels = np.arange(40) == 7
    scores = np.linspace(0, 1, 40)
    found = paired_bootstrap(labels, scores, scores[::-1], {"auc": roc_auc}, draws=50, seed=1)
    assert found["auc"].before.low < 0.5, "0.5 would be the AUC without a positive"
    assert found["auc"].before.high < 0.5


def test_labels_of_one_kind_are_refused() -> None:
    with pytest.raises(ValueError, match="both kinds"):
        paired_bootstrap(np.ones(3, bool), WORSE[:3], BETTER[:3], {"auc": roc_auc}, draws=1, seed=1)
