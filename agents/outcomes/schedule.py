"""When scores of a lead mature and are dropped, in event time.

The scores of a channel form sessions: each follows the one before within the horizon. Only scores
of one session can compete for an outcome, so a session is dropped as a whole, at a time that
follows from its own scores. What was read ahead, of this channel or another, changes nothing.
"""

from __future__ import annotations

from collections.abc import Collection

from agents.outcomes.lead_state import (
    JoinOptions,
    LeadState,
    Outcome,
    Score,
    belongs,
    sessions,
)

__all__ = ["due_at", "left_without", "scores_over_at"]


def due_at(state: LeadState, options: JoinOptions) -> int:
    """Return the watermark at which something is to be done with a lead that is not empty.

    A score matures, or a session is dropped; of a lead without scores, its outcomes.
    """
    if not state.scores:
        return max(outcome.at for outcome in state.outcomes) + options.kept_ms
    if len(state.scores) == 1:  # of most leads
        [score] = state.scores
        return score.at + (options.kept_ms if score.is_matured else options.horizon_ms)
    young = [score.at + options.horizon_ms for score in state.scores if not score.is_matured]
    ends = [session[-1].at for session in sessions(state.scores, options.horizon_ms)]
    return min([*young, min(ends) + options.kept_ms])


def scores_over_at(state: LeadState, watermark: int, options: JoinOptions) -> list[Score]:
    """Return the scores of the sessions that are dropped at a watermark."""
    return [
        score
        for session in sessions(state.scores, options.horizon_ms)
        if session[-1].at + options.kept_ms <= watermark
        for score in session
    ]


def left_without(
    state: LeadState, dropped: Collection[Score], watermark: int, options: JoinOptions
) -> LeadState:
    """Return what is left when scores are dropped: other scores, and outcomes that they may need.

    These are the outcomes of scores that are left, and those that were read ahead of their score:
    they belong to no score yet, and one may still come.
    """
    left = [score for score in state.scores if score not in dropped]

    def is_needed(outcome: Outcome) -> bool:
        if any(belongs(outcome, score, options) for score in left):
            return True
        is_over = outcome.at + options.kept_ms <= watermark
        return not is_over and not any(belongs(outcome, score, options) for score in dropped)

    return LeadState(left, [outcome for outcome in state.outcomes if is_needed(outcome)])
