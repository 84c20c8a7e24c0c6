"""The ledger: what is open, when causes were handled, which requests are refused."""

from __future__ import annotations

from datetime import timedelta

from agents.retraining.triggers import Trigger
from stream.retraining.ledger import Ledger, rules_of
from stream.settings import load_settings
from tests.unit.stream.retraining.records import NOW, plan, record

AT = round(NOW.timestamp() * 1000)
RULES = rules_of(load_settings())
EMPTY = Ledger({})
DRIFT = record(plan("r1", cause="drift:leads/3"), "rejected", at=NOW - timedelta(days=2))


def test_without_records_nothing_is_open_and_nothing_was_handled() -> None:
    assert (EMPTY.open, EMPTY.last_plan, EMPTY.ended_at, EMPTY.handled) == (None, None, None, {})
    assert EMPTY.refusal(Trigger.DRIFT, "drift:leads/3", AT, RULES) is None


def test_the_oldest_open_plan_is_executed_first() -> None:
    ledger = Ledger({"r1": DRIFT, "r2": record(plan("r2")), "r3": record(plan("r3"))})
    assert ledger.open is not None
    assert ledger.open.id == "r2"
    assert ledger.last_plan is not None
    assert ledger.last_plan.id == "r3"


def test_the_latest_end_of_each_cause_counts() -> None:
    later = record(plan("r2", cause="drift:leads/3"), "failed", at=NOW)
    assert Ledger({"r1": DRIFT, "r2": later}).handled == {"drift:leads/3": AT}


def test_the_same_cause_is_refused_and_another_one_is_not() -> None:
    ledger = Ledger({"r1": DRIFT})
    assert "same cause" in str(ledger.refusal(Trigger.DRIFT, "drift:leads/3", AT, RULES))
    assert ledger.refusal(Trigger.AUC, "auc:leads/3", AT, RULES) is None


def test_while_one_is_open_and_within_the_cool_down_triggers_are_refused() -> None:
    running = Ledger({"r1": record(plan("r1"))})
    assert "has not ended" in str(running.refusal(Trigger.AUC, "auc:leads/3", AT, RULES))
    ended = Ledger({"r1": record(plan("r1"), "passed", at=NOW)})
    assert "cool-down" in str(ended.refusal(Trigger.AUC, "auc:leads/3", AT + 1, RULES))


def test_a_person_is_not_refused() -> None:
    ended = Ledger({"r1": record(plan("r1"), "passed", at=NOW)})
    assert ended.refusal(Trigger.MANUAL, "manual", AT + 1, RULES) is None


def test_the_rules_are_those_of_the_settings() -> None:
    rules = rules_of(load_settings(retrain_triggers=("none",), retrain_cooldown_hours=1))
    assert (rules.enabled, rules.cooldown_ms) == (frozenset(), 3_600_000)
