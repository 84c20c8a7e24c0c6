"""The model, weeks and segments that `leadscore quality` shows."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from agents.quality.reported_quality import ReportedQuality
from agents.quality.shown_quality import ShownModel, shown_models
from agents.quality.verdict import QualityVerdict, quality_verdict
from monitoring.drift.diagnosis import Diagnosis
from monitoring.quality.assessment import QualityFigures, assess
from monitoring.quality.cohorts import week_name
from monitoring.quality.fairness import SegmentRow, fairness_table
from schemas.errors import InputError

__all__ = ["ShownQuality", "WeekRow", "chosen_quality"]


@dataclass(frozen=True, slots=True)
class WeekRow:
    """Figures of a model's scores of a week."""

    week: str
    figures: QualityFigures


@dataclass(frozen=True, slots=True)
class ShownQuality:
    """Figures of a model that are shown.

    Attributes
    ----------
    shown
        Its latest weeks, and those before.
    verdict
        The verdict on the latest weeks.
    weeks
        Its latest weeks one by one, also those without known outcomes; ascending.
    field, segments
        Segments of a field in the latest weeks; empty if no field was asked for.
    """

    shown: ShownModel
    verdict: QualityVerdict
    weeks: tuple[WeekRow, ...]
    field: str | None
    segments: tuple[SegmentRow, ...]

    def records(self) -> Iterator[dict[str, Any]]:
        """Yield records for NDJSON: one of the model, one for each week and segment."""
        model = {
            "model_id": self.shown.model.id,
            "model_version": self.shown.model.version,
            "model_sha256": self.shown.model.sha256,
        }
        before = self.shown.before
        yield {
            "kind": "model",
            **model,
            "latest_weeks": self._span_names(),
            "latest": self.shown.latest.as_dict(),
            "before": None if before is None else before.as_dict(),
            "drift": self.verdict.kind,
            "findings": list(self.verdict.findings),
            "advice": self.verdict.advice,
        }
        for row in self.weeks:
            yield {"kind": "week", **model, "week": row.week, **row.figures.as_dict()}
        for segment in self.segments:
            yield {"kind": "segment", **model, "field": self.field, **segment.as_dict()}

    def _span_names(self) -> list[str]:
        span = self.shown.span
        return [] if span is None else [week_name(week) for week in sorted(span.latest)]


def chosen_quality(
    reported: ReportedQuality,
    leads: Diagnosis | None,
    *,
    version: str | None,
    weeks: int,
    field: str | None,
) -> ShownQuality | None:
    """Return what is shown.

    Parameters
    ----------
    reported
        The reports.
    leads
        Diagnosis of the leads; None if there is none.
    version
        Version of the model; None: the one with the newest scores.
    weeks
        Number of its latest weeks to show.
    field
        Field whose segments are shown.

    Returns
    -------
    ShownQuality or None
        None if there is no report.

    Raises
    ------
    InputError
        There is no such model or field.
    """
    models = shown_models(reported, most=len(reported.models) if version else 1)
    if not models:
        return None
    found = [shown for shown in models if version in (None, shown.model.version)]
    if not found:
        raise InputError(
            f"expected a version that has scores with a report"
            f" ({_listed(model.version for model in reported.models)}), got {version!r}"
        )
    shown = found[0]
    return ShownQuality(
        shown=shown,
        verdict=quality_verdict(shown.latest, shown.changes, leads),
        weeks=tuple(
            WeekRow(week_name(week), assess(reported.counts(shown.model, {week})))
            for week in reported.weeks(shown.model)[-weeks:]
        ),
        field=field,
        segments=() if field is None else _segments(reported, shown, field),
    )


def _segments(reported: ReportedQuality, shown: ShownModel, field: str) -> tuple[SegmentRow, ...]:
    fields: Sequence[str] = reported.fields(shown.model)
    if field not in fields:
        known = f"these are: {_listed(fields)}" if fields else "none is"
        raise InputError(f"expected a field whose segments are reported, {field!r} is not; {known}")
    weeks = None if shown.span is None else shown.span.latest
    return fairness_table(reported.segments(shown.model, field, weeks))


def _listed(names: Any) -> str:
    return ", ".join(names)
