"""Outcomes of leads, some of them unknown."""

from __future__ import annotations

import numpy as np
import pytest

from agents.comparison.outcomes import Outcomes


@pytest.mark.parametrize(
    ("known", "positive", "has_both"),
    [
        ([1, 1], [1, 0], True),
        ([1, 1], [1, 1], False),
        ([1, 0], [1, 0], False),  # the failure is not known
        ([0, 0], [1, 0], False),
    ],
)
def test_only_known_outcomes_count(known: list[int], positive: list[int], has_both: bool) -> None:
    outcomes = Outcomes(np.array(known, dtype=bool), np.array(positive, dtype=bool))
    assert outcomes.has_both_kinds is has_both


def test_some_leads_keep_their_outcomes() -> None:
    outcomes = Outcomes(np.array([True, False, True]), np.array([False, False, True]))
    some = outcomes.take(np.array([2, 0]))
    assert (some.known.tolist(), some.positive.tolist()) == ([True, True], [True, False])
