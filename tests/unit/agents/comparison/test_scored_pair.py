"""Two scores of each lead."""

from __future__ import annotations

import numpy as np

from agents.comparison.scored_pair import HIGH
from schemas.scored_event import CATEGORIES
from tests.unit.agents.comparison.pairs import pair

CHANGED = pair([0.1, 0.4, 0.7], [0.2, 0.7, 0.7])


def test_the_change_is_after_minus_before() -> None:
    np.testing.assert_allclose(CHANGED.change, [0.1, 0.3, 0])
    assert CHANGED.is_moved.tolist() == [False, True, False]
    assert len(CHANGED) == 3


def test_some_leads_keep_both_scores_side_by_side() -> None:
    some = CHANGED.take(np.array([2, 0]))
    assert some.before.scores.tolist() == [0.7, 0.1]
    assert some.after.bands.tolist() == [HIGH, 0]
    assert CHANGED.take(CHANGED.is_moved).before.scores.tolist() == [0.4]


def test_bands_are_those_of_the_scored_event() -> None:
    assert CATEGORIES[HIGH] == "High"
