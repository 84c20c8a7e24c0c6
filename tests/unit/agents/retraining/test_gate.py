"""The gate passes gains beyond noise, and rejects with the reason."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from agents.comparison.outcomes import Outcomes
from agents.comparison.segments import SegmentedField
from agents.retraining.gate import GateRules, GateVerdict, judge_candidate
from agents.retraining.lead_values import LeadValues
from tests.unit.agents.comparison.pairs import pair

LEADS = 3000
RANDOM = np.random.default_rng(5)
RATE = np.linspace(0.02, 0.6, LEADS)
WON = RANDOM.random(LEADS) < RATE
NOISE = RANDOM.permutation(RATE)


def judged(before: Any, after: Any, won: Any = WON, **given: Any) -> GateVerdict:
    outcomes = Outcomes(np.ones(len(won), dtype=bool), won)
    fields, values = given.pop("fields", ()), given.pop("values", None)
    scored = pair(before.tolist(), after.tolist())
    return judge_candidate(scored, outcomes, fields, GateRules(**given), values=values, draws=100)


def test_a_candidate_that_ranks_much_better_passes_with_its_gain() -> None:
    found = judged(NOISE, RATE)
    assert found.is_passed
    assert "AUC" in found.sentence
    assert found.sentence.startswith("passed: ")


def test_the_same_model_is_rejected_for_want_of_a_gain() -> None:
    found = judged(RATE, RATE)
    assert not found.is_passed
    assert "AUC" in found.reasons[0]
    assert "beyond noise" in found.reasons[0]


def test_a_gain_smaller_than_asked_is_rejected() -> None:
    assert not judged(NOISE, RATE, min_auc_gain=9.0, min_business_gain=9.0).is_passed


def test_a_gain_of_the_business_figure_alone_passes() -> None:
    found = judged(NOISE, RATE, min_auc_gain=9.0)
    assert found.is_passed
    assert found.reasons[0].startswith("Lift")


def test_a_gain_on_few_leads_that_may_be_noise_is_rejected() -> None:
    few = np.arange(0, LEADS, 200)
    better = np.where(WON, 0.31, 0.3)[few]
    better[WON[few].argmax()] = 0.1
    assert not judged(RATE[few], better, WON[few], min_auc_gain=0.0).is_passed


def test_worse_calibration_blocks_a_gain() -> None:
    found = judged(NOISE, RATE**0.2)
    assert not found.is_passed
    assert found.reasons[0].startswith("Calibration error")


def test_a_segment_that_loses_blocks_a_gain_and_is_named() -> None:
    is_small = np.arange(LEADS) % 5 == 0
    before, after = np.where(is_small, RATE, NOISE), np.where(is_small, NOISE, RATE)
    country = SegmentedField("country", is_small.astype(np.int64), ["large", "small"])
    found = judged(before, after, fields=(country,))
    assert not found.is_passed
    assert "country = small" in found.sentence
    assert judged(before, after, fields=(country,), max_segment_loss=0.9).is_passed


def test_a_segment_of_few_leads_does_not_block() -> None:
    is_small = np.arange(LEADS) % 100 == 0
    before, after = np.where(is_small, RATE, NOISE), np.where(is_small, NOISE, RATE)
    country = SegmentedField("country", is_small.astype(np.int64), ["large", "small"])
    assert judged(before, after, fields=(country,)).is_passed


def test_outcomes_of_one_kind_are_rejected() -> None:
    found = judged(NOISE, RATE, np.ones(LEADS, dtype=bool))
    assert (found.is_passed, found.quality) == (False, None)


def test_json_has_the_decision_and_the_figures() -> None:
    found = judged(NOISE, RATE).as_dict()
    assert found["is_passed"] is True
    assert "auc_difference_interval" in found["quality"]


def test_with_money_a_gain_in_money_passes_without_one_in_auc() -> None:
    found = judged(NOISE, RATE, min_auc_gain=9.0, values=LeadValues(np.where(WON, 200.0, 0), "EUR"))
    assert found.is_passed
    assert found.reasons[0].startswith("Value of a lead of the best tenth ")
    assert " EUR (+" in found.reasons[0]
    assert found.value is not None
    assert found.as_dict()["value"]["value_after"] == pytest.approx(found.value.after.value)


def test_with_money_more_conversions_that_bring_less_do_not_pass() -> None:
    few, many = WON & (np.arange(LEADS) % 10 == 0), WON & (np.arange(LEADS) % 10 > 0)
    amounts = np.where(few, 10_000.0, np.where(many, 1.0, 0.0))
    before = np.where(few, 0.9, np.where(many, 0.2, 0.1))
    after = np.where(many, 0.9, np.where(few, 0.2, 0.1))
    rules = {"min_auc_gain": 9.0, "min_business_gain": 0.05}
    found = judged(before, after, values=LeadValues(amounts, ""), **rules)
    assert not found.is_passed
    assert found.reasons[1].startswith("Value of a lead of the best tenth")
    assert "(-" in found.reasons[1]


def test_a_gain_in_money_that_hangs_on_one_lead_is_noise() -> None:
    amounts = np.where(WON, 1.0, 0.0)
    jackpot = int(np.flatnonzero(WON)[0])
    amounts[jackpot] = 1_000_000.0
    after = NOISE.copy()
    after[jackpot] = 1.0
    before = NOISE.copy()
    before[jackpot] = 0.0
    found = judged(before, after, min_auc_gain=9.0, values=LeadValues(amounts, "EUR"))
    assert not found.is_passed
    assert "beyond noise" in found.sentence


def test_without_money_json_says_so() -> None:
    assert judged(NOISE, RATE).as_dict()["value"] is None
