"""The roll-up of an account is a function of its leads' latest scores, whatever their order."""

from __future__ import annotations

from random import Random
from typing import Any

import pytest

from agents.sales import account as module
from agents.sales.account import AccountScores, LeadScore, account_of
from agents.sales.rules import AccountRule

DAY = 86_400_000
RULE = AccountRule(field="account_id", half_life_days=10)
DOMAIN = AccountRule(field="email", by_domain=True)


@pytest.mark.parametrize(
    ("value", "account"),
    [
        ("ada@example.com", "example.com"),
        ("ADA@Example.COM.", "example.com"),
        ("https://www.example.com/about?x=1", "example.com"),
        ("example.com", "example.com"),
        ("ada@gmail.com", None),
        ("ada", None),
        ("", None),
        ("//[", None),
        (None, None),
        (7, None),
    ],
)
def test_the_domain_of_a_lead(value: Any, account: str | None) -> None:
    assert account_of({"email": value}, DOMAIN) == account


@pytest.mark.parametrize(
    ("value", "account"), [(" A-7 ", "A-7"), (7, "7"), (True, None), ("", None), (None, None)]
)
def test_the_account_id_of_a_lead(value: Any, account: str | None) -> None:
    assert account_of({"account_id": value}, RULE) == account


def test_best_sum_count_and_last() -> None:
    scores = AccountScores()
    scores.add("a", LeadScore(0.9, "High", 10 * DAY))
    scores.add("b", LeadScore(0.4, "Medium", 20 * DAY))
    assert scores.summary(RULE) == {
        "leads": 2,
        "hot": 1,
        "best_score": 0.9,
        "best_lead_id": "a",
        "sum": 1.3,
        "decayed_sum": 0.85,
        "last_lead_id": "b",
        "last_score": 0.4,
        "last_scored_at": 20 * DAY,
    }


def test_an_older_score_of_a_lead_and_a_repeat_change_nothing() -> None:
    scores = AccountScores()
    assert scores.add("a", LeadScore(0.9, "High", 2))
    assert not scores.add("a", LeadScore(0.1, "Low", 1))
    assert not scores.add("a", LeadScore(0.9, "High", 2))
    assert scores.summary(RULE)["sum"] == 0.9


def test_the_roll_up_does_not_depend_on_the_order_of_the_scores() -> None:
    chance = Random(17)
    given = [
        (f"lead-{chance.randrange(8)}", LeadScore(chance.random(), "Low", at)) for at in range(60)
    ]
    summaries = []
    for _ in range(5):
        scores = AccountScores()
        for lead_id, score in chance.sample(given, len(given)):
            scores.add(lead_id, score)
        summaries.append(scores.summary(RULE))
    assert all(summary == summaries[0] for summary in summaries)


def test_a_lead_that_moves_to_another_account_leaves_this_one() -> None:
    scores = AccountScores()
    scores.add("a", LeadScore(0.9, "High", 2))
    assert scores.remove("a")
    assert not scores.remove("a")
    assert scores.summary(RULE) == {"leads": 0}


def test_of_too_many_leads_those_scored_last_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOST_LEADS", 2)
    scores = AccountScores()
    for at in (3, 1, 2):
        scores.add(f"lead-{at}", LeadScore(0.5, "Low", at))
    assert set(scores.leads) == {"lead-3", "lead-2"}
    assert scores.summary(RULE)["leads"] == 3
