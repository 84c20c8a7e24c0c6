"""The treatment of an outcome follows from what was read before of its lead."""

from __future__ import annotations

import pytest

from agents.outcomes.lead_state import Outcome
from agents.outcomes.treatment import treatment_of
from tests.unit.agents.outcomes.lead_states import LOST, OPTIONS, outcome, score, state_of


@pytest.mark.parametrize(
    ("entry", "treatment"),
    [
        (outcome(3), "joined"),
        (outcome(2), "repeated"),
        (outcome(3, LOST), "contradictory"),
        (outcome(0), "waiting"),
        (outcome(12), "beyond_horizon"),
        (outcome(3, arrived=14), "late"),
    ],
)
def test_an_outcome_has_a_treatment(entry: Outcome, treatment: str) -> None:
    assert treatment_of(entry, state_of(score(1), outcome(2)), OPTIONS) == treatment


def test_the_shadows_scores_decide_nothing() -> None:
    assert treatment_of(outcome(3), state_of(score(1, channel=1)), OPTIONS) == "waiting"
