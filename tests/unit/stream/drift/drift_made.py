"""Drift reports as they are on the topic, made up."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from agents.drift_reports import Alarm, Report, decode_report
from features.counts import LeadCounts
from monitoring.drift.assessment import Assessment
from monitoring.drift.diagnosis import Diagnosis
from monitoring.drift.field_drift import DriftState, FieldDrift
from schemas.model_identity import ModelIdentity
from tests.unit.drift_assessments import assessment, of_too_few

END = 1_780_000_200_000
"""2026-05-28 20:30 UTC."""
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
WINDOW = 5 * MINUTE
MODEL = ModelIdentity("bank", "1", "3f" * 32)
OTHER_MODEL = ModelIdentity("bank", "2", "a0" * 32)
LENGTHS = {"5m": WINDOW, "1h": HOUR, "24h": DAY}


def field(name: str, psi: float, state: str = "ok", **given: Any) -> FieldDrift:
    """A field, or the score, over enough leads."""
    known: dict[str, Any] = {
        "test": "ks",
        "psi_noise": 0.01,
        "kl": psi / 2,
        "js": psi / 9,
        "statistic": 0.2,
        "p_value": 0.42,
        "p_adjusted": 0.42,
        "missing": 0.1,
        "missing_reference": 0.1,
    }
    if name == "score":
        known |= {"p_adjusted": None, "missing": None, "missing_reference": None}
    return FieldDrift(
        name=name,
        is_score=name == "score",
        state=DriftState(state),
        is_drifted=state in ("warn", "critical"),
        **{**known, "psi": psi, **given},
    )


FIELDS = (
    field("age", 0.03),
    field("job", 0.31, "warn", test="chi2", unseen=0.31, unseen_reference=0.0, since=END - HOUR),
    field("euribor3m", 8.31, "critical", p_adjusted=1e-9, since=END - 3 * DAY),
    field("campaign", 0.2),
    field("education", 0.08, "warn", missing=0.41, since=END - WINDOW),
    field("score", 0.12, "warn", p_value=0.0041, since=END - 2 * DAY),
)


def horizon(name: str = "24h", *fields: FieldDrift, **given: Any) -> Assessment:
    known: dict[str, Any] = {
        "leads": 123_456,
        "state": DriftState.CRITICAL,
        "drifted_share": 0.6,
        "weighted_share": 0.4,
        "is_drift": True,
        "is_prediction_drift": True,
        "engagement": 0.06,
        "is_engagement_healthy": False,
        "coverage": 0.98,
        "diagnosis": Diagnosis.COVARIATE_AND_PREDICTION,
    }
    span = {"start": END - LENGTHS[name], "end": END}
    return assessment(name, *(fields or FIELDS), **span | known | given)


def too_few(name: str = "5m", leads: int = 412) -> Assessment:
    """A horizon of which nothing is said."""
    return of_too_few(horizon(name), leads)


def report(
    *horizons: Assessment,
    end: int = END,
    leads: int = 412,
    topic: str = "leads.created",
    model: ModelIdentity = MODEL,
) -> Report:
    """Report of a window."""
    return Report(
        reported_at=end + MINUTE,
        topic=topic,
        model=model,
        window_start=end - WINDOW,
        window_end=end,
        counts=LeadCounts(np.array([0, leads, 0]), leads, 5 * leads, 0, 0),
        horizons=horizons or (too_few(), horizon("1h"), horizon("24h")),
    )


def alarm(stream: str, *, detector: str = "windowed", end: int = END) -> Report:
    """Report of an alarm about a stream."""
    raised = Alarm(
        detector=detector,
        stream=stream,
        is_confirmed=True,
        before=None,
        after=None,
        diagnosis=Diagnosis.COVARIATE,
        sentence=f"{stream}: critical over 24h of 123,456 leads.",
    )
    return replace(report(end=end), alarm=raised)


def read(made: Report) -> Mapping[str, Any]:
    """As it is read from the topic."""
    return decode_report(made.encode())
