"""Counts are those of the logs: in any interleaving, after any restart."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from random import Random
from typing import Any

import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from agents.outcomes.lead_state import week_of
from agents.outcomes.partition_join import ArrivedOutcome, PartitionJoin, ScoredLead
from agents.outcomes.store import MemoryStore
from tests.unit.agents.outcomes.joins import (
    DAY,
    KINDS,
    MODEL,
    OPTIONS,
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


def test_segments_have_counts_of_their_own_which_move_with_the_lead(join: PartitionJoin) -> None:
    country, age = ("country", "NL"), ("age", "under 30")
    score = scored("a", 1, 0)._replace(segments=(country, age))
    add_scores(join, score, scored("b", 1, 1)._replace(segments=(country,)), scored("c", 1, 2))
    add_outcomes(join, arrived("a", "won", 3, 0))
    for day in (12, 40):  # they mature, and are dropped
        add_scores(join, scored("d", day, day), first=day)
        counts = {
            key.segment: (found.positives, found.negatives)
            for key, found in join.cohorts.counts.items()
            if key.week == START
        }
        assert counts == {None: (1, 2), country: (1, 1), age: (1, 0)}


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


def test_weeks_are_dropped_when_they_are_not_reported_any_more_also_after_a_restart() -> None:
    store = MemoryStore()
    options = replace(OPTIONS, reported_ms=4 * 7 * DAY)
    join = PartitionJoin(store, options, KINDS)
    add_scores(join, scored("a", 1, 0), scored("b", 8, 1), scored("c", 34, 2))
    assert join.first_reported_week == START
    add_scores(join, scored("d", 35, 3), first=3)
    weeks = {START + 7 * DAY, START + 28 * DAY, START + 35 * DAY}
    assert {key.week for key in join.cohorts.counts} == weeks
    longer = PartitionJoin(store, replace(OPTIONS, reported_ms=3 * 7 * DAY), KINDS)
    assert {key.week for key in longer.take_changed()} == weeks - {START + 7 * DAY}


def test_only_changed_cohorts_are_taken_and_after_a_restart_all() -> None:
    store = MemoryStore()
    join = join_of(store)
    add_scores(join, scored("a", 1, 0), scored("b", 8, 1))
    assert len(join.take_changed()) == 2
    add_scores(join, scored("c", 8, 2), first=2)
    assert [key.week for key in join.take_changed()] == [START + 7 * DAY]
    assert join.take_changed() == set()
    assert len(join_of(store).take_changed()) == 2


class FinalLeads:
    """Remembers final leads as detectors read them, over restarts.

    Attributes
    ----------
    seen
        Scores, and whether each converted, in the order in which they were read.
    """

    def __init__(self) -> None:
        self.seen: list[tuple[float, bool]] = []

    def take(self, model: object, scores: NDArray[np.float64], positive: NDArray[np.bool_]) -> Any:
        self.seen += zip(scores.tolist(), positive.tolist(), strict=True)
        return []

    def take_states(self) -> Mapping[Any, bytes]:
        return {MODEL: orjson.dumps(self.seen)} if self.seen else {}

    def restore(self, model: object, state: bytes) -> None:
        self.seen = [(score, positive) for score, positive in orjson.loads(state)]


class Restarted:
    """A join that is opened again and again on one store."""

    def __init__(self) -> None:
        self._store = MemoryStore()
        self.watches: list[FinalLeads] = []
        self.join = self.opened()

    def opened(self) -> PartitionJoin:
        self.watches = []
        self.join = join_of(self._store, self._watch)  # type: ignore[arg-type]
        return self.join

    def _watch(self) -> FinalLeads:
        self.watches.append(FinalLeads())
        return self.watches[-1]


@dataclass(frozen=True)
class Logs:
    """The logs of a partition: live scores, outcomes, the shadow's scores; each by its offsets."""

    scores: list[ScoredLead]
    outcomes: list[ArrivedOutcome]
    shadow: list[ScoredLead]
    shadow_written: list[int]

    def turns(self, random: Random) -> list[str]:
        """Return which log is read next.

        All outcomes, or all of the shadow's scores, come first, as at a start; or each when it was
        written, give or take a day.
        """

        def times(written: list[int]) -> Iterator[int]:
            if random.random() < 0.5:
                return iter([0] * len(written))
            # A log is read in the order of its offsets.
            return accumulate((at + random.randint(-DAY, DAY) for at in written), max)

        turns = [(score.at, "scores") for score in self.scores]
        turns += [(at, "outcomes") for at in times([each.arrived for each in self.outcomes])]
        turns += [(at, "shadow") for at in times(self.shadow_written)]
        return [name for _, name in sorted(turns)]


def read(place: Restarted, logs: Logs, random: Random) -> None:
    """Read all logs, in an order and with restarts that a worker may have."""
    turns = logs.turns(random)
    while turns:
        join = place.opened() if random.random() < 0.2 else place.join
        name = turns.pop(0)
        first = join.progress.offsets.get(name, 0)
        if name == "outcomes":
            add_outcomes(join, logs.outcomes[first])
            continue
        count = 1
        while random.random() < 0.5 and turns[:1] == [name]:  # batches of any size
            count += 1
            turns.pop(0)
        given = (logs.shadow if name == "shadow" else logs.scores)[first : first + count]
        join.add_scores(int(name == "shadow"), given, first, first + count)


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
SHADOW = st.lists(st.tuples(LEADS, DAYS, st.sampled_from([0, 1, 2])), max_size=8)
"""The shadow scores a lead up to the lateness after it came."""


@st.composite
def all_logs(draw: st.DrawFn) -> Logs:
    scores = sorted(draw(SCORES), key=lambda given: given[1])
    outcomes = sorted(draw(OUTCOMES), key=lambda given: given[2] + given[3])
    shadow = sorted(draw(SHADOW), key=lambda given: given[1] + given[2])
    return Logs(
        [scored(lead, day, offset, offset / 12) for offset, (lead, day) in enumerate(scores)],
        [
            arrived(lead, word, day, offset, after=after)
            for offset, (lead, word, day, after) in enumerate(outcomes)
        ],
        [scored(lead, day, offset, offset / 8) for offset, (lead, day, _) in enumerate(shadow)],
        [START + (day + after) * DAY for _, day, after in shadow],
    )


@settings(max_examples=150, deadline=None)
@given(all_logs(), st.randoms(use_true_random=False))
def test_counts_are_those_of_the_logs_in_any_interleaving(logs: Logs, random: Random) -> None:
    """Leads are scored in the order of time, as workers do; restarts come at any moment."""
    place = Restarted()
    read(place, logs, random)
    watermark = max(score.at for score in logs.scores)
    expected = recount(logs.scores, logs.outcomes)
    expected += recount(logs.shadow, logs.outcomes, channel=1, watermark=watermark)
    assert totals(place.join) == expected


@settings(max_examples=150, deadline=None)
@given(all_logs(), st.randoms(use_true_random=False))
def test_detectors_read_the_same_leads_in_the_same_order_in_any_interleaving(
    logs: Logs, random: Random
) -> None:
    """Whatever was read ahead, and in batches of whatever size."""
    one, other = Restarted(), Restarted()
    read(one, logs, random)
    read(other, logs, random)
    for first, second in zip(one.watches, other.watches, strict=True):
        assert first.seen == second.seen
