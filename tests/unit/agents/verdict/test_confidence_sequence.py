"""The interval covers the mean at all times, and finds a difference about when it says so."""

from __future__ import annotations

import numpy as np
import pytest
import ville
from numpy.typing import NDArray

from agents.verdict.confidence_sequence import (
    LEVEL,
    Differences,
    Interval,
    boundary,
    outcomes_needed,
)
from agents.verdict.losses import LOSSES

RUNS, TIMES = 1000, 2000
Floats = NDArray[np.float64]


STEPS = np.geomspace(1e-3, 2000, 400)
SCALE = Differences(1.0).scale
BOUNDARIES = np.array([boundary(step, SCALE) for step in (0.0, *STEPS)])
"""By the spread: rounded down, so that a test is never easier than the function."""


def is_covered(differences: Floats, means: Floats) -> bool:
    """Return whether the interval covers the mean so far after every single difference."""
    n = np.arange(1, len(differences) + 1)
    before = (np.cumsum(differences) - differences) / np.maximum(n - 1, 1)
    predicted = np.clip(before, -1 / 8, 1 / 8)
    spreads = np.cumsum((differences - predicted) ** 2)
    off = np.abs(np.cumsum(differences - means))
    return bool(np.all(off <= BOUNDARIES[np.searchsorted(STEPS, spreads, side="right")]))


def losses_of(random: np.random.Generator, gain: float, n: int = TIMES) -> tuple[Floats, Floats]:
    """Return differences of Brier scores of a right and a noisy score, and their true means."""
    right = random.beta(2, 8, n)
    noisy = np.clip(right + random.normal(0, 0.15, n), 0, 1)
    live, shadow = (noisy, right) if gain > 0 else (right, noisy)
    converts = random.random(n) < right
    differences = LOSSES["brier"].gains(live, shadow, converts)
    means = (live - shadow) * (live + shadow - 2 * right)
    return differences, means


@pytest.mark.parametrize("gain", [1, -1])
def test_the_interval_of_brier_scores_covers_at_all_times_in_95_percent_of_runs(gain: int) -> None:
    random = np.random.default_rng(18)
    covered = sum(is_covered(*losses_of(random, gain)) for _ in range(RUNS // 2))
    assert covered >= LEVEL * RUNS / 2


def test_it_covers_differences_that_are_as_rare_and_large_as_the_bound_allows() -> None:
    random = np.random.default_rng(54)
    covered = 0
    for _ in range(RUNS):
        share = random.uniform(0.001, 0.05)
        differences = np.where(random.random(TIMES) < share, -1.0, 0.0)
        covered += is_covered(differences, np.full(TIMES, -share))
    assert covered >= LEVEL * RUNS


def test_it_covers_the_mean_so_far_while_the_leads_drift() -> None:
    """Where the mean is not the same all the time, other sequences cover nothing."""
    random = np.random.default_rng(56)
    chances = 0.5 + 0.3 * np.sin(np.arange(TIMES) / 200)
    covered = sum(
        is_covered(np.where(random.random(TIMES) < chances, 0.5, -0.5), chances - 0.5)
        for _ in range(RUNS)
    )
    assert covered >= LEVEL * RUNS


def test_sums_in_parts_are_those_of_one_whole() -> None:
    differences, _ = losses_of(np.random.default_rng(1), 1)
    whole, parts = Differences(1.0), Differences(1.0)
    whole.extend(differences)
    for part in np.array_split(differences, 7):
        parts.extend(part)
    assert parts.interval().low == pytest.approx(whole.interval().low, abs=1e-12)
    assert parts.interval().high == pytest.approx(whole.interval().high, abs=1e-12)


def test_partitions_that_are_added_cover_as_well() -> None:
    random = np.random.default_rng(2)
    covered = 0
    for _ in range(200):
        total, means = Differences(1.0), []
        for _ in range(4):
            differences, mean = losses_of(random, 1, 300)
            part = Differences(1.0)
            part.extend(differences)
            total.add(part)
            means.append(mean)
        found = total.interval()
        covered += found.low <= float(np.concatenate(means).mean()) <= found.high
    assert covered >= LEVEL * 200


def test_it_is_as_tight_as_that_of_ville() -> None:
    """Theirs (Waudby-Smith and Ramdas, theorem 2) assumes one mean for all leads."""
    for n, most in ((500, 1.0), (2000, 1.15), (20_000, 1.2)):
        differences, _ = losses_of(np.random.default_rng(n), 1, n)
        ours = Differences(1.0)
        ours.extend(differences)
        found = ours.interval()
        low, high = (
            ville.EmpiricalBernsteinCS(bounds=(-1, 1), intersect=False).fit(differences).interval()
        )
        assert (found.high - found.low) / (high - low) <= most
        assert max(found.low, low) < min(found.high, high)


def test_it_decides_as_that_of_ville_does() -> None:
    differences, _ = losses_of(np.random.default_rng(5), 1, 4000)
    ours, when = Differences(1.0), None
    for n, difference in enumerate(differences, 1):
        ours.extend(difference.reshape(1))
        if ours.interval().is_clear:
            when = n
            break
    theirs = ville.EmpiricalBernsteinCS(bounds=(-1, 1)).fit(differences).excludes(0)
    assert when is not None
    assert 0.5 < when / theirs < 1.5


def test_a_difference_is_found_with_the_outcomes_that_it_needs() -> None:
    random = np.random.default_rng(8)
    differences, means = losses_of(random, 1, 200_000)
    many = Differences(1.0)
    many.extend(differences)
    needed = outcomes_needed(many.variance, many.scale, float(means.mean()))
    found = 0
    for _ in range(400):
        run = Differences(1.0)
        run.extend(random.choice(differences, needed))
        found += run.interval().low > 0
    assert 0.72 <= found / 400 <= 0.88


def test_without_a_difference_it_is_found_in_less_than_5_percent_of_runs() -> None:
    random = np.random.default_rng(9)
    wrong = 0
    for _ in range(RUNS):
        differences = random.choice([-0.2, 0.2], TIMES)
        wrong += not is_covered(differences, np.zeros(TIMES))
    assert wrong <= (1 - LEVEL) * RUNS


def test_smaller_differences_need_more_outcomes_and_none_is_beyond_counting() -> None:
    needed = [outcomes_needed(0.01, 1.125, gain) for gain in (0.1, 0.01, 0.001)]
    assert needed == sorted(needed)
    assert needed[0] < 200
    assert outcomes_needed(0.0, 1.125, 0.01) < 2000
    assert outcomes_needed(0.01, 1.125, 1e-9) >= 10**12


def test_without_outcomes_nothing_is_excluded() -> None:
    none = Differences(1.0)
    assert none.interval() == Interval(0.0, -1.0, 1.0)
    assert not none.interval().is_clear
    assert none.variance == 0.0


@pytest.mark.parametrize("wrong", [1.1, -1.1, np.nan])
def test_a_difference_beyond_the_bound_is_an_error(wrong: float) -> None:
    with pytest.raises(ValueError, match="at most 1"):
        Differences(1.0).extend(np.array([0.0, wrong]))
