"""Assessments of drift, made up: what a test does not give is unknown."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from monitoring.drift.assessment import Assessment
from monitoring.drift.diagnosis import Diagnosis
from monitoring.drift.field_drift import DriftState, FieldDrift

UNKNOWN: dict[str, Any] = dict.fromkeys(
    (
        *("drifted_share", "weighted_share", "is_drift", "is_prediction_drift"),
        *("engagement", "is_engagement_healthy", "coverage"),
    )
)


def assessment(
    name: str, *fields: FieldDrift, start: int = 0, end: int, leads: int, **given: Any
) -> Assessment:
    """Return an assessment of some fields, the score last."""
    verdict = {"state": DriftState.WARN, "diagnosis": Diagnosis.COVARIATE}
    return Assessment(
        name=name, start=start, end=end, leads=leads, fields=fields, **UNKNOWN | verdict | given
    )


def of_too_few(of: Assessment, leads: int) -> Assessment:
    """Return the assessment of the same horizon over too few leads."""
    fields = tuple(
        FieldDrift(field.name, field.is_score, DriftState.TOO_FEW, None, field.test)
        for field in of.fields
    )
    verdict = {"state": DriftState.TOO_FEW, "diagnosis": Diagnosis.TOO_FEW}
    return replace(of, leads=leads, fields=fields, **UNKNOWN | verdict)
