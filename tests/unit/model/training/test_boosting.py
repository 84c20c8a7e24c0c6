"""Averaged boosters: one booster, the mean of their margins, fewer differences between seeds."""

from __future__ import annotations

import numpy as np
import pytest
import xgboost

from model.training.boosting import BoostingParameters, average, boost, boost_base_rate, margins

SMALL = BoostingParameters(trees=10, max_depth=3, eta=0.3)
RNG = np.random.default_rng(12)
MATRIX = RNG.normal(size=(400, 6)).astype(np.float32)
MATRIX[RNG.random(MATRIX.shape) < 0.1] = np.nan
LABELS = RNG.random(400) < 1 / (1 + np.exp(1 - 2 * np.nan_to_num(MATRIX[:, 0])))
BOOSTERS = [boost(MATRIX, LABELS, SMALL, seed=seed, threads=1) for seed in range(3)]


def test_the_margins_are_the_mean() -> None:
    averaged = average(BOOSTERS)
    assert averaged.num_boosted_rounds() == 30
    expected = np.mean([margins(booster, MATRIX) for booster in BOOSTERS], axis=0)
    np.testing.assert_allclose(margins(averaged, MATRIX), expected, atol=1e-6)


def test_the_contributions_are_the_mean() -> None:
    rows = xgboost.DMatrix(MATRIX, nthread=1)
    averaged, *single = (
        booster.predict(rows, pred_contribs=True, approx_contribs=True)
        for booster in (average(BOOSTERS), *BOOSTERS)
    )
    np.testing.assert_allclose(averaged, np.mean(single, axis=0), atol=1e-5)


def test_it_is_written_the_same_each_time() -> None:
    assert average(BOOSTERS).save_raw("ubj") == average(BOOSTERS).save_raw("ubj")


def test_boosters_of_other_labels_are_refused() -> None:
    other = boost(MATRIX, ~LABELS, SMALL, seed=0, threads=1)
    with pytest.raises(ValueError, match="one base score"):
        average([BOOSTERS[0], other])


def test_the_base_rate_is_one_leaf_that_moves_nothing() -> None:
    booster = boost_base_rate(6, 0.0637)
    probability = 1 / (1 + np.exp(-margins(booster, MATRIX).astype(float)))
    np.testing.assert_allclose(probability, 0.0637, atol=1e-7)
    contributions = booster.predict(xgboost.DMatrix(MATRIX, nthread=1), pred_contribs=True)
    assert not contributions[:, :-1].any()
