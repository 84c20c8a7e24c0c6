"""The figures of each model that are shown: of its latest weeks and those before."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from agents.quality.error_change import QualityChange
from agents.quality.reported_quality import ReportedQuality, WeekSpan
from monitoring.quality.assessment import QualityFigures, assess
from schemas.model_identity import ModelIdentity

__all__ = ["MOST_MODELS", "ShownModel", "shown_models"]

MOST_MODELS = 5
"""Models that are shown: those of the newest scores."""


@dataclass(frozen=True, slots=True)
class ShownModel:
    """Quality of a model's scores.

    Attributes
    ----------
    model
        The model.
    span
        The weeks; None if no outcome is known.
    latest
        Figures of the latest weeks with known outcomes; of all weeks if none is known.
    before
        Figures of the weeks before; None if there are none.
    changes
        Changes of the errors in the latest weeks, the newest first.
    """

    model: ModelIdentity
    span: WeekSpan | None
    latest: QualityFigures
    before: QualityFigures | None
    changes: tuple[QualityChange, ...]

    @property
    def worse(self) -> Counter[str]:
        """Number of changes for the worse by stream."""
        return Counter(change.stream for change in self.changes if change.is_worse)


def shown_models(reported: ReportedQuality, most: int = MOST_MODELS) -> list[ShownModel]:
    """Compute what is shown of each model, the one with the newest scores first."""
    return [_shown(reported, model) for model in reported.models[:most]]


def _shown(reported: ReportedQuality, model: ModelIdentity) -> ShownModel:
    span = reported.span(model)
    if span is None:
        return ShownModel(model, None, assess(reported.counts(model)), None, ())
    before = reported.counts(model, span.before)
    found = (report for report in reported.changes(model) if report.week >= min(span.latest))
    return ShownModel(
        model=model,
        span=span,
        latest=assess(reported.counts(model, span.latest)),
        before=assess(before) if before.known else None,
        changes=tuple(report.change for report in found if report.change is not None),
    )
