"""Drawn states of plain leads."""

from __future__ import annotations

from hypothesis import strategies as st

from agents.outcomes.lead_state import LeadState, Outcome, Score
from tests.unit.agents.outcomes.lead_states import DAY, LOST, OPTIONS, WON

__all__ = ["plain_states"]


@st.composite
def plain_states(draw: st.DrawFn) -> LeadState:
    """Draw the state of a lead with one score, and at most one outcome, which belongs to it."""
    at = draw(st.integers(0, 60)) * DAY
    score = Score(
        draw(st.integers(0, 1)),
        at,
        draw(st.integers(0, 10**12)),
        draw(st.floats(0, 1)),
        draw(st.integers(0, 1)),
        draw(st.integers(2, 3)),
        draw(st.booleans()),
        tuple(draw(st.lists(st.integers(4, 6), max_size=2))),
    )
    if draw(st.booleans()):
        return LeadState([score], [])
    occurred = at + draw(st.integers(0, OPTIONS.horizon_ms))
    arrived = draw(st.integers(occurred, at + OPTIONS.horizon_ms + OPTIONS.late_ms))
    money = draw(st.sampled_from([(0, ""), (19_900, "EUR"), (5, "CHF")]))
    kind = draw(st.sampled_from([WON, LOST]))
    return LeadState([score], [Outcome(occurred, 7, arrived, kind, *money)])
