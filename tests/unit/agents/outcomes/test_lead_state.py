"""Scores and outcomes of a lead that count, for each order in which they may occur."""

from __future__ import annotations

from itertools import permutations

import pytest

from agents.outcomes.kinds import OutcomeKind
from agents.outcomes.lead_state import (
    MOST_ENTRIES,
    LeadState,
    Outcome,
    Score,
    examples,
    last_before,
    sessions,
    week_of,
)
from tests.unit.agents.outcomes.lead_states import (
    DAY,
    LOST,
    OPTIONS,
    WON,
    outcome,
    score,
    state_of,
)


def counted(*entries: Score | Outcome) -> list[tuple[float, OutcomeKind | None]]:
    """Return the day and the kind of each score that counts."""
    found = examples(state_of(*entries), OPTIONS)
    return [(example.score.at / DAY, example.kind) for example in found]


def test_an_outcome_belongs_to_the_last_score_before_it() -> None:
    assert counted(score(1), score(3), score(6), outcome(4)) == [(3, WON), (6, LOST)]


def test_a_score_that_is_superseded_without_an_outcome_does_not_count() -> None:
    assert counted(score(1), score(3)) == [(3, LOST)]
    assert counted(score(1), score(11)) == [(11, LOST)]
    assert counted(score(1), score(11.1)) == [(1, LOST), (11.1, LOST)]


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (outcome(11), WON),
        (outcome(11.1), LOST),  # beyond the horizon: the score has none
        (outcome(0.9), LOST),  # before the score
        (outcome(5, arrived=13), WON),
        (outcome(5, arrived=13.1), LOST),  # too late
    ],
)
def test_an_outcome_counts_within_the_horizon_if_it_arrives_in_time(
    given: Outcome, kind: OutcomeKind
) -> None:
    assert counted(score(1), given) == [(1, kind)]


def test_the_last_of_contradictory_outcomes_counts() -> None:
    first, last = outcome(3, WON, offset=0), outcome(4, LOST, offset=1)
    entries: list[Score | Outcome] = [score(1), first, last]
    for order in permutations(entries):
        assert counted(*order) == [(1, LOST)]


def test_the_last_sent_of_simultaneous_outcomes_counts() -> None:
    assert counted(score(1), outcome(3, LOST, offset=7), outcome(3, WON, offset=8)) == [(1, WON)]


def test_a_young_score_counts_as_unknown_whatever_its_outcome() -> None:
    young = score(1)._replace(is_matured=False)
    assert counted(young, outcome(2)) == [(1, None)]


def test_outcomes_without_a_score_count_for_nothing() -> None:
    assert counted(outcome(2)) == []


def test_the_shadow_scores_of_a_lead_count_beside_the_live_ones() -> None:
    found = counted(score(1), score(2, channel=1, model=5), outcome(3))
    assert found == [(1, WON), (2, WON)]


def test_a_record_that_was_scored_again_after_a_crash_counts_once() -> None:
    assert counted(score(2, offset=5), score(1, offset=5)) == [(1, LOST)]
    assert counted(score(1, offset=5), score(2, offset=5)) == [(1, LOST)]


def test_only_the_latest_entries_are_kept() -> None:
    many = [score(day) for day in range(1, 40)]
    state = state_of(*many, *(outcome(day, offset=day) for day in range(1, 40)))
    assert [kept.at / DAY for kept in state.scores] == list(range(40 - MOST_ENTRIES, 40))
    assert [kept.offset for kept in state.outcomes] == list(range(40 - MOST_ENTRIES, 40))


def test_scores_of_another_session_are_kept_beside_the_latest_of_one() -> None:
    """A shadow's scores are read ahead by months: its sessions must not push each other out."""
    first, later = [score(day) for day in range(1, 20)], [score(day) for day in range(60, 65)]
    state = state_of(*first, *later)
    assert [kept.at / DAY for kept in state.scores] == [*range(4, 20), *range(60, 65)]


def test_a_session_ends_where_no_score_follows_within_the_horizon() -> None:
    found = sessions([score(1), score(2, channel=1), score(11), score(22), score(30)], 10 * DAY)
    assert [[s.at / DAY for s in session] for session in found] == [[1, 11], [22, 30], [2]]


def test_the_state_is_read_as_it_was_written() -> None:
    state = state_of(
        score(1, model=300), score(2, channel=1), outcome(3), Outcome(5, 6, 7, LOST, -8, "EUR")
    )
    assert LeadState.of_bytes(state.to_bytes()) == state
    assert LeadState.of_bytes(None) == LeadState([], [])
    assert len(state.to_bytes()) == 2 + 2 * 30 + 2 * 37
    young = score(6)._replace(is_matured=False, segments=(3, 70, 65_535))
    state.add_score(young, OPTIONS.horizon_ms)
    assert LeadState.of_bytes(state.to_bytes()) == state
    assert len(state.to_bytes()) == 2 + 3 * 30 + 3 * 2 + 2 * 37


def test_weeks_begin_on_monday() -> None:
    assert week_of(345_600_000) == 345_600_000
    assert week_of(345_600_000 - 1) == 345_600_000 - 7 * DAY


def test_the_last_score_before_a_time_is_found() -> None:
    assert last_before([score(1), score(3)], 3 * DAY) == score(3)
    assert last_before([score(1)], 0) is None
