"""Platt calibration: when it is chosen, and what it gives."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from model.metadata import Calibration
from model.training.calibrate import choose_calibration, fit_platt
from model.training.evaluate import log_loss

RNG = np.random.default_rng(5)
LOGITS = RNG.normal(-1.5, 1.2, size=20_000)
LABELS = RNG.random(20_000) < 1 / (1 + np.exp(-LOGITS))
FOLDS = np.arange(20_000) % 5


def test_margins_that_are_too_sure_are_drawn_in() -> None:
    calibration = choose_calibration((LOGITS * 2.5 + 0.7).astype(np.float32), LABELS, FOLDS)
    assert calibration.method == "platt"
    expected = LogisticRegression(C=1e9).fit((LOGITS * 2.5 + 0.7)[:, None], LABELS)
    assert calibration.slope == pytest.approx(expected.coef_[0, 0], rel=1e-2)
    assert calibration.intercept == pytest.approx(expected.intercept_[0], abs=1e-2)
    scores = calibration.probability(LOGITS * 2.5 + 0.7)
    assert scores.mean() == pytest.approx(LABELS.mean(), abs=1e-3)


def test_a_hundred_leads_that_are_too_sure_are_drawn_in_too() -> None:
    margins, labels, folds = LOGITS[:100] * 3, LABELS[:100], FOLDS[:100]
    calibration = choose_calibration(margins, labels, folds)
    assert calibration.method == "platt"
    raw = Calibration().probability(LOGITS * 3)
    assert log_loss(LABELS, calibration.probability(LOGITS * 3)) < log_loss(LABELS, raw) - 0.1


def test_margins_that_are_right_are_left_alone_where_the_fit_would_be_noise() -> None:
    chosen = [
        choose_calibration(LOGITS[part], LABELS[part], FOLDS[part]).method
        for part in np.array_split(np.arange(4_000), 40)
    ]
    assert chosen.count("none") > 20


def test_margins_that_point_the_wrong_way_give_everyone_the_base_rate() -> None:
    calibration = choose_calibration(-LOGITS, LABELS, FOLDS)
    assert (calibration.method, calibration.slope) == ("platt", 0.0)
    scores = calibration.probability(np.array([-9.0, 0.0, 9.0]))
    assert scores == pytest.approx([LABELS.mean()] * 3)


def test_one_kind_of_label_in_a_part_of_the_folds_has_a_finite_constant() -> None:
    calibration = fit_platt(np.array([1.0, 2.0, 3.0]), np.zeros(3, dtype=bool))
    assert np.isfinite([calibration.slope, calibration.intercept]).all()


def test_perfect_separation_has_an_end() -> None:
    calibration = choose_calibration(np.where(LABELS, 8.0, -8.0), LABELS, FOLDS)
    assert np.isfinite([calibration.slope, calibration.intercept]).all()
    assert calibration.probability(np.array([8.0]))[0] > 0.99
