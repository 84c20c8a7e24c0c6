"""By column, plain leads are what their states are one by one."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from agents.outcomes.change_counts import ChangeCounts
from agents.outcomes.cohorts import CODES, CohortRow
from agents.outcomes.lead_state import LeadState, Score
from agents.outcomes.plain_leads import Cell, PlainLeads, by_cell, plain_leads
from agents.outcomes.store import MemoryStore
from agents.outcomes.stored_cohorts import StoredCohorts
from monitoring.quality.scored_outcomes import ScoredOutcomes
from schemas.model_identity import ModelIdentity
from tests.unit.agents.outcomes.lead_states import OPTIONS, outcome, score, state_of
from tests.unit.agents.outcomes.plain_states import plain_states


def stored_names() -> StoredCohorts:
    """Return names by number: two models, two bands, three segments."""
    names = StoredCohorts(MemoryStore())
    for version in "12":
        names.number_of(ModelIdentity("leads", version, "ab" * 32))
    for band in ("High", "Low"):
        names.number_of(band)
    names.segment_numbers(0, [("country", code) for code in ("NL", "BE", "DE")])
    return names


def values_of(states: list[LeadState]) -> dict[bytes, bytes]:
    return {b"L-%d" % n: state.to_bytes() for n, state in enumerate(states)}


def rows_of(columns: ScoredOutcomes) -> list[Any]:
    found = zip(
        columns.scores.tolist(),
        columns.outcomes.tolist(),
        columns.bands,
        columns.amounts.tolist(),
        columns.currencies,
        strict=True,
    )
    return [(*row[:3], row[3], row[4] if row[3] else "") for row in found]


def row_of(row: CohortRow) -> tuple[Any, ...]:
    return row.score, CODES[row.kind], row.band, row.money, row.currency


@given(st.lists(plain_states(), max_size=8))
def test_states_are_read_and_written_as_they_are(states: list[LeadState]) -> None:
    values = values_of(states)
    found, others = plain_leads(values, OPTIONS)
    assert others == {}
    assert {
        lead_id: value
        for leads in found
        for lead_id, value in zip(leads.lead_ids, leads.values(), strict=True)
    } == values


@given(st.lists(plain_states(), max_size=8))
def test_leads_count_as_their_states_do(states: list[LeadState]) -> None:
    names = stored_names()
    counts = ChangeCounts(names, OPTIONS)
    expected: Counter[tuple[Cell, tuple[Any, ...]]] = Counter()
    for state in states:
        expected.update((cell, row_of(row)) for cell, row in counts.rows(state))
    got: Counter[tuple[Cell, tuple[Any, ...]]] = Counter()
    for leads in plain_leads(values_of(states), OPTIONS)[0]:
        for are_known in (False, True):
            part = leads.take(leads.are_matured == are_known)
            rows = rows_of(part.scored_outcomes(names.names, is_known=are_known))
            for cell, places in by_cell(part):
                got.update((cell, rows[place]) for place in places.tolist())
    assert got == expected


@given(st.lists(plain_states().filter(lambda state: not state.outcomes), min_size=1, max_size=8))
def test_new_scores_are_states_with_one_score(states: list[LeadState]) -> None:
    width = len(states[0].scores[0].segments)
    scores = [state.scores[0]._replace(is_matured=False, channel=1) for state in states]
    scores = [each for each in scores if len(each.segments) == width]
    leads = PlainLeads.of_scores(
        [b"L"] * len(scores),
        1,
        {
            name: np.array([getattr(each, name) for each in scores])
            for name in ("model", "band", "at", "offset", "score")
        },
        [each.segments for each in scores],
    )
    assert leads.values() == [LeadState([each], []).to_bytes() for each in scores]


def test_other_leads_are_left_as_they_are() -> None:
    states = [
        state_of(score(1), score(4)),
        state_of(score(1), outcome(2), outcome(3)),
        state_of(score(1), outcome(15)),  # beyond the horizon
        state_of(score(1), outcome(2, arrived=20)),  # too late
        state_of(score(5), outcome(2)),  # before the score
        state_of(outcome(2)),
    ]
    values = values_of([*states, state_of(score(1), outcome(2))])
    found, others = plain_leads(values, OPTIONS)
    assert others == values_of(states)
    assert [leads.lead_ids for leads in found] == [[b"L-6"]]


def test_leads_are_marked_as_matured() -> None:
    young = Score(0, 5, 1, 0.5, 0, 2, segments=(4,))
    values = values_of([LeadState([young], [])] * 2)
    [leads], _ = plain_leads(values, OPTIONS)
    marked = leads.marked(np.array([True, False]))
    assert marked.are_matured.tolist() == [True, False]
    old = LeadState([young._replace(is_matured=True)], [])
    assert marked.values() == [old.to_bytes(), values[b"L-1"]]
    assert not leads.are_matured.any()
