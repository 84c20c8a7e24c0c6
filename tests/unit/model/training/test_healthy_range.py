"""The range of scores that counts as healthy."""

from __future__ import annotations

import numpy as np
import pytest

from model.training.healthy_range import healthy_range


@pytest.mark.parametrize(
    ("mean", "low", "high"), [(0.05, 0.0256, 0.0953), (0.34, 0.2048, 0.5075), (0.5, 0.3333, 0.6667)]
)
def test_the_healthy_range_is_half_to_twice_the_odds(mean: float, low: float, high: float) -> None:
    found = healthy_range(np.full(100, mean), is_ordered=False)
    assert found.low == pytest.approx(low, abs=2e-4)
    assert found.high == pytest.approx(high, abs=2e-4)


def test_the_range_of_the_training_data_is_healthy() -> None:
    scores = np.repeat([0.05, 0.4], [900, 100])
    assert healthy_range(scores, is_ordered=False).high < 0.2
    assert healthy_range(scores, is_ordered=True).high == pytest.approx(0.4, abs=2e-4)


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_the_ends_of_the_scores_have_a_range(value: float) -> None:
    found = healthy_range(np.full(100, value), is_ordered=True)
    assert found.low == found.high == value
