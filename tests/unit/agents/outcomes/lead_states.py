"""States of leads for tests; times are days."""

from __future__ import annotations

from agents.outcomes.kinds import OutcomeKind
from agents.outcomes.lead_state import JoinOptions, LeadState, Outcome, Score

__all__ = ["DAY", "LOST", "OPTIONS", "WON", "outcome", "score", "state_of"]

DAY = 86_400_000
OPTIONS = JoinOptions(horizon_ms=10 * DAY, late_ms=2 * DAY)
WON, LOST = OutcomeKind.POSITIVE, OutcomeKind.NEGATIVE


def score(day: float, *, offset: int | None = None, channel: int = 0, model: int = 0) -> Score:
    place = round(day) if offset is None else offset
    return Score(channel, round(day * DAY), place, 0.5, model, 1, is_matured=True)


def outcome(
    day: float, kind: OutcomeKind = WON, *, offset: int = 0, arrived: float | None = None
) -> Outcome:
    at = round((day if arrived is None else arrived) * DAY)
    return Outcome(round(day * DAY), offset, at, kind)


def state_of(*entries: Score | Outcome) -> LeadState:
    state = LeadState([], [])
    for entry in entries:
        if isinstance(entry, Score):
            state.add_score(entry, OPTIONS.horizon_ms)
        else:
            state.add_outcome(entry)
    return state
