"""Evidence that may be looked at at any time: rarely wrong, and soon right."""

from __future__ import annotations

from math import exp, inf, log

import numpy as np
import pytest

from agents.rollout.sequential import excess, imbalance, trials_to_find

ENOUGH = log(100)


def highest(measure: object, rate: float, actual: float, seed: int, trials: int = 2000) -> float:
    """Return the most evidence of all looks, one after each few trials."""
    hits = np.cumsum(np.random.default_rng(seed).random(trials) < actual)
    looks = range(10, trials, 20)
    return max(measure(int(hits[at - 1]), at, rate) for at in looks)  # type: ignore[operator]


@pytest.mark.parametrize("measure", [excess, imbalance])
@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5])
def test_a_true_rate_is_rarely_refused_however_often_one_looks(
    measure: object, rate: float
) -> None:
    wrong = sum(highest(measure, rate, rate, seed) > ENOUGH for seed in range(60))
    assert wrong <= 4, "1 % is expected at most, of 60"


@pytest.mark.parametrize("rate", [0.02, 0.1, 0.5])
def test_a_smaller_rate_is_no_excess_but_an_imbalance(rate: float) -> None:
    assert excess(int(rate * 5000), 10_000, rate) < 0
    assert imbalance(int(rate * 5000), 10_000, rate) > ENOUGH


def test_all_errors_are_found_after_a_few() -> None:
    assert excess(3, 3, 0.02) > ENOUGH
    assert excess(1, 1, 0.02) < ENOUGH
    assert excess(0, 0, 0.02) == pytest.approx(0)


def test_it_is_a_martingale_if_the_rate_is_true() -> None:
    rate = 0.1
    one = [excess(hits, 1, rate) for hits in (0, 1)]
    assert (1 - rate) * exp(one[0]) + rate * exp(one[1]) == pytest.approx(1)


def test_numbers_of_any_size_are_no_overflow() -> None:
    assert excess(10**9, 10**9, 0.02) > 1e9
    assert np.isfinite(imbalance(0, 10**9, 0.5))


def test_the_trials_that_it_takes_are_about_those_that_are_needed() -> None:
    needed = trials_to_find(0.04, 0.02, 0.999)
    assert 300 < needed < 3000
    assert excess(int(0.04 * 3 * needed), int(3 * needed), 0.02) > log(1000)
    assert trials_to_find(0.02, 0.02, 0.999) == inf
