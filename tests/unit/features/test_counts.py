"""Counts of leads by bin: complete, additive in any order, exact in the sum of scores."""

from __future__ import annotations

import math

import numpy as np
import pytest

from features.counts import SCORE_UNIT, LeadCounts
from tests.unit.agents.drift_log import LAYOUT, leads


def counts(first: int, count: int) -> LeadCounts:
    log = leads(count, first=first)
    return LAYOUT.count(log.bins, log.scores, label=0.5)


def test_every_lead_is_counted_once_in_each_field_and_in_the_score() -> None:
    parts = LAYOUT.parts(counts(0, 300).counts)
    assert len(parts) == len(LAYOUT.fields) + 1
    assert [int(part.sum()) for part in parts] == [300, 300, 300]


def test_counts_land_in_the_codes_of_their_field() -> None:
    bins = np.array([[3, 1], [3, 0], [11, 3]], dtype=np.int16)
    found = LAYOUT.count(bins, np.array([0.05, 0.95, 0.95], np.float32), label=0.5)
    visits, industry, score = LAYOUT.parts(found.counts)
    assert np.flatnonzero(visits).tolist() == [3, 11]
    assert industry.tolist() == [1, 1, 0, 1]
    assert (score[0], score[9]) == (1, 2)
    assert (found.leads, found.engaged, found.present) == (3, 2, 4)


def test_sums_do_not_depend_on_how_leads_are_split() -> None:
    whole = counts(0, 500)
    split = counts(0, 123) + counts(123, 1) + counts(124, 376)
    assert split == whole
    assert whole.score_sum == (counts(124, 376) + counts(0, 124)).score_sum


def test_no_leads_add_nothing_and_have_no_mean() -> None:
    nothing = LAYOUT.none()
    assert counts(0, 10) + nothing == counts(0, 10)
    assert math.isnan(nothing.mean_score)
    assert math.isnan(nothing.engagement)
    assert math.isnan(nothing.coverage(2))


def test_means_and_shares_are_those_of_the_leads() -> None:
    found = LeadCounts(np.array([0]), leads=4, present=6, score_sum=SCORE_UNIT, engaged=1)
    assert (found.mean_score, found.engagement) == (0.25, 0.25)
    assert found.coverage(2) == pytest.approx(0.75)
    assert found.coverage(1) == 1.0, "more fields than a typical lead has are no more than all"


def test_different_numbers_are_different_counts() -> None:
    assert counts(0, 10) != counts(10, 10)
    assert counts(0, 10) != "counts"


def test_the_layout_has_the_counts_of_the_training_data() -> None:
    assert LAYOUT.size == len(LAYOUT.reference_counts)
    assert int(LAYOUT.parts(LAYOUT.reference_counts)[1].sum()) == 5100
