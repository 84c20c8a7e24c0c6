"""Makes the plan of a retraining: fixed offsets, the cut, the model in production, the rules."""

from __future__ import annotations

import asyncio
import tempfile
from collections.abc import Mapping, Sequence
from datetime import datetime
from pathlib import Path

import numpy as np

from agents.retraining.point_in_time import Cut
from model.bundle import Bundle, load_bundle
from model.registry import Registry
from schemas.errors import InputError
from stream.archive.location import location_of_plan
from stream.kafka.access import Use
from stream.kafka.keyed_log import require_topic
from stream.kafka.topic_admin import partition_counts
from stream.process.model_trial import Trials
from stream.retraining.lead_rows import LeadRows
from stream.retraining.offsets import OffsetRange, archive_ranges, read_ranges, topic_ranges
from stream.retraining.plan import RetrainPlan, cut_at, settings_kept
from stream.retraining.request import RetrainRequest
from stream.settings import Settings

__all__ = ["make_plan", "production_of"]

LOOK_BACK = 500
"""Records of each partition that are looked at for the time of the latest lead."""


def production_of(settings: Settings) -> Bundle:
    """Load the model in production.

    Raises
    ------
    InputError
        LEADSCORE_MODEL names a fixed version or folder, which no candidate can replace.
    BundleError
        There is no such model, or it must not be used.
    """
    name, at, alias = settings.model.partition("@")
    if "/" in name or (at and alias != "production"):
        raise InputError(
            f"expected the name of a model in LEADSCORE_MODEL, such as leads, not"
            f" {settings.model!r}: a candidate takes the place of the alias production"
        )
    return load_bundle(Registry(settings.registry).resolve(name), Trials())


async def make_plan(
    settings: Settings,
    request: RetrainRequest,
    now: datetime,
    *,
    use: Use = Use.RETRAIN,
    cut_ms: int | None = None,
) -> RetrainPlan:
    """Return a plan with everything fixed; nothing is written.

    Parameters
    ----------
    settings
        The rules, and where everything is.
    request
        Why.
    now
        The time.
    use
        Purpose for which it is made: the error about a missing right names it.
    cut_ms
        Moment of the data set, milliseconds since 1970; None: now, or by the clock ``created`` the
        creation of the latest lead.

    Raises
    ------
    StartupError
        Kafka can't be reached, a right is missing, or there is no such topic.
    InputError
        There are no leads.
    BundleError
        There is no model in production.
    """
    partitions = _require_topics(settings, await partition_counts(settings, use))
    production = await asyncio.to_thread(production_of, settings)
    archive = settings.retrain_archive and location_of_plan(settings.retrain_archive)
    at = cut_ms if cut_ms is not None else round(now.timestamp() * 1000)
    kept = settings_kept(settings)
    since = cut_at(at, kept).first if settings.retrain_time == "record" else 0
    topic = settings.leads_created
    leads = await _leads(settings, archive, partitions[topic], since)
    outcomes = await topic_ranges(
        settings, settings.leads_outcomes, partitions[settings.leads_outcomes], since
    )
    if cut_ms is None and settings.retrain_time == "created":
        at = min(at, await _latest_created(settings, production, leads, archive))
    return RetrainPlan(
        id=request.request_id,
        trigger=request.trigger,
        cause=request.cause,
        reason=request.reason,
        requested_by=request.requested_by,
        executor="trainer" if use is Use.TRAIN else "command",
        model=production.name,
        production=production.version,
        production_sha256=production.sha256,
        leads_topic=topic,
        leads=leads,
        archive=archive,
        outcomes_topic=settings.leads_outcomes,
        outcomes=outcomes,
        cut_ms=at,
        is_auto=settings.retrain_auto if request.is_auto is None else request.is_auto,
        settings=kept,
        created_at=now,
    )


def _require_topics(settings: Settings, counts: Mapping[str, int]) -> Mapping[str, int]:
    for topic in (settings.leads_created, settings.leads_outcomes, settings.leads_retrains):
        require_topic(topic, counts)
    return counts


async def _leads(
    settings: Settings, archive: str | None, partitions: int, since: int
) -> Sequence[OffsetRange]:
    """Return the ranges of leads since a time, in the archive if there is one."""
    topic = settings.leads_created
    if archive is not None:
        leads = await archive_ranges(archive, topic, since)
    else:
        leads = await topic_ranges(settings, topic, partitions, since)
    if not leads:
        raise InputError(f"expected leads in {archive or topic}, but there are none in the window")
    return leads


async def _latest_created(
    settings: Settings, production: Bundle, ranges: Sequence[OffsetRange], archive: str | None
) -> int:
    """Return the creation of the latest lead among the last records of each partition."""
    ends = [OffsetRange(r.partition, max(r.start, r.end - LOOK_BACK), r.end) for r in ranges]
    everything = Cut(at=2**62, horizon_ms=0, window_ms=2**62)
    with tempfile.TemporaryDirectory(prefix="leadscore-retrain-") as folder:
        rows = LeadRows(production, settings, everything, Path(folder))
        async for records in read_ranges(settings, settings.leads_created, ends, archive):
            rows.add(records)
    if not len(rows):
        raise InputError(f"expected leads among the last records of {settings.leads_created}")
    return int(np.max(rows.times))
