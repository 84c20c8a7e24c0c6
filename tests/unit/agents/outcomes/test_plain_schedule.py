"""By column, plain leads mature and are dropped as their states do one by one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from agents.outcomes.lead_state import LeadState
from agents.outcomes.plain_leads import plain_leads
from agents.outcomes.plain_schedule import due_times, handled
from agents.outcomes.schedule import due_at, left_without, scores_over_at
from tests.unit.agents.outcomes.lead_states import DAY, OPTIONS
from tests.unit.agents.outcomes.plain_states import plain_states


def one_by_one(
    lead_id: bytes, state: LeadState, first: int, last: tuple[int, bytes]
) -> tuple[bool, int | None, LeadState]:
    """Return whether a lead matured, when it was dropped, and its state after it."""
    matured, at = False, first
    while not state.is_empty and (at, lead_id) <= last:
        matured |= bool(state.mature(at - OPTIONS.horizon_ms))
        over = scores_over_at(state, at, OPTIONS)
        if over:
            state = left_without(state, over, at, OPTIONS)
            return matured, at, state
        at = max(at, due_at(state, OPTIONS))
    return matured, None, state


@given(st.lists(plain_states(), min_size=1, max_size=8), st.integers(0, 100), st.integers(0, 8))
def test_leads_mature_and_are_dropped_at_the_times_of_their_states(
    states: list[LeadState], days: int, last_lead: int
) -> None:
    ids = [b"L-%d" % n for n in range(len(states))]
    first = {one: due_at(state, OPTIONS) for one, state in zip(ids, states, strict=True)}
    last = days * DAY, b"L-%d" % last_lead
    due = {one: state for one, state in zip(ids, states, strict=True) if (first[one], one) <= last}
    values = {one: state.to_bytes() for one, state in due.items()}
    matured: set[bytes] = set()
    dropped: dict[bytes, int] = {}
    kept: dict[bytes, bytes] = {}
    for leads in plain_leads(values, OPTIONS)[0]:
        found = handled(leads, last, OPTIONS)
        matured |= set(found.matured.lead_ids)
        dropped |= zip(found.dropped.lead_ids, found.dropped_at.tolist(), strict=True)
        kept |= zip(found.kept.lead_ids, found.kept.values(), strict=True)
    for one, state in due.items():
        has_matured, dropped_at, left = one_by_one(one, state, first[one], last)
        assert (one in matured) == has_matured
        assert dropped.get(one) == dropped_at
        assert kept.get(one) == (None if left.is_empty else left.to_bytes())


@given(st.lists(plain_states(), min_size=1, max_size=8))
def test_leads_are_due_when_their_states_are(states: list[LeadState]) -> None:
    values = {b"L-%d" % n: state.to_bytes() for n, state in enumerate(states)}
    found = {
        one: at
        for leads in plain_leads(values, OPTIONS)[0]
        for one, at in zip(leads.lead_ids, due_times(leads, OPTIONS).tolist(), strict=True)
    }
    assert found == {b"L-%d" % n: due_at(state, OPTIONS) for n, state in enumerate(states)}
