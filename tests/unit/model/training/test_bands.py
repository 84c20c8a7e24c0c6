"""Bands: sizes that are reached, ties, and what is said where they can't be."""

from __future__ import annotations

import numpy as np
import pytest

from model.training.bands import HIGH, MEDIUM, BandRule, choose_bands
from schemas.errors import InputError

N = 4_000
SCORES = np.random.default_rng(1).beta(1, 20, N)
LABELS = np.random.default_rng(2).random(N) < SCORES


def share(value: float) -> BandRule:
    return BandRule("share", value, f"{value:.0%}")


def score(value: float) -> BandRule:
    return BandRule("score", value, f"{value:g}")


def test_the_best_tenth_is_high_however_rare_success_is() -> None:
    bands = choose_bands(SCORES, LABELS, HIGH, MEDIUM)
    assert (bands.high.leads, bands.medium.leads, bands.low.leads) == (400, 800, 2800)
    assert bands.warnings == ()
    assert np.count_nonzero(bands.thresholds.high <= SCORES) == 400
    assert bands.high.conversion == LABELS[np.argsort(-SCORES)[:400]].mean()
    assert bands.high.lift == pytest.approx(bands.high.conversion / LABELS.mean())


def test_scores_are_taken_as_they_are_and_an_empty_band_is_a_warning() -> None:
    bands = choose_bands(SCORES, LABELS, score(0.7), score(0.1))
    assert (bands.thresholds.high, bands.thresholds.medium) == (0.7, 0.1)
    assert bands.high.leads == 0
    assert bands.high.conversion is None
    assert bands.medium.leads == (SCORES >= 0.1).sum()

    assert f"is {SCORES.max():.3g}" in bands.warnings[0]


def test_mixed_rules_share_below_a_score() -> None:
    bands = choose_bands(SCORES, LABELS, score(0.1), share(0.2))
    assert bands.thresholds.high == 0.1
    assert bands.medium.leads == 800


def test_ties_stay_in_one_band_and_the_reached_share_is_reported() -> None:
    scores = np.repeat([0.6, 0.3, 0.1], [14, 36, 50])
    labels = np.arange(100) % 3 == 0
    bands = choose_bands(scores, labels, HIGH, MEDIUM)
    assert (bands.high.leads, bands.medium.leads) == (14, 36)
    assert bands.thresholds.high == pytest.approx(0.45)
    assert "High has 14.0% of the leads, --high 10% asks for 10.0%" in bands.warnings[0]
    assert "Medium has 36.0%" in bands.warnings[1]


def test_one_score_for_all_leaves_high_and_medium_empty() -> None:
    bands = choose_bands(np.full(100, 0.2), np.arange(100) < 20, HIGH, MEDIUM)
    assert (bands.high.leads, bands.medium.leads, bands.low.leads) == (0, 0, 100)
    assert bands.thresholds.high > 0.2
    assert len(bands.warnings) == 2


@pytest.mark.parametrize("value", [0.0, 1.0])
def test_scores_of_zero_or_one_have_thresholds(value: float) -> None:
    bands = choose_bands(np.full(100, value), np.arange(100) < 20, share(1), share(1))
    assert 0 <= bands.thresholds.medium <= bands.thresholds.high <= 1
    assert bands.high.leads + bands.medium.leads + bands.low.leads == 100


def test_a_capacity_is_never_exceeded() -> None:
    scores = np.repeat([0.6, 0.3, 0.1], [14, 36, 50])
    labels = np.arange(100) % 3 == 0
    capacity = BandRule("capacity", 49 / 100, "49/100")
    bands = choose_bands(scores, labels, capacity, capacity)
    assert (bands.high.leads, bands.medium.leads) == (14, 36)
    few = BandRule("capacity", 13 / 100, "13/100")
    bands = choose_bands(scores, labels, few, few)
    assert bands.high.leads == 0
    assert "High has no leads with --high 13/100" in bands.warnings[0]


def test_a_whole_number_of_leads_fits_its_capacity() -> None:
    third = BandRule("capacity", 30 / 90, "30/90")
    assert choose_bands(np.linspace(0, 1, 90), np.arange(90) > 45, third, third).high.leads == 30


def test_a_lift_is_reached_by_the_largest_band_that_has_it() -> None:
    lift = BandRule("lift", 2.5, "2.5x")
    bands = choose_bands(SCORES, LABELS, lift, BandRule("lift", 1.5, "1.5x"))
    assert bands.high.lift >= 2.5
    assert bands.medium.lift >= 1.5
    order = np.argsort(-SCORES)
    larger = [LABELS[order[:n]].mean() for n in range(bands.high.leads + 1, N)]
    assert max(larger) < 2.5 * LABELS.mean()


def test_a_lift_that_nobody_has_is_a_warning() -> None:
    bands = choose_bands(SCORES, LABELS, BandRule("lift", 50, "50x"), MEDIUM)
    assert bands.high.leads == 0
    assert "convert so often" in bands.warnings[0]


def test_a_medium_score_above_highs_threshold_is_refused() -> None:
    with pytest.raises(InputError, match=r"--medium 0.4 is above High's threshold, 0\.\d+"):
        choose_bands(SCORES, LABELS, HIGH, score(0.4))
