"""Scores mature and are dropped at times that follow from their own session."""

from __future__ import annotations

from agents.outcomes.lead_state import LeadState
from agents.outcomes.schedule import due_at, left_without, scores_over_at
from tests.unit.agents.outcomes.lead_states import DAY, OPTIONS, outcome, score, state_of


def left_at(state: LeadState, day: float) -> LeadState:
    over = scores_over_at(state, round(day * DAY), OPTIONS)
    return left_without(state, over, round(day * DAY), OPTIONS)


def test_a_lead_is_due_when_its_first_young_score_matures_then_when_it_is_dropped() -> None:
    state = state_of(score(1)._replace(is_matured=False), score(4)._replace(is_matured=False))
    assert due_at(state, OPTIONS) == 11 * DAY
    assert len(state.mature(1 * DAY)) == 1
    assert due_at(state, OPTIONS) == 14 * DAY
    assert len(state.mature(9 * DAY)) == 1
    assert due_at(state, OPTIONS) == (4 + 14) * DAY
    assert due_at(state_of(outcome(3), outcome(5)), OPTIONS) == (5 + 14) * DAY


def test_a_session_is_dropped_at_the_same_time_whatever_was_read_ahead() -> None:
    live = [score(1), score(4)]
    ahead = [score(1, channel=1), score(70, channel=1), score(70)]
    for given in (live, [*live, *ahead]):
        state = state_of(*given)
        assert scores_over_at(state, 18 * DAY - 1, OPTIONS) == [
            one for one in given if one == score(1, channel=1)
        ]
        assert [one for one in scores_over_at(state, 18 * DAY, OPTIONS) if one.channel == 0] == live


def test_outcomes_that_wait_for_a_later_score_are_left_when_a_lead_is_dropped() -> None:
    state = state_of(
        score(1),
        *(score(4), outcome(2), outcome(5)),
        outcome(15),  # beyond the horizon of the last score
        outcome(30),
    )
    assert left_at(state, 18) == state_of(outcome(15), outcome(30))
    assert left_at(state, 15 + 14) == state_of(outcome(30))
    assert left_at(state, 30 + 14).is_empty


def test_outcomes_of_scores_that_are_left_are_kept() -> None:
    state = state_of(score(1), outcome(2), score(3, channel=1), outcome(4), outcome(12.5))
    assert left_at(state, 15) == state_of(score(3, channel=1), outcome(4), outcome(12.5))
