"""Drift and quality as evidence: of this model, the newest, and only where leads are enough."""

from __future__ import annotations

from typing import Any

import pytest

from agents.quality.quality_report import QualityReport
from agents.quality.reported_quality import ReportedQuality
from agents.quality.verdict import LEAST_KNOWN
from stream.retraining.evidence import drift_of, quality_of
from tests.unit.agents.quality.quality_reports import MODEL, OTHER, report


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


def reported(*reports: QualityReport) -> ReportedQuality:
    found = ReportedQuality("leads.scored")
    for each in reports:
        found.take(each)
    return found


def test_without_outcomes_quality_is_unknown() -> None:
    assert quality_of(reported(), MODEL.sha256) == {}
    assert quality_of(reported(report(unknown=1.0)), MODEL.sha256) == {}


def test_few_outcomes_say_nothing_about_quality() -> None:
    assert quality_of(reported(report(leads=LEAST_KNOWN - 1)), MODEL.sha256) == {}
    assert quality_of(reported(report(leads=LEAST_KNOWN)), MODEL.sha256)


def test_quality_is_that_of_this_model_with_its_intervals() -> None:
    found = quality_of(
        reported(report(leads=600), report(leads=400, partition=1), report(leads=9, model=OTHER)),
        MODEL.sha256,
    )
    area, conversion = found["live_auc"], found["live_conversion"]
    assert 0.5 < area.low < area.value < area.high < 1
    assert conversion.low < conversion.value < conversion.high
    assert found["expected_conversion"] == pytest.approx(conversion.value, abs=0.1)


def test_quality_is_that_of_the_latest_weeks() -> None:
    old, new = report(leads=500), report(leads=500, week=20)
    assert quality_of(reported(old, new), MODEL.sha256) == quality_of(reported(new), MODEL.sha256)
