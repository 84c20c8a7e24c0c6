"""Each trigger starts one retraining, and no cause starts a storm."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest

from agents.retraining.triggers import CHECKS, DAY_MS, Evidence, Trigger, TriggerRules, decide
from monitoring.quality.figure import Figure

NOW = 1_000 * DAY_MS
QUIET = Evidence(now=NOW, model="leads/3", published_at=NOW - 10 * DAY_MS)
RULES = TriggerRules(enabled=frozenset(Trigger))
SHOWN: dict[Trigger, dict[str, Any]] = {
    Trigger.AUC: {"live_auc": Figure(0.6, 0.55, 0.65), "trained_auc": 0.7},
    Trigger.CONVERSION: {
        "live_conversion": Figure(0.05, 0.04, 0.06),
        "expected_conversion": 0.1,
    },
    Trigger.DRIFT: {"drift_state": "critical"},
    Trigger.PREDICTION_DRIFT: {"is_prediction_drift": True},
    Trigger.AGE: {"published_at": NOW - 90 * DAY_MS, "ended_at": NOW - 8 * DAY_MS},
    Trigger.LABELS: {"new_labels": 501},
    Trigger.SCHEDULE: {"published_at": NOW - 40 * DAY_MS},
}
HIDDEN: dict[Trigger, dict[str, Any]] = {
    Trigger.AUC: {"live_auc": Figure(0.66, 0.65, 0.67), "trained_auc": 0.7},
    Trigger.CONVERSION: {
        "live_conversion": Figure(0.09, 0.085, 0.095),
        "expected_conversion": 0.1,
    },
    Trigger.DRIFT: {"drift_state": "warn", "drifted_share": 0.49},
    Trigger.PREDICTION_DRIFT: {"is_prediction_drift": False},
    Trigger.AGE: {"published_at": NOW - 29 * DAY_MS},
    Trigger.LABELS: {"new_labels": 500},
    Trigger.SCHEDULE: {"published_at": NOW - 29 * DAY_MS},
}


def test_nothing_is_known_and_nothing_happens() -> None:
    assert decide(QUIET, RULES) is None


@pytest.mark.parametrize("trigger", CHECKS)
def test_each_trigger_starts_a_retraining(trigger: Trigger) -> None:
    found = decide(replace(QUIET, **SHOWN[trigger]), RULES)
    assert found is not None
    assert (found.trigger, found.key) == (trigger, f"{trigger}:leads/3")
    assert found.sentence


@pytest.mark.parametrize("trigger", CHECKS)
def test_below_its_limit_it_does_not(trigger: Trigger) -> None:
    assert decide(replace(QUIET, **HIDDEN[trigger]), RULES) is None


@pytest.mark.parametrize("trigger", CHECKS)
def test_one_that_is_switched_off_does_not(trigger: Trigger) -> None:
    rules = replace(RULES, enabled=frozenset(Trigger) - {trigger, Trigger.SCHEDULE})
    assert decide(replace(QUIET, **SHOWN[trigger]), rules) is None


@pytest.mark.parametrize(
    "few",
    [
        {"live_auc": Figure(0.6, 0.49, 0.71), "trained_auc": 0.7},
        {"live_conversion": Figure(0.05, 0.0, 0.11), "expected_conversion": 0.1},
    ],
)
def test_a_loss_of_quality_that_may_be_noise_is_no_cause(few: dict[str, Any]) -> None:
    assert decide(replace(QUIET, **few), RULES) is None


def test_a_share_of_half_the_fields_is_drift_without_a_critical_state() -> None:
    found = decide(replace(QUIET, drift_state="warn", drifted_share=0.5), RULES)
    assert found is not None
    assert "50%" in found.sentence


def test_a_loss_of_quality_comes_before_drift() -> None:
    both = replace(QUIET, **SHOWN[Trigger.DRIFT], **SHOWN[Trigger.AUC])
    found = decide(both, RULES)
    assert found is not None
    assert found.trigger is Trigger.AUC


def test_one_at_a_time() -> None:
    assert decide(replace(QUIET, drift_state="critical", is_running=True), RULES) is None


def test_no_other_one_within_the_cool_down_whatever_the_cause() -> None:
    ended = replace(QUIET, drift_state="critical", ended_at=NOW - RULES.cooldown_ms + 1)
    assert decide(ended, RULES) is None
    assert decide(replace(ended, now=NOW + 1), RULES) is not None


def test_the_same_cause_starts_no_other_one_until_it_may_repeat() -> None:
    handled = {"drift:leads/3": NOW - RULES.repeat_ms + 1}
    again = replace(QUIET, drift_state="critical", handled=handled)
    assert decide(again, RULES) is None
    assert decide(replace(again, now=NOW + 1), RULES) is not None


def test_after_a_change_of_model_it_is_another_cause() -> None:
    handled = {"drift:leads/2": NOW}
    assert decide(replace(QUIET, drift_state="critical", handled=handled), RULES) is not None


def test_another_cause_is_not_held_back_by_one_that_was_handled() -> None:
    handled = {"drift:leads/3": NOW}
    both = replace(QUIET, drift_state="critical", new_labels=501, handled=handled)
    found = decide(both, RULES)
    assert found is not None
    assert found.trigger is Trigger.LABELS
