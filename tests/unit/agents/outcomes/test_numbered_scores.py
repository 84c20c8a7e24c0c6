"""Names get numbers in the order of the scores."""

from __future__ import annotations

import numpy as np

from agents.outcomes.arrivals import ScoredLeads
from agents.outcomes.lead_state import LeadState, Score
from agents.outcomes.numbered_scores import NumberedScores
from agents.outcomes.store import MemoryStore
from agents.outcomes.stored_cohorts import StoredCohorts
from tests.unit.agents.outcomes.joins import scored

LEADS = ScoredLeads.of(
    [
        scored("a", 1, 0, 0.25),
        scored("b", 2, 1, 0.75)._replace(segments=(("country", "NL"),)),
        scored("c", 3, 2, 0.5),
    ]
)


def numbered(channel: int = 0) -> NumberedScores:
    return NumberedScores.of(channel, LEADS, StoredCohorts(MemoryStore()))


def test_scores_have_the_numbers_of_their_names() -> None:
    found = numbered(channel=1)
    assert found.score(1) == Score(1, LEADS[1].at, 1, 0.75, 0, 2, segments=(3,))
    assert [found.score(row).band for row in range(3)] == [1, 2, 2]


def test_scores_with_as_many_segments_are_plain_together() -> None:
    found = numbered()
    assert found.are_as_wide.tolist() == [True, False, True]
    plain = found.plain(np.array([0, 2]))
    assert plain.lead_ids == [b"a", b"c"]
    assert plain.values() == [LeadState([found.score(row)], []).to_bytes() for row in (0, 2)]


def test_no_scores_are_no_leads() -> None:
    none = NumberedScores.of(0, ScoredLeads.of([]), StoredCohorts(MemoryStore()))
    assert none.are_as_wide.tolist() == []
    assert none.plain(np.zeros(0, np.intp)).values() == []
