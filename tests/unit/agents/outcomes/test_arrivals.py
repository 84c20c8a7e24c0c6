"""Scores by column are the same scores."""

from __future__ import annotations

import numpy as np

from agents.outcomes.arrivals import ScoredLeads
from tests.unit.agents.outcomes.joins import scored

ROWS = [
    scored("a", 1, 0, 0.25),
    scored("b", 2, 1, 0.75)._replace(segments=(("country", "NL"),), created=7),
    scored("c", 3, 2),
]


def test_scores_by_column_are_the_scores() -> None:
    columns = ScoredLeads.of(ROWS)
    assert list(columns) == ROWS
    assert (len(columns), columns[1], columns[1:], columns[-1]) == (3, ROWS[1], ROWS[1:], ROWS[2])
    assert ScoredLeads.of(columns) is columns
    assert list(ScoredLeads.of([])) == []


def test_some_of_the_scores_are_taken() -> None:
    columns = ScoredLeads.of(ROWS)
    assert list(columns.take(np.array([0, 2]))) == [ROWS[0], ROWS[2]]
    assert list(columns.take(np.zeros(0, np.intp))) == []
    assert columns.take(np.arange(3)) is columns
