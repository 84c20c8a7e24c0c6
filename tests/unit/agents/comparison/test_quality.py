"""Quality of two scores on the same outcomes."""

from __future__ import annotations

import numpy as np
import pytest

from agents.comparison.outcomes import Outcomes
from agents.comparison.quality import calibration_curve, paired_quality
from tests.unit.agents.comparison.pairs import pair

RANDOM = np.random.default_rng(5)
TRUE = RANDOM.random(2000)
WON = RANDOM.random(2000) < TRUE
NOISE = RANDOM.random(2000)
ALL = Outcomes(np.ones(2000, bool), WON)


def test_the_better_score_is_found() -> None:
    quality = paired_quality(pair(NOISE.tolist(), TRUE.tolist()), ALL, draws=200)
    assert quality.estimates["auc"].difference.low > 0.25
    assert quality.estimates["auc"].is_clear
    assert quality.estimates["brier"].difference.high < 0
    assert quality.estimates["lift"].difference.low > 0
    assert quality.estimates["calibration_error"].difference.high < 0
    assert quality.sentence.startswith("The candidate ranks the leads better: AUC +0.3")


def test_a_score_against_itself_has_no_difference_at_all() -> None:
    quality = paired_quality(pair(TRUE.tolist(), TRUE.tolist()), ALL, draws=50)
    for estimate in quality.estimates.values():
        gain = estimate.difference
        assert (gain.value, gain.low, gain.high) == (0, 0, 0)
        assert not estimate.is_clear
        assert estimate.before.low < estimate.before.high, "each alone has noise"
    assert "equally well" in quality.sentence


def test_leads_without_an_outcome_are_left_out() -> None:
    known = np.arange(2000) < 500
    outcomes = Outcomes(known, np.where(known, WON, True))
    quality = paired_quality(pair(NOISE.tolist(), TRUE.tolist()), outcomes, draws=20)
    assert (quality.before.rows, quality.before.positives) == (500, int(WON[:500].sum()))


@pytest.mark.parametrize("positive", [np.ones(3, bool), np.zeros(3, bool)])
def test_outcomes_of_one_kind_say_nothing(positive: np.ndarray) -> None:
    outcomes = Outcomes(np.ones(3, bool), positive)
    assert paired_quality(pair([0.1, 0.2, 0.3], [0.3, 0.2, 0.1]), outcomes) is None


def test_the_curve_has_tenths_by_ascending_score() -> None:
    labels = np.arange(100) >= 50
    curve = calibration_curve(labels, np.linspace(0, 1, 100))
    assert [point.leads for point in curve] == [10] * 10
    assert [point.rate for point in curve] == [0] * 5 + [1] * 5
    assert curve[0].score < curve[-1].score


def test_json_has_both_sides_and_the_difference_with_its_interval() -> None:
    found = paired_quality(pair(NOISE.tolist(), TRUE.tolist()), ALL, draws=20).as_dict()
    low, high = found["auc_difference_interval"]
    assert low <= found["auc_difference"] <= high
    assert found["auc_after"] - found["auc_before"] == pytest.approx(
        found["auc_difference"], abs=1e-5
    )


def test_a_score_that_ranks_alike_but_fits_worse_is_said_to_fit_worse() -> None:
    scores = np.repeat([0.1, 0.5], 500)
    won = np.random.default_rng(3).random(1000) < scores
    found = paired_quality(
        pair(scores.tolist(), np.sqrt(scores).tolist()), Outcomes(np.ones(1000, bool), won)
    )
    assert found is not None
    ranks, fits = found.sentences
    assert ranks.startswith("Both rank the leads equally well")
    assert fits.startswith("Its scores fit what converts worse: calibration error 0.")
