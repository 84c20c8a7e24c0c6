"""The permutation test of PSI, and what so few leads can show."""

from __future__ import annotations

import numpy as np
import pytest

from monitoring.drift.permutation import permutation_p_value

REFERENCE = np.full(20, 400)


def p_of(window: np.ndarray, seed: int = 0, draws: int = 999) -> float:
    return permutation_p_value(
        window, REFERENCE, draws=draws, random=np.random.default_rng([seed, 1])
    )


def drawn(n: int, seed: int) -> np.ndarray:
    return np.random.default_rng(seed).multinomial(n, np.full(20, 0.05)).astype(np.int64)


@pytest.mark.parametrize("n", [50, 300])
def test_without_drift_p_values_are_uniform(n: int) -> None:
    p = np.array([p_of(drawn(n, seed), seed) for seed in range(400)])
    for level in (0.05, 0.2, 0.5):
        # Three standard errors of a share of 400.
        assert abs((p <= level).mean() - level) < 3 * (level * (1 - level) / 400) ** 0.5


def test_a_window_has_one_p_value() -> None:
    window = drawn(100, 3)
    assert p_of(window, 7) == p_of(window, 7)


def test_a_sample_of_one_bin_has_the_least_p_value_that_the_draws_allow() -> None:
    assert p_of(np.array([60] + [0] * 19)) == 1 / 1000


def test_two_bins_have_the_p_value_of_fishers_exact_test() -> None:
    # All 4 leads of the window in the one bin, all others in the other: 2 of 70 permutations.
    assert permutation_p_value(
        np.array([4, 0]), np.array([0, 4]), draws=2000, random=np.random.default_rng(0)
    ) == pytest.approx(2 / 70, abs=0.015)
