"""Rules for leads that can be read: little coverage, too many attempts, too large an event."""

from __future__ import annotations

import numpy as np

from agents.rules import Rules, is_too_large
from features.matrix import Features
from schemas.errors import ErrorCode
from schemas.headers import LeadHeaders


def features(coverage: list[float], known: list[float]) -> Features:
    rows = len(coverage)
    return Features(
        np.empty((rows, 1), np.float32),
        np.empty((rows, 1), np.int16),
        np.array(coverage, np.float32),
        np.array(known, np.float32),
    )


def test_few_fields_and_fields_of_little_importance_are_both_low_coverage() -> None:
    shares = [1.0, 0.75, 0.5]
    rules = Rules(0.75)
    assert rules.is_little_known(features(shares, shares)).tolist() == [False, False, True]
    by_importance = features(shares, [0.2, 0.75, 1.0])
    assert rules.is_little_known(by_importance).tolist() == [True, False, True]


def test_three_of_five_fields_reach_a_minimum_of_0_6() -> None:
    """0.6 as float32 is more than 0.6: compared as float64, it would be the other way round."""
    three_of_five = float(np.float32(3) / np.float32(5))
    found = Rules(0.6).is_little_known(features([three_of_five], [three_of_five]))
    assert found.tolist() == [False]


def test_leads_with_low_coverage_have_no_verdict_where_they_are_flagged() -> None:
    low = np.array([True, True])
    assert Rules(low_coverage="flag").too_little_known(features([0, 0], [0, 0]), low) == {}


def test_leads_with_low_coverage_are_refused_with_their_shares_and_the_setting() -> None:
    rules = Rules(0.6, "refuse")
    found = rules.too_little_known(
        features([0.5, 1, 1], [1, 1, 0.25]), np.array([True, False, True])
    )
    assert sorted(found) == [0, 2]
    assert {error.code for error in found.values()} == {ErrorCode.FEATURES}
    assert "at least 60%" in found[0].message
    assert "got 50% and 100%" in found[0].message
    assert "got 100% and 25%" in found[2].message
    assert "LEADSCORE_LOW_COVERAGE=flag" in found[0].message


def test_a_record_has_as_many_attempts_as_allowed_and_not_one_more() -> None:
    headers = [LeadHeaders(attempts=count) for count in (0, 2, 3, 4)]
    found = Rules(max_attempts=3).processed_too_often(headers)
    assert sorted(found) == [2, 3]
    assert {error.code for error in found.values()} == {ErrorCode.ATTEMPTS}
    assert "at most 3 times, this one was 4 times" in found[3].message


def test_an_event_that_is_too_large_says_what_to_shorten_or_to_raise() -> None:
    error = is_too_large()
    assert error.code is ErrorCode.OUTPUT_TOO_LARGE
    assert "max.message.bytes" in error.message
