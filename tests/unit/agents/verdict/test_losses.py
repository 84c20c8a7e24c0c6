import numpy as np
import pytest

from agents.verdict.losses import CLIP, LOSSES

POSITIVE = np.array([True, False])
RIGHT, WRONG = np.array([1.0, 0.0]), np.array([0.0, 1.0])


@pytest.mark.parametrize("name", LOSSES)
def test_the_largest_gain_is_the_bound(name: str) -> None:
    loss = LOSSES[name]
    assert loss.gains(WRONG, RIGHT, POSITIVE) == pytest.approx([loss.bound] * 2)
    assert loss.gains(RIGHT, WRONG, POSITIVE) == pytest.approx([-loss.bound] * 2)


def test_the_gain_in_the_brier_score_is_that_of_the_squared_errors() -> None:
    live, shadow = np.array([0.3, 0.3]), np.array([0.4, 0.1])
    assert LOSSES["brier"].gains(live, shadow, POSITIVE) == pytest.approx(
        [0.49 - 0.36, 0.09 - 0.01]
    )


def test_the_gain_in_the_log_loss_is_that_of_the_logarithms_within_the_clip() -> None:
    live, shadow = np.array([0.3, 0.3]), np.array([0.4, CLIP / 7])
    assert LOSSES["log_loss"].gains(live, shadow, POSITIVE) == pytest.approx(
        [np.log(0.4 / 0.3), np.log((1 - CLIP) / 0.7)]
    )


@pytest.mark.parametrize("name", LOSSES)
def test_single_precision_stays_within_the_bound(name: str) -> None:
    loss = LOSSES[name]
    gains = loss.gains(WRONG.astype(np.float32), RIGHT.astype(np.float32), POSITIVE)
    assert np.all(np.abs(gains) <= loss.bound * (1 + 1e-12))
