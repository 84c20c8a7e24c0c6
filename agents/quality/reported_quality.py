"""Quality over all partitions: the sum of the valid reports of leads.quality."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from agents.quality.quality_report import QualityReport, Segment
from monitoring.quality.cohorts import WEEK_MS
from monitoring.quality.counts import QualityCounts
from schemas.model_identity import ModelIdentity

__all__ = ["ReportedQuality", "WeekSpan"]

LATEST_WEEKS, BEFORE_WEEKS = 4, 12
"""Weeks that are shown as the latest, and weeks before them that they are compared with."""


@dataclass(frozen=True, slots=True)
class WeekSpan:
    """The latest weeks with known outcomes, and those before.

    Attributes
    ----------
    latest
        Starts of the latest four weeks, up to the newest one with a known outcome.
    before
        Starts of the twelve weeks before them.
    """

    latest: frozenset[int]
    before: frozenset[int]

    @classmethod
    def up_to(cls, newest: int) -> WeekSpan:
        """Return the weeks up to the newest one; milliseconds since 1970."""
        weeks = [newest - i * WEEK_MS for i in range(LATEST_WEEKS + BEFORE_WEEKS)]
        return cls(frozenset(weeks[:LATEST_WEEKS]), frozenset(weeks[LATEST_WEEKS:]))


class ReportedQuality:
    """Keeps the last report of each key; sums are over partitions.

    Parameters
    ----------
    topic
        Topic of the scores; reports on other topics are ignored.
    """

    def __init__(self, topic: str) -> None:
        self._topic = topic
        self._reports: dict[bytes, QualityReport] = {}

    def take(self, report: QualityReport) -> bool:
        """Add a report, in the order of the topic; return whether it is on the topic of scores."""
        if report.topic != self._topic:
            return False
        self._reports[report.key] = report
        return True

    def drop(self, key: bytes) -> None:
        """Remove the report of a key: the topic has a tombstone for it."""
        self._reports.pop(key, None)

    def emptied(self) -> ReportedQuality:
        """Return one without reports, on the same topic of scores."""
        return ReportedQuality(self._topic)

    @property
    def models(self) -> tuple[ModelIdentity, ...]:
        """The models, the one with the newest week first."""
        newest: dict[ModelIdentity, tuple[int, int]] = {}
        for report in self._cohorts():
            place = report.week, report.reported_at
            newest[report.model] = max(place, newest.get(report.model, place))
        return tuple(sorted(newest, key=lambda model: newest[model], reverse=True))

    def weeks(self, model: ModelIdentity) -> tuple[int, ...]:
        """Return the weeks of a model's scores, ascending: milliseconds since 1970."""
        return tuple(sorted({report.week for report in self._cohorts(model)}))

    def span(self, model: ModelIdentity) -> WeekSpan | None:
        """Return the latest weeks with known outcomes; None if no outcome is known."""
        known = [report.week for report in self._cohorts(model) if report.counts.known]
        return WeekSpan.up_to(max(known)) if known else None

    def counts(self, model: ModelIdentity, weeks: Collection[int] | None = None) -> QualityCounts:
        """Return the counts of a model's scores.

        Parameters
        ----------
        model
            The model.
        weeks
            Which weeks; None: all.
        """
        return QualityCounts.sum(
            report.counts
            for report in self._cohorts(model)
            if weeks is None or report.week in weeks
        )

    def segments(
        self, model: ModelIdentity, field: str, weeks: Collection[int] | None = None
    ) -> dict[str, QualityCounts]:
        """Return the counts of a model's scores by segment of a field."""
        found: dict[str, QualityCounts] = {}
        for report in self._reports.values():
            segment: Segment | None = report.segment
            if report.model != model or segment is None or segment.field != field:
                continue
            if weeks is None or report.week in weeks:
                before = found.get(segment.value, QualityCounts())
                found[segment.value] = before + report.counts
        return found

    def fields(self, model: ModelIdentity) -> tuple[str, ...]:
        """Return the fields whose segments are reported."""
        reports = self._reports.values()
        return tuple(sorted({r.segment.field for r in reports if r.segment and r.model == model}))

    def changes(self, model: ModelIdentity) -> list[QualityReport]:
        """Return the reported changes of the errors of a model, the newest first."""
        reports = self._reports.values()
        found = [report for report in reports if report.change and report.model == model]
        return sorted(found, key=lambda report: report.reported_at, reverse=True)

    def _cohorts(self, model: ModelIdentity | None = None) -> Iterable[QualityReport]:
        for report in self._reports.values():
            is_cohort = report.change is None and report.segment is None
            if is_cohort and (model is None or report.model == model):
                yield report
