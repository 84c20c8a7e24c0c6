"""Timers of a lead: what makes one overdue, and what does not."""

from __future__ import annotations

import pytest

from agents.outcomes.arrivals import ArrivedOutcome, ScoredLead
from agents.outcomes.lead_timers import HOT, MOST_TOUCHES, SPEED_TO_LEAD, TimedLead, TimerOptions
from schemas.lead_outcome import LeadOutcome
from schemas.model_identity import ModelIdentity

MODEL = ModelIdentity("leads", "3", "9f")
OPTIONS = TimerOptions({HOT: 10, SPEED_TO_LEAD: 30}, frozenset({"high"}), kept_ms=1000)
HOT_ALONE = TimerOptions({HOT: 10}, frozenset({"high"}), kept_ms=1000)


def scored(
    at: int, band: str = "High", *, offset: int | None = None, created: int = 95
) -> ScoredLead:
    return ScoredLead(
        b"L-1", at, at if offset is None else offset, 0.9, band, MODEL, created=created
    )


def touched(at: int, arrived: int | None = None) -> ArrivedOutcome:
    outcome = LeadOutcome("L-1", "called", at)
    return ArrivedOutcome(outcome, at, at if arrived is None else arrived)


def test_a_lead_that_nobody_contacts_is_overdue_by_each_timer_once() -> None:
    lead = TimedLead()
    assert lead.add_score(scored(100), OPTIONS) == []
    assert lead.decide(109) == []
    [hot] = lead.decide(110)
    assert (hot.timer, hot.since, hot.due, hot.offset) == (HOT, 100, 110, 100)
    [slow] = lead.decide(1000)
    assert (slow.timer, slow.since, slow.due) == (SPEED_TO_LEAD, 95, 125)
    assert lead.decide(2000) == []
    assert lead.add_score(scored(1500), OPTIONS) == [], "it is still hot, and created as before"
    assert lead.decide(3000) == []


@pytest.mark.parametrize(
    ("at", "arrived", "overdue"),
    [(105, 105, 0), (105, 110, 0), (105, 111, 1), (90, 91, 0), (89, 90, 1)],
    ids=["in time", "just known", "known too late", "before the score", "long before"],
)
def test_an_outcome_of_any_kind_that_is_known_in_time_stops_a_timer(
    at: int, arrived: int, overdue: int
) -> None:
    lead = TimedLead()
    lead.add_score(scored(100), HOT_ALONE)
    lead.add_outcome(touched(at, arrived))
    assert len(lead.decide(110)) == overdue


def test_a_lead_that_cools_down_in_time_is_not_overdue() -> None:
    lead = TimedLead()
    lead.add_score(scored(100), OPTIONS)
    assert lead.add_score(scored(109, "Low"), OPTIONS) == []
    assert lead.decide(1000) == []


def test_a_lead_that_cools_down_when_its_time_is_over_is_overdue() -> None:
    lead = TimedLead()
    lead.add_score(scored(100), HOT_ALONE)
    [overdue] = lead.add_score(scored(110, "Low"), HOT_ALONE)
    assert overdue.due == 110


def test_a_lead_that_becomes_hot_again_has_another_timer() -> None:
    lead = TimedLead()
    for at, band in ((100, "High"), (200, "Low"), (300, "High")):
        lead.add_score(scored(at, band), HOT_ALONE)
    assert [timer.since for timer in lead.decide(1000)] == [300]


def test_a_record_that_is_scored_again_after_a_crash_starts_nothing() -> None:
    lead = TimedLead()
    for at, band, offset in ((100, "High", 5), (101, "Low", 9), (150, "High", 5), (151, "Low", 9)):
        lead.add_score(scored(at, band, offset=offset), OPTIONS)
    assert lead.decide(1000) == []


def test_a_lead_with_another_creation_has_another_timer() -> None:
    lead = TimedLead()
    lead.add_score(scored(100, created=95), OPTIONS)
    lead.decide(1000)
    lead.add_score(scored(2000, created=1990), OPTIONS)
    assert [(timer.timer, timer.since) for timer in lead.decide(3000)] == [(SPEED_TO_LEAD, 1990)]


def test_a_state_is_what_was_written() -> None:
    lead = TimedLead()
    lead.add_score(scored(100), OPTIONS)
    for at in range(MOST_TOUCHES + 3):
        lead.add_outcome(touched(at))
        lead.add_outcome(touched(at))
    assert [at for at, _ in lead.touches] == [*range(3, MOST_TOUCHES + 3)]
    assert TimedLead.of_bytes(lead.to_bytes()) == lead
    assert TimedLead.of_bytes(None) == TimedLead()
    assert lead.due(OPTIONS) == 110
    lead.decide(1000)
    assert lead.due(OPTIONS) == 1100
