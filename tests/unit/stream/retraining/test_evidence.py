"""Drift as evidence: of this model, the newest window, its longest horizon with enough leads."""

from __future__ import annotations

from typing import Any

from stream.retraining.evidence import drift_of


def horizon(days: int, state: str = "critical", share: float | None = 0.6) -> dict[str, Any]:
    return {
        "start": -days,
        "end": 0,
        "state": state,
        "drifted_share": share,
        "is_prediction_drift": True,
    }


def window(end: int, *horizons: dict[str, Any], model: str = "a", leads: int = 1) -> dict[str, Any]:
    return {
        "alarm": None,
        "model_sha256": model,
        "window_end": end,
        "leads": leads,
        "horizons": horizons,
    }


def test_without_a_report_drift_is_unknown() -> None:
    assert drift_of([], "a") == {}


def test_the_longest_horizon_of_the_newest_window_counts() -> None:
    reports = [window(1, horizon(9, "ok")), window(2, horizon(1, "ok"), horizon(7, "warn", 0.5))]
    found = drift_of(reports, "a")
    assert (found["drift_state"], found["drifted_share"]) == ("warn", 0.5)


def test_a_horizon_with_too_few_leads_says_nothing() -> None:
    assert drift_of([window(1, horizon(7, "too_few", None))], "a") == {}
    found = drift_of([window(1, horizon(1, "ok"), horizon(7, "too_few", None))], "a")
    assert found["drift_state"] == "ok"


def test_reports_on_another_model_and_alarms_say_nothing() -> None:
    alarm = {**window(3, horizon(7)), "alarm": {"detector": "adwin"}}
    assert drift_of([window(2, horizon(7), model="b"), alarm], "a") == {}
