"""The scores of a model whose outcomes are known, for the section of a snapshot on quality."""

from __future__ import annotations

import logging

from agents.quality.reported_quality import ReportedQuality
from model.bundle import Bundle
from monitoring.known_scores import KnownScores
from monitoring.quality.cohorts import week_name
from schemas.errors import StartupError
from stream.kafka.access import Use
from stream.kafka.topic_admin import partition_counts
from stream.quality.quality_log import QualityLog
from stream.settings import Settings

__all__ = ["known_scores", "read_known_scores"]

log = logging.getLogger(__name__)


async def read_known_scores(settings: Settings, bundle: Bundle) -> KnownScores | None:
    """Read the reports on the quality of a model's live scores.

    Returns
    -------
    KnownScores or None
        None if no outcome is known, or the reports can't be read: a snapshot does not fail by that.
    """
    try:
        if settings.leads_quality not in await partition_counts(settings, Use.QUALITY):
            return None
        reports = QualityLog(settings, settings.leads_scored)
        await reports.read()
    except StartupError as error:
        log.warning("the snapshot has no section on the quality of scores: %s", error)
        return None
    return known_scores(reports.reported, bundle)


def known_scores(reported: ReportedQuality, bundle: Bundle) -> KnownScores | None:
    """Return the known scores of a model, of its latest four weeks and the twelve before."""
    model = bundle.identity
    span = reported.span(model)
    if span is None:
        return None
    latest, before = (
        (reported.counts(model, weeks), f"{week_name(min(weeks))} to {week_name(max(weeks))}")
        for weeks in (span.latest, span.before)
    )
    return KnownScores(*latest, *before, high=bundle.metadata.thresholds.high)
