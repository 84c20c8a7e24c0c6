"""Figures of quality, against scikit-learn's and against what is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from sklearn import metrics as sk

from model.training.evaluate import (
    average_precision,
    brier,
    calibration_error,
    calibration_noise,
    evaluate,
    lift,
    log_loss,
    roc_auc,
)

labelled = st.lists(
    st.tuples(st.booleans(), st.sampled_from([0.0, 0.1, 0.25, 0.5, 0.5000001, 0.9, 1.0])),
    min_size=2,
    max_size=60,
).filter(lambda rows: len({label for label, _ in rows}) == 2)


def arrays(rows: list[tuple[bool, float]]) -> tuple[NDArray[np.bool_], NDArray[np.float64]]:
    labels, scores = zip(*rows, strict=True)
    return np.array(labels), np.array(scores)


@given(labelled)
@settings(deadline=None)
def test_ranking_and_probabilities_are_scikit_learn_s(rows: list[tuple[bool, float]]) -> None:
    labels, scores = arrays(rows)
    assert roc_auc(labels, scores) == pytest.approx(sk.roc_auc_score(labels, scores))
    expected = sk.average_precision_score(labels, scores)
    assert average_precision(labels, scores) == pytest.approx(expected)
    assert brier(labels, scores) == pytest.approx(sk.brier_score_loss(labels, scores))
    inside = np.clip(scores, 1e-9, 1 - 1e-9)
    assert log_loss(labels, inside) == pytest.approx(sk.log_loss(labels, inside))


def test_one_kind_of_label_ranks_nothing() -> None:
    assert roc_auc(np.array([True, True]), np.array([0.1, 0.9])) == 0.5


def test_calibration_error_is_the_mean_gap_over_bins() -> None:
    labels = np.array([False] * 10 + [True] * 10)
    assert calibration_error(labels, labels.astype(float)) == 0
    assert calibration_error(labels, np.full(20, 0.5), bins=2) == pytest.approx(0.5)
    assert calibration_error(labels, np.full(20, 0.5), bins=1) == pytest.approx(0)
    assert calibration_error(np.array([True]), np.array([0.75])) == pytest.approx(0.25)


def test_right_scores_show_the_noise_floor_and_wrong_ones_more() -> None:
    rng = np.random.default_rng(7)
    scores = rng.beta(1, 8, size=20_000)
    labels = rng.random(20_000) < scores
    noise = calibration_noise(scores)
    assert 0.3 * noise < calibration_error(labels, scores) < 2 * noise
    assert calibration_error(labels, scores**0.5) > 10 * noise
    assert noise == calibration_noise(scores)
    assert calibration_noise(scores[:200]) > 3 * noise


def test_lift_of_the_best_tenth() -> None:
    labels = np.array([True] * 10 + [False] * 90)
    assert lift(labels, labels.astype(float)) == pytest.approx(10)
    assert lift(labels, np.zeros(100)) == pytest.approx(10)  # stable: the file's order
    assert lift(np.zeros(10, dtype=bool), np.zeros(10)) == 0


def test_scores_that_rank_perfectly_have_an_auc_of_1() -> None:
    labels, scores = np.array([True, False, False, True]), np.array([0.9, 0.1, 0.2, 0.8])
    quality = evaluate(labels, scores)
    assert (quality.rows, quality.positives, quality.rate) == (4, 2, 0.5)
    assert quality.auc == 1
    assert quality.mean_score == pytest.approx(0.5)
    assert set(quality.as_dict()) >= {"auc", "brier", "lift", "calibration_noise"}
