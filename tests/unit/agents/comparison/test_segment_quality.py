"""Quality of both scores within a segment: ranking, lift and calibration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agents.comparison.outcomes import Outcomes
from agents.comparison.segment_quality import SegmentQuality, segment_quality
from tests.unit.agents.comparison.pairs import pair

LEADS = 400
RATE = np.linspace(0.05, 0.95, LEADS)
RANDOM = np.random.default_rng(3)
WON = RANDOM.random(LEADS) < RATE
NOISE = RANDOM.permutation(RATE)
KNOWN = np.ones(LEADS, dtype=bool)


def quality(before: Any, after: Any, known: Any = KNOWN) -> SegmentQuality:
    found = segment_quality(pair(before.tolist(), after.tolist()), Outcomes(known, WON))
    assert found is not None
    return found


def test_a_score_that_knows_the_rate_is_better_than_noise() -> None:
    found = quality(NOISE, RATE)
    assert found.verdict == "AUC better, lift better, calibration better"
    assert quality(RATE, NOISE).verdict == "AUC worse, lift worse, calibration worse"


def test_the_same_order_with_scores_that_are_too_high_is_worse_calibrated_alone() -> None:
    found = quality(RATE, np.sqrt(RATE))
    assert found.verdict == "calibration worse"
    assert found.mean_before == pytest.approx(RATE.mean())
    assert found.mean_after > found.rate


def test_the_same_scores_differ_by_noise_alone() -> None:
    assert quality(RATE, RATE).verdict == "within the noise"


def test_leads_without_an_outcome_are_left_out() -> None:
    known = np.arange(LEADS) % 2 == 0
    found = quality(NOISE, RATE, known)
    assert found.leads == LEADS // 2
    assert found.rate == pytest.approx(WON[known].mean())


def test_outcomes_of_one_kind_say_nothing() -> None:
    same = pair([0.1, 0.2], [0.2, 0.1])
    assert segment_quality(same, Outcomes(np.ones(2, bool), np.ones(2, bool))) is None


def test_json_has_the_figures_with_their_intervals() -> None:
    found = quality(NOISE, RATE).as_dict()
    assert {"rate", "leads", "verdict", "auc_after", "lift_difference_interval"} <= {*found}
