"""Settings and parts of the role outcomes, from those of the worker."""

from __future__ import annotations

import logging
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from agents.outcomes.progress import OUTCOMES, SCORES, Progress
from schemas.lead_outcome import OutcomeReader
from schemas.store import SchemaStore
from stream.consume.batch_source import BatchSource
from stream.outcomes.follower import Follower
from stream.scoring.source_metrics import partition_lags
from stream.settings import Settings

if TYPE_CHECKING:
    from agents.quality.concept_watch import ConceptWatch

__all__ = [
    "concept_watch",
    "followed",
    "lags_of",
    "outcome_reader",
    "outcome_settings",
    "partition_counts",
]


log = logging.getLogger(__name__)


def outcome_settings(settings: Settings) -> Settings:
    """Return the settings for the Kafka clients of the role.

    They have a group of its own. Of outputs that workers write exactly once, only the committed
    ones are read.
    """
    update = {"group_id": f"{settings.group_id}-outcomes", "delivery": "at_least_once"}
    if settings.is_exactly_once:
        update["isolation_level"] = "read_committed"
    return settings.model_copy(update=update)


def followed(settings: Settings, progress: Progress) -> Mapping[str, int]:
    """Return where the topics that follow the live scores are read on, by topic."""
    offsets = progress.offsets
    return {
        settings.leads_outcomes: offsets.get(OUTCOMES, 0),
        settings.leads_scored_shadow: offsets.get(SCORES[1], 0),
    }


def concept_watch() -> Callable[[], ConceptWatch] | None:
    """Return what makes the detectors of changes in the errors of scores; None without river."""
    try:
        from agents.quality.concept_watch import ConceptWatch
    except ImportError:
        log.warning(
            "changes in the errors of scores are not detected, as river is not installed: install"
            " leadscore[drift]"
        )
        return None
    return ConceptWatch


def outcome_reader(settings: Settings) -> OutcomeReader:
    """Return the reader of outcomes."""
    return OutcomeReader(
        SchemaStore.load(*settings.schema_folders),
        max_bytes=settings.max_event_bytes,
        earliest_ms=settings.earliest_ms,
        ahead_ms=settings.times_ahead_ms,
    )


async def partition_counts(
    count: Callable[[str], Awaitable[int | None]], topics: Iterable[str]
) -> Mapping[str, int]:
    """Return the number of partitions of each topic; 1 where the cluster can't be asked."""
    return {topic: await count(topic) or 1 for topic in topics}


def lags_of(source: BatchSource, follower: Follower) -> Iterator[tuple[str, int, int]]:
    """Yield topic, partition and the number of records that are left to read."""
    for lag in partition_lags(source):
        yield lag.topic, lag.partition, lag.records
    for at, records in follower.lags.items():
        yield at.topic, at.partition, records
