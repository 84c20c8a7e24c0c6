"""Intervals from influences, against the bootstrap and repeated samples."""

from __future__ import annotations

import numpy as np
import pytest

from model.training.evaluate import roc_auc
from model.training.intervals import auc_influence, estimate, fold_auc_influence, mean_influence

RNG = np.random.default_rng(11)
LABELS = RNG.random(800) < 0.3
SCORES = np.round(RNG.normal(LABELS * 0.9, 1.0), 1)  # with ties


def error_of(influence: np.ndarray) -> float:
    return float(np.sqrt(np.square(influence).sum()))


def test_the_influences_on_the_auc_have_the_error_of_the_bootstrap() -> None:
    drawn = [RNG.integers(800, size=800) for _ in range(400)]
    bootstrap = np.std([roc_auc(LABELS[rows], SCORES[rows]) for rows in drawn])
    assert error_of(auc_influence(LABELS, SCORES)) == pytest.approx(bootstrap, rel=0.1)


def test_influences_sum_to_nothing() -> None:
    folds = np.arange(800) % 5
    for influence in (
        auc_influence(LABELS, SCORES),
        fold_auc_influence(LABELS, SCORES, folds),
        mean_influence(SCORES),
    ):
        assert influence.sum() == pytest.approx(0, abs=1e-12)
    assert not auc_influence(np.ones(5, dtype=bool), np.arange(5.0)).any()


def test_leads_repeated_three_times_are_no_more_certain_as_groups() -> None:
    once = auc_influence(LABELS, SCORES)
    labels, scores, groups = np.tile(LABELS, 3), np.tile(SCORES, 3), np.tile(np.arange(800), 3)
    influence = auc_influence(labels, scores)
    single = estimate(0.7, once, widened=1.0)
    grouped = estimate(0.7, influence, widened=1.0, groups=groups)
    assert grouped.high == pytest.approx(single.high)
    assert estimate(0.7, influence, widened=1.0).high < single.high - 0.005


def test_the_widening_multiplies_the_interval() -> None:
    narrow, wide = (estimate(0.0, mean_influence(SCORES), widened=by) for by in (1.0, 1.5))
    assert wide.high == pytest.approx(1.5 * narrow.high)
    assert wide.within(-1, 0.01).high == 0.01
