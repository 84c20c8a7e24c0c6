"""Platt calibration."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from model.calibrate import LEAST_LABELS, fit_calibration

RNG = np.random.default_rng(5)
LOGITS = RNG.normal(-1.5, 1.2, size=20_000)
LABELS = RNG.random(20_000) < 1 / (1 + np.exp(-LOGITS))


def test_margins_that_are_too_sure_are_drawn_in():
    calibration, why_not = fit_calibration((LOGITS * 2.5 + 0.7).astype(np.float32), LABELS)
    assert why_not is None
    assert calibration.method == "platt"
    expected = LogisticRegression(C=1e9).fit((LOGITS * 2.5 + 0.7)[:, None], LABELS)
    assert calibration.slope == pytest.approx(expected.coef_[0, 0], rel=1e-2)
    assert calibration.intercept == pytest.approx(expected.intercept_[0], abs=1e-2)
    scores = calibration.probability(LOGITS * 2.5 + 0.7)
    assert scores.mean() == pytest.approx(LABELS.mean(), abs=1e-3)


def test_too_few_labels():
    calibration, why_not = fit_calibration(LOGITS[: LEAST_LABELS - 1], LABELS[: LEAST_LABELS - 1])
    assert calibration.method == "none"
    assert why_not is not None
    assert "999 labels are too few" in why_not


def test_margins_that_point_the_wrong_way():
    calibration, why_not = fit_calibration(-LOGITS, LABELS)
    assert calibration.method == "none"
    assert why_not is not None
    assert "do not rise" in why_not


def test_perfect_separation_has_an_end():
    calibration, why_not = fit_calibration(np.where(LABELS, 8.0, -8.0), LABELS)
    assert why_not is None
    assert np.isfinite([calibration.slope, calibration.intercept]).all()
    assert calibration.probability(np.array([8.0]))[0] > 0.99
