"""The comparison by segment."""

from __future__ import annotations

import numpy as np
import pytest

from agents.comparison.outcomes import Outcomes
from agents.comparison.segments import SegmentedField, segmented
from tests.unit.agents.comparison.pairs import pair

TWO = SegmentedField("team", np.array([0, 0, 1, 1]), ["north", "south", "missing"])
CHANGED = pair([0.1, 0.7, 0.1, 0.1], [0.1, 0.7, 0.7, 0.3])


def test_each_segment_has_its_own_figures_and_an_empty_one_is_left_out() -> None:
    north, south = segmented(CHANGED, TWO).segments
    assert (north.name, north.leads, north.moved_share) == ("north", 2, 0)
    assert (south.mean_before, south.mean_after) == pytest.approx((0.1, 0.5))
    assert (south.high_before, south.high_after, south.moved_share) == (0, 0.5, 1)
    assert south.quality is None


def test_the_spread_is_that_of_the_mean_changes() -> None:
    assert segmented(CHANGED, TWO).spread == pytest.approx(0.2)
    assert segmented(CHANGED, SegmentedField("all", np.zeros(4, int), ["x"])).spread == 0


def test_the_auc_of_a_segment_is_known_where_both_outcomes_are() -> None:
    outcomes = Outcomes(
        known=np.array([True, True, True, False]),
        positive=np.array([False, True, True, False]),
    )
    north, south = segmented(CHANGED, TWO, outcomes).segments
    assert north.quality is not None
    assert north.quality.estimates["auc"].after.value == 1
    assert south.quality is None
    assert segmented(CHANGED, TWO, outcomes).has_quality


def test_the_smallest_of_many_segments_are_counted_together() -> None:
    codes = np.array([0, 1, 1, 2, 2, 2, 3])
    scores = [0.1] * 7
    found = segmented(pair(scores, scores), SegmentedField("f", codes, list("abcd")), most=3)
    assert [(s.name, s.leads) for s in found.segments] == [("b", 2), ("c", 3), ("(2 others)", 2)]
    assert sum(s.leads for s in found.segments) == 7


def test_json_names_the_field() -> None:
    found = segmented(CHANGED, TWO).as_dict()
    assert found["field"] == "team"
    assert [segment["leads"] for segment in found["segments"]] == [2, 2]
