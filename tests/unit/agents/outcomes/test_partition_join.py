"""Counts are those of the logs: in any interleaving, after any restart."""

from __future__ import annotations

from collections import Counter
from itertools import accumulate
from random import Random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.outcomes.lead_state import week_of
from agents.outcomes.partition_join import ArrivedOutcome, PartitionJoin, ScoredLead
from agents.outcomes.store import MemoryStore
from tests.unit.agents.outcomes.joins import (
    DAY,
    MODEL,
    START,
    arrived,
    join_of,
    recount,
    scored,
    totals,
)


def add_scores(join: PartitionJoin, *scores: ScoredLead, first: int = 0) -> Counter[str]:
    return join.add_scores(0, scores, first, first + len(scores))


def add_outcomes(join: PartitionJoin, *given: ArrivedOutcome) -> Counter[str]:
    first = given[0].offset
    return join.add_outcomes(given, first, first + len(given))


@pytest.fixture
def join() -> PartitionJoin:
    return join_of(MemoryStore())


def test_a_lead_is_unknown_until_the_horizon_has_passed_then_counts(join: PartitionJoin) -> None:
    add_scores(join, scored("a", 1, 0), scored("b", 1, 1), scored("c", 1, 2))
    add_outcomes(join, arrived("a", "won", 3, 0), arrived("b", "lost", 4, 1))
    assert totals(join) == {(0, START, "unknown"): 3}
    tally = add_scores(join, scored("d", 11, 3), first=3)
    assert tally == {"missing": 1}
    assert totals(join) == {
        (0, START, "positives"): 1,
        (0, START, "negatives"): 2,
        (0, START + 7 * DAY, "unknown"): 1,
    }


@pytest.mark.parametrize(
    ("outcome", "treatment"),
    [
        (arrived("a", "won", 3, 5), "joined"),
        (arrived("a", "engaged", 3, 5), "open"),
        (arrived("a", "won", 2, 5), "repeated"),
        (arrived("a", "lost", 3, 5), "contradictory"),
        (arrived("a", "won", 0, 5), "waiting"),
        (arrived("z", "won", 3, 5), "waiting"),
        (arrived("a", "won", 12, 5), "beyond_horizon"),
        (arrived("a", "won", 3, 5, after=11), "late"),
    ],
)
def test_each_outcome_has_a_treatment(
    join: PartitionJoin, outcome: ArrivedOutcome, treatment: str
) -> None:
    add_scores(join, scored("a", 1, 0))
    add_outcomes(join, arrived("a", "won", 2, 0))
    assert add_outcomes(join, outcome) == {treatment: 1}


def test_an_outcome_without_a_score_is_orphaned_when_none_can_come_any_more(
    join: PartitionJoin,
) -> None:
    add_outcomes(join, arrived("z", "won", 1, 0))
    assert add_scores(join, scored("a", 15, 0)) == {"orphaned": 1}


def test_a_late_outcome_corrects_counts_of_a_matured_lead(join: PartitionJoin) -> None:
    add_scores(join, scored("a", 1, 0), scored("b", 12, 1))
    assert totals(join)[0, START, "negatives"] == 1
    add_outcomes(join, arrived("a", "won", 3, 0, after=9, money=19_900_000))
    [counts] = [c for key, c in join.cohorts.counts.items() if key.week == START]
    assert (counts.positives, counts.negatives) == (1, 0)
    [money] = counts.money
    assert (money.currency, money.amount) == ("EUR", 19_900_000)


def test_counts_of_a_dropped_lead_stay(join: PartitionJoin) -> None:
    add_scores(join, scored("a", 1, 0))
    add_outcomes(join, arrived("a", "won", 3, 0))
    add_scores(join, scored("b", 40, 1), first=1)
    assert add_outcomes(join, arrived("a", "lost", 4, 1)) == {"waiting": 1}
    assert totals(join)[0, START, "positives"] == 1


@pytest.mark.parametrize("ahead", [0, 1, 2, 3])
def test_an_outcome_that_is_read_ahead_waits_for_its_score_while_the_lead_is_dropped(
    join: PartitionJoin, ahead: int
) -> None:
    """Outcomes are read to their end before scores: after a start, long before their score."""
    scores = [scored("a", 1, 0), scored("b", 16, 1), scored("a", 20, 2), scored("b", 31, 3)]
    for turn, one in enumerate(scores):
        if turn == ahead:
            add_outcomes(join, arrived("a", "won", 21, 0))
        add_scores(join, one, first=turn)
    assert totals(join) == {
        (0, START, "negatives"): 1,
        (0, START + 14 * DAY, "positives"): 1,
        (0, START + 14 * DAY, "negatives"): 1,
        (0, START + 28 * DAY, "unknown"): 1,
    }


def test_an_outcome_that_is_read_ahead_is_orphaned_when_none_of_its_scores_came(
    join: PartitionJoin,
) -> None:
    add_outcomes(join, arrived("a", "won", 2, 0), arrived("a", "won", 21, 1))
    add_scores(join, scored("a", 1, 0))
    assert add_scores(join, scored("b", 15, 1), first=1)["orphaned"] == 0
    assert add_scores(join, scored("c", 35, 2), first=2)["orphaned"] == 1


def test_the_shadow_has_counts_of_its_own_and_does_not_move_the_watermark(
    join: PartitionJoin,
) -> None:
    add_scores(join, scored("a", 1, 0))
    join.add_scores(1, [scored("a", 1, 0), scored("b", 30, 1)], 0, 2)
    assert totals(join) == {
        (0, START, "unknown"): 1,
        (1, START, "unknown"): 1,
        (1, week_of(START + 30 * DAY), "unknown"): 1,
    }


def test_cohorts_that_began_before_the_log_are_not_taken(join: PartitionJoin) -> None:
    add_scores(join, scored("a", 2, 7), scored("b", 8, 8), first=7)
    assert {(key.model, key.week) for key in join.take_changed()} == {(MODEL, START + 7 * DAY)}


def test_only_changed_cohorts_are_taken_and_after_a_restart_all() -> None:
    store = MemoryStore()
    join = join_of(store)
    add_scores(join, scored("a", 1, 0), scored("b", 8, 1))
    assert len(join.take_changed()) == 2
    add_scores(join, scored("c", 8, 2), first=2)
    assert [key.week for key in join.take_changed()] == [START + 7 * DAY]
    assert join.take_changed() == set()
    assert len(join_of(store).take_changed()) == 2


def turns_of(
    scores: list[ScoredLead], outcomes: list[ArrivedOutcome], random: Random
) -> list[bool]:
    """Return whether a score is next: first all outcomes, as at a start, or both by arrival."""
    ahead = random.random() < 0.5
    arrivals = [0 if ahead else o.arrived + random.randint(-DAY, DAY) for o in outcomes]
    times = accumulate(arrivals, max)  # outcomes are read in the order of their offsets
    both = [(at, False) for at in times] + [(s.at, True) for s in scores]
    return [is_score for _, is_score in sorted(both, key=lambda turn: turn[0])]


LEADS = st.sampled_from("abc")
DAYS = st.integers(0, 60)
"""Long enough for a lead to be dropped, and scored again."""
SCORES = st.lists(st.tuples(LEADS, DAYS), min_size=4, max_size=12)
OUTCOMES = st.lists(
    st.tuples(
        LEADS,
        st.sampled_from(["won", "lost", "engaged"]),
        DAYS,
        st.sampled_from([0, 3, 13]),
    ),
    min_size=4,
    max_size=10,
)


@settings(max_examples=300, deadline=None)
@given(SCORES, OUTCOMES, st.randoms(use_true_random=False))
def test_counts_are_those_of_the_logs_in_any_interleaving(scores, outcomes, random) -> None:  # type: ignore[no-untyped-def]
    """Leads are scored in the order of time, as workers do; restarts come at any moment."""
    given_scores = [
        scored(lead, day, offset, offset / 12)
        for offset, (lead, day) in enumerate(sorted(scores, key=lambda given: given[1]))
    ]
    given_outcomes = [
        arrived(lead, word, day, offset, after=after)
        for offset, (lead, word, day, after) in enumerate(
            sorted(outcomes, key=lambda given: given[2] + given[3])
        )
    ]
    store = MemoryStore()
    join = join_of(store)
    for is_score in turns_of(given_scores, given_outcomes, random):
        if random.random() < 0.2:
            join = join_of(store)
        offsets = join.progress.offsets
        if is_score:
            at = offsets.get("scores", 0)
            add_scores(join, given_scores[at], first=at)
        else:
            add_outcomes(join, given_outcomes[offsets.get("outcomes", 0)])
    assert totals(join) == recount(given_scores, given_outcomes)
