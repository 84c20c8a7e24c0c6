"""Treatment of an outcome: joined, contradictory, repeated, late and others (docs/outcomes.md)."""

from __future__ import annotations

from agents.outcomes.lead_state import JoinOptions, LeadState, Outcome, belongs, last_before

__all__ = ["treatment_of"]


def treatment_of(entry: Outcome, state: LeadState, options: JoinOptions) -> str:
    """Return the treatment of an outcome, by the live scores and outcomes of its lead so far."""
    if any(kept.content == entry.content for kept in state.outcomes):
        return "repeated"
    live = [score for score in state.scores if score.channel == 0]
    score = last_before(live, entry.at)
    if score is None:
        return "waiting"
    if not belongs(entry, score, options):
        is_in_time = entry.at <= score.at + options.horizon_ms
        return "late" if is_in_time else "beyond_horizon"
    others = (
        kept for kept in state.outcomes if kept.kind != entry.kind and belongs(kept, score, options)
    )
    return "contradictory" if any(others) else "joined"
