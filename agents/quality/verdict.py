"""The verdict on a model's scores: findings by their outcomes, and the kind of drift."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from agents.quality.error_change import QualityChange
from monitoring.drift.diagnosis import Diagnosis
from monitoring.quality.assessment import QualityFigures
from monitoring.quality.diagnosis import ADVICE, DriftKind, drift_kind

__all__ = ["LEAST_KNOWN", "QualityVerdict", "quality_verdict"]

LEAST_KNOWN = 200
"""Known outcomes below which there is no verdict."""


@dataclass(frozen=True, slots=True)
class QualityVerdict:
    """A verdict on scores.

    Attributes
    ----------
    kind
        Kind of drift; None: too few outcomes are known.
    findings
        What is wrong, in sentences; empty if nothing is.
    advice
        What to do, in a sentence.
    """

    kind: DriftKind | None
    findings: tuple[str, ...]
    advice: str


def quality_verdict(
    figures: QualityFigures, changes: Iterable[QualityChange], leads: Diagnosis | None
) -> QualityVerdict:
    """Return the verdict on the scores of some weeks.

    Parameters
    ----------
    figures
        Quality of these scores.
    changes
        Changes of their errors in these weeks.
    leads
        Diagnosis of the leads by the latest drift report; None if there is none.
    """
    if figures.leads < LEAST_KNOWN:
        advice = (
            f"Too few outcomes for a verdict: {figures.leads:,} are known, it takes"
            f" {LEAST_KNOWN:,}."
        )
        return QualityVerdict(None, (), advice)
    findings = [*_findings(figures)]
    findings += [change.sentence for change in changes if change.is_concept_drift]
    kind = drift_kind(leads, is_concept=bool(findings))
    return QualityVerdict(kind, tuple(findings), ADVICE[kind])


def _findings(figures: QualityFigures) -> Iterable[str]:
    auc, estimated, calibration = figures.auc, figures.estimated, figures.calibration
    if auc is not None and estimated is not None and auc.high < estimated.auc.low:
        yield (
            f"The scores rank worse than they promise: AUC {auc.value:.3f} (95 % interval"
            f" {auc.low:.3f} to {auc.high:.3f}) instead of {estimated.auc.value:.3f}."
        )
    if calibration is not None and calibration.is_off:
        much = "too much" if calibration.bias > 0 else "too little"
        yield (
            f"The scores are not right as probabilities: calibration error"
            f" {calibration.error:.3f}, {calibration.noise:.3f} by chance; on average they promise"
            f" {much} ({calibration.bias:+.1%})."
        )
