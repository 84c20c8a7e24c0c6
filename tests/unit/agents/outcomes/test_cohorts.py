"""Rows are added to the counts of their cohort and removed from them."""

from __future__ import annotations

from collections import Counter

import pytest

from agents.outcomes.cohorts import CohortKey, CohortRow, Cohorts
from agents.outcomes.kinds import OutcomeKind
from tests.unit.agents.outcomes.joins import MODEL, START

KEY = CohortKey(0, MODEL, START)
UNKNOWN = CohortRow(0.25, None, "Low")
WON = CohortRow(0.25, OutcomeKind.POSITIVE, "Low", 19_900_000, "EUR")


def test_a_row_replaces_another_one() -> None:
    cohorts = Cohorts()
    assert cohorts.apply({KEY: Counter({UNKNOWN: 2})}) == {KEY}
    assert cohorts.apply({KEY: Counter({UNKNOWN: -1, WON: 1})}) == {KEY}
    counts = cohorts.counts[KEY]
    assert (counts.positives, counts.negatives, counts.unknown) == (1, 0, 1)
    [money] = counts.money
    assert (money.band, money.currency, money.amount) == ("Low", "EUR", 19_900_000)


def test_nothing_changes_where_a_row_is_added_and_removed() -> None:
    cohorts = Cohorts()
    assert cohorts.apply({KEY: Counter({UNKNOWN: 0})}) == set()
    assert cohorts.counts == {}


def test_a_row_that_was_not_added_can_t_be_removed() -> None:
    with pytest.raises(ValueError, match="expected to subtract counted leads"):
        Cohorts().apply({KEY: Counter({WON: -1})})
