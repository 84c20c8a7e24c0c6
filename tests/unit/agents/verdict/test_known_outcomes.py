"""Which scores have a known outcome."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from agents.outcomes.kinds import OutcomeKind
from agents.outcomes.lead_state import JoinOptions, LeadState, Outcome, Score, examples
from agents.verdict.known_outcomes import OUTCOME, Horizon, known_outcomes

HORIZON = Horizon(counts_ms=100, late_ms=20)


def joined(
    scores: list[tuple[int, int]], outcomes: list[tuple[Any, ...]], watermark: int = 10_000
) -> list[str]:
    """Return + for a success, - for a failure, ? where it is not known, of each (lead, time)."""
    given = [(lead, at, arrived, n, won) for n, (lead, at, arrived, won) in enumerate(outcomes)]
    found = known_outcomes(
        np.array([lead for lead, _ in scores], dtype=np.uint64),
        np.array([at for _, at in scores], dtype=np.int64),
        np.array(given, dtype=OUTCOME),
        HORIZON,
        watermark,
    )
    assert not found.positive[~found.known].any()
    signs = zip(found.known, found.positive, strict=True)
    return ["+" if won else "-" if known else "?" for known, won in signs]


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        ((1, 1050, 1050, True), "+"),
        ((1, 1050, 1050, False), "-"),
        ((1, 1000, 1000, True), "+"),
        ((1, 1100, 1120, True), "+"),
        ((1, 1100, 1121, True), "-"),  # it arrived too late
        ((1, 1101, 1101, True), "-"),  # beyond the horizon
        ((1, 999, 999, True), "-"),  # before the score
        ((2, 1050, 1050, True), "-"),  # of another lead
    ],
)
def test_an_outcome_counts_within_the_horizon_if_it_arrives_in_time(
    outcome: tuple[Any, ...], expected: str
) -> None:
    assert joined([(1, 1000)], [outcome]) == [expected]


def test_nothing_is_known_before_the_horizon_has_passed() -> None:
    won = [(1, 1050, 1050, True)]
    found = known_outcomes(
        np.array([1], dtype=np.uint64),
        np.array([1000]),
        np.array([(1, 1050, 1050, 0, True)], dtype=OUTCOME),
        HORIZON,
        1099,
    )
    assert found.known.tolist() == [False]
    assert joined([(1, 1000)], won, watermark=1100) == ["+"]


def test_the_last_one_of_several_outcomes_counts() -> None:
    won, lost = (1, 1050, 1050, True), (1, 1060, 1060, False)
    assert joined([(1, 1000)], [lost, won]) == ["-"]
    assert joined([(1, 1000)], [won, (1, 1050, 1050, False)]) == ["-"], "that was sent last"


def test_an_outcome_belongs_to_the_last_score_before_it() -> None:
    scores = [(1, 1000), (2, 1010), (1, 1040), (1, 1080)]
    assert joined(scores, [(1, 1050, 1050, True)]) == ["?", "-", "+", "-"]


def test_a_score_that_a_later_one_supersedes_is_not_known_without_an_outcome_of_its_own() -> None:
    assert joined([(1, 1000), (1, 1100)], []) == ["?", "-"]
    assert joined([(1, 1000), (1, 1101)], []) == ["-", "-"], "its horizon had passed"


def test_order_of_scores_and_outcomes_does_not_matter() -> None:
    scores, outcomes = [(3, 50), (1, 1000), (2, 900)], [(2, 950, 960, True), (1, 1001, 1001, False)]
    assert joined(scores, outcomes) == joined(scores, outcomes[::-1]) == ["-", "-", "+"]


def test_without_scores_or_outcomes_there_is_nothing_to_join() -> None:
    assert joined([], [(1, 1, 1, True)]) == []
    assert joined([(1, 1000)], []) == ["-"]


@st.composite
def logs(draw: st.DrawFn) -> tuple[list[tuple[int, int]], list[tuple[int, int, int, bool]]]:
    """Draw scores (lead, time) in the order of their offsets, and outcomes in that of theirs."""
    times = st.integers(0, 400)
    scores = draw(st.lists(st.tuples(st.integers(1, 3), times), max_size=12))
    outcomes = draw(
        st.lists(st.tuples(st.integers(1, 3), times, st.integers(0, 60), st.booleans()), max_size=8)
    )
    return sorted(scores, key=lambda score: score[1]), [
        (lead, at, at + delay, won) for lead, at, delay, won in outcomes
    ]


@given(logs())
def test_the_rule_is_that_of_the_role_outcomes(
    log: tuple[list[tuple[int, int]], list[tuple[int, int, int, bool]]],
) -> None:
    scores, outcomes = log
    watermark = max((at for _, at in scores), default=0)
    expected = ["?"] * len(scores)
    for lead in {lead for lead, _ in scores}:
        state = LeadState([], [])
        for offset, (owner, at) in enumerate(scores):
            if owner == lead:
                state.add_score(Score(0, at, offset, 0.5, 0, 0), HORIZON.counts_ms)
        for offset, (owner, at, arrived, won) in enumerate(outcomes):
            if owner == lead:
                kind = OutcomeKind.POSITIVE if won else OutcomeKind.NEGATIVE
                state.add_outcome(Outcome(at, offset, arrived, kind))
        state.mature(watermark - HORIZON.counts_ms)
        for example in examples(state, JoinOptions(HORIZON.counts_ms, HORIZON.late_ms)):
            signs = {OutcomeKind.POSITIVE: "+", OutcomeKind.NEGATIVE: "-", None: "?"}
            expected[example.score.offset] = signs[example.kind]
    assert joined(scores, outcomes, watermark) == expected
