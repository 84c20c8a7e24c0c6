"""Create a snapshot: leads of a time range compared with the model's training leads."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import asdict, replace
from datetime import UTC, datetime
from random import Random
from typing import TYPE_CHECKING

from features.counts import CountLayout
from features.reference_sample import LeadSample
from model.bundle import Bundle
from monitoring.drift.assessment import Assessment, Assessor
from monitoring.drift.correlations import CorrelationChange, correlation_changes
from monitoring.drift.field_drift import DriftThresholds
from monitoring.known_scores import KnownScores
from monitoring.lead_sample import SCORE, ShownColumns, Subject, shown_columns
from schemas.errors import StartupError
from stream.settings import Settings
from stream.snapshot.archive import SnapshotFolder
from stream.snapshot.outcomes import read_known_scores
from stream.snapshot.record_sample import TimeRange, draw_records
from stream.snapshot.request import Order
from stream.snapshot.samples import comparable_bundle, reference_sample, scored_sample
from stream.snapshot.summary import ChangedCorrelation, SnapshotSummary

if TYPE_CHECKING:
    from monitoring.snapshot import Rendered

__all__ = ["assess_sample", "take_snapshot"]

THRESHOLDS = DriftThresholds()


async def take_snapshot(settings: Settings, order: Order) -> SnapshotSummary:
    """Read, score and compare leads, and write the snapshot under the folder's write lock.

    Raises
    ------
    StartupError
        Another process holds the lock, or Kafka, the topic, the model or its reference sample is
        missing.
    BundleError
        The model must not be used.
    FatalError
        Kafka stopped answering.
    """
    started = time.monotonic()
    folder = SnapshotFolder(order.output)
    with folder.locked():
        bundle = comparable_bundle(settings)
        before = reference_sample(bundle)
        records, found = await draw_records(settings, order.range, order.sample, Random())
        now = scored_sample(bundle, settings, records)
        thresholds = replace(THRESHOLDS, min_leads=settings.drift_min_leads)
        first = min((record.timestamp for record in records), default=None)
        assessment = assess_sample(bundle, now, order.range, first, thresholds)
        subject = Subject(
            model=f"{bundle.name}/{bundle.version}",
            topic=settings.leads_created,
            start=order.start,
            end=order.end,
            found=found,
        )
        is_known = assessment.drifted_share is not None
        rendered, changes = None, []
        if len(now):
            metadata = bundle.metadata
            shown = shown_columns(metadata.spec, metadata.shown_reference, now, before)
            changes = correlation_changes([*assessment.by_field], *shown, SCORE)
            known = await read_known_scores(settings, bundle)
            rendered = _render(subject, order, bundle.name, shown, assessment, changes, known)
        summary = SnapshotSummary(
            topic=subject.topic,
            model=subject.model,
            start=order.start,
            end=order.end,
            found=found,
            unreadable=len(records) - len(now),
            rows=len(now),
            diagnosis=assessment.diagnosis,
            drift_share=assessment.drifted_share,
            is_drift=assessment.is_drift,
            is_prediction_drift=assessment.is_prediction_drift,
            drifted=_worst_first(assessment) if is_known else None,
            correlations=tuple(
                ChangedCorrelation(**asdict(change)) for change in changes if change.is_changed
            ),
            report=folder.place(order.name) if rendered else None,
            finished_at=datetime.now(UTC),
            seconds=time.monotonic() - started,
        )
        if rendered:
            folder.add(order.name, rendered.html, rendered.json, summary, order.keep)
        return summary


def assess_sample(
    bundle: Bundle,
    now: LeadSample,
    within: TimeRange,
    first: int | None,
    thresholds: DriftThresholds = THRESHOLDS,
) -> Assessment:
    """Compare leads of a range of time with those that a model was trained on.

    Parameters
    ----------
    bundle
        The model.
    now
        The leads, scored.
    within
        The range.
    first
        Time of the first of them, milliseconds since 1970; None where there is none. Where they
        begin late in the range they hold not all hours of a day, or days of a week: that is no
        drift.
    thresholds
        From where on a difference counts.
    """
    metadata = bundle.metadata
    layout = CountLayout(metadata.shown_reference)
    assessor = Assessor(
        layout,
        importance=metadata.shown_importance,
        engagement=(metadata.engagement.low, metadata.engagement.high),
        thresholds=thresholds,
    )
    counts = layout.count(now.bins, now.scores, label=metadata.thresholds.label)
    return assessor.assess(counts, name="range", start=within.start, end=within.end, first=first)


def _worst_first(assessment: Assessment) -> tuple[str, ...]:
    drifted = [field for field in assessment.fields[:-1] if field.is_drifted]
    return tuple(f.name for f in sorted(drifted, key=lambda f: f.psi or 0.0, reverse=True))


def _render(
    subject: Subject,
    order: Order,
    model: str,
    shown: tuple[ShownColumns, ShownColumns],
    assessment: Assessment,
    changes: Sequence[CorrelationChange],
    known: KnownScores | None,
) -> Rendered:
    try:
        # Imported late, as it takes seconds: missing parts are reported before.
        from monitoring.snapshot import add_to_workspace, render
    except ImportError as error:
        raise StartupError(
            f"expected Evidently to be installed, but {error}: install leadscore[snapshot]"
        ) from None
    rendered = render(subject, *shown, assessment, THRESHOLDS, changes, known)
    add_to_workspace(order.workspace, model, rendered, order.keep)
    return rendered
