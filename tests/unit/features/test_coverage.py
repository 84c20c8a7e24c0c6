"""Coverage: how much a lead has of what training leads have."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from features.coverage import CoverageRule, TypicalLead, typical_lead

NAMES = ["a", "b", "c", "d", "e"]
IMPORTANCE = {"a": 0.5, "b": 0.2, "c": 0.1, "d": 0.1, "e": 0.1}
EVEN: dict[str, float] = {}


def present(*rows: str) -> NDArray[np.bool_]:
    return np.array([[name in row for name in NAMES] for row in rows])


def test_without_a_typical_lead_it_is_the_share_of_all_fields() -> None:
    covered = CoverageRule(NAMES, IMPORTANCE).of(present("abcde", "ab", ""))
    assert covered.coverage.tolist() == pytest.approx([1, 0.4, 0])
    assert covered.known.tolist() == pytest.approx([1, 0.7, 0], abs=1e-5)


def test_it_is_relative_to_a_typical_lead_and_at_most_1() -> None:
    rule = CoverageRule(NAMES, IMPORTANCE, TypicalLead(fields=2, importance=0.5))
    covered = rule.of(present("abcde", "ab", "b", ""))
    assert covered.coverage.tolist() == [1, 1, 0.5, 0]
    assert covered.known.tolist() == pytest.approx([1, 1, 0.4, 0], abs=1e-5)


def test_where_a_typical_lead_has_nothing_of_importance_no_lead_is_little_known_by_it() -> None:
    rule = CoverageRule(NAMES, IMPORTANCE, TypicalLead(fields=1, importance=0))
    covered = rule.of(present("a", ""))
    assert covered.known.tolist() == [1, 1]
    assert covered.coverage.tolist() == [1, 0]


def test_a_typical_lead_is_what_nine_in_ten_have() -> None:
    rows = ["b"] * 10 + ["ab"] * 45 + ["abcde"] * 46
    typical = typical_lead(NAMES, IMPORTANCE, present(*rows))
    assert typical.fields == 2
    assert typical.importance == pytest.approx(0.7, abs=1e-5)


def test_complete_leads_leave_all_as_it_was() -> None:
    typical = typical_lead(NAMES, IMPORTANCE, present("abcde", "abcde"))
    assert typical == TypicalLead(fields=5, importance=1)


def test_a_typical_lead_has_at_least_one_field() -> None:
    """Else a lead without any field would have all that is needed."""
    typical = typical_lead(NAMES, EVEN, present("", "", "a"))
    assert typical.fields == 1
    assert CoverageRule(NAMES, EVEN, typical).of(present("")).coverage.tolist() == [0]


@given(
    st.lists(st.floats(0, 1), min_size=5, max_size=5),
    st.lists(st.lists(st.booleans(), min_size=5, max_size=5), min_size=1, max_size=40),
)
def test_at_most_one_in_ten_sparse_leads_is_below_a_typical_one(
    weights: list[float], rows: list[list[bool]]
) -> None:
    importance = dict(zip(NAMES, weights, strict=True))
    leads = np.array(rows)
    typical = typical_lead(NAMES, importance, leads)
    rule = CoverageRule(NAMES, importance, typical)
    has_any = leads.any(axis=1)
    covered = rule.of(leads)
    assert np.count_nonzero((covered.coverage < 1) & has_any) <= 0.1 * len(leads)
    assert np.count_nonzero((covered.known < 1) & has_any) <= 0.1 * len(leads)
    for row, coverage, known in zip(leads, covered.coverage, covered.known, strict=True):
        alone = rule.of(row[np.newaxis])
        assert (alone.coverage[0], alone.known[0]) == (coverage, known)
