"""Makes the plan of a replay: fixed ranges, the model by its hash, the topics of its outputs."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from model.bundle import describe_bundle
from model.registry import ModelNotFoundError, Registry
from schemas.errors import InputError, StartupError
from schemas.model_identity import ModelIdentity
from stream.archive.location import location_of_plan
from stream.archive.reader import Archive
from stream.kafka.access import Use
from stream.kafka.keyed_log import require_topic
from stream.kafka.log_reader import LogReader
from stream.kafka.topic_admin import create_copies, partition_counts
from stream.kafka.topic_catalog import DEAD_LETTERS, PARTIALS, SCORED, TOPICS
from stream.process.model_trial import Trials
from stream.replay.plan import ReplayPlan, check_id, isolated_topic, new_id
from stream.replay.ranges import BEGINNING, END, PartitionRange, Point, read_bounds, resolve
from stream.replay.source_topic import read_topic_id
from stream.settings import Settings

__all__ = ["Wanted", "create_outputs", "find_model", "make_plan"]

HASH = re.compile(r"[0-9a-f]{12,64}")
"""A model's SHA-256 in hex, or enough of its first digits."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """A replay as a user asks for it.

    Attributes
    ----------
    start, end
        The points between which records are scored.
    model
        ``name@alias``, ``name/version``, ``name``, or the first digits of a SHA-256.
    topic
        The source topic.
    out
        Topic of the scored events; None: an isolated one.
    is_into_live
        Whether the outputs go to the topics that workers write to.
    filters, sample
        Which records are scored; see ``ReplayPlan``.
    id
        None: a new one.
    archive
        Path or URL of the archive that is read; None: the topic is.
    counts_drift
        Whether leads are counted for drift, into a topic of the replay's own.
    untouched_ms
        Only leads without a record for this time, in milliseconds, are scored, once each and with
        the ages of their dates now; None: all records are, with the ages that they had.
    """

    start: Point
    end: Point
    model: str
    topic: str
    out: str | None = None
    is_into_live: bool = False
    filters: Sequence[tuple[str, str]] = ()
    sample: float = 1.0
    id: str | None = None
    archive: str | None = None
    counts_drift: bool = False
    untouched_ms: int | None = None


def find_model(registry: Registry, reference: str) -> ModelIdentity:
    """Return the model that a reference means now.

    Raises
    ------
    ModelNotFoundError
        There is none.
    InputError
        Several versions have hashes that begin with the digits.
    """
    if not HASH.fullmatch(reference.lower()):
        return describe_bundle(registry.resolve(reference), Trials()).identity
    names = ["/".join(found) for found in registry.find(reference.lower())]
    if not names:
        raise ModelNotFoundError(
            f"The registry {registry.root} should have a model whose SHA-256 begins with"
            f" {reference}, but it has none: `leadscore models list` shows them all."
        )
    trials = Trials()
    found = {describe_bundle(registry.resolve(name), trials).identity for name in names}
    if len({model.sha256 for model in found}) > 1:
        raise InputError(
            f"expected one model for {reference}, but there are {', '.join(names)}: name one of"
            " them"
        )
    return min(found, key=lambda model: (model.id, model.version))


async def make_plan(settings: Settings, wanted: Wanted, now: datetime) -> ReplayPlan:
    """Return a plan with everything fixed; nothing is written or created.

    Raises
    ------
    StartupError
        Kafka can't be reached, a right is missing, or there is no such topic.
    InputError
        There is nothing to replay, or the output topic is one of LeadScore's.
    ModelNotFoundError
        There is no such model.
    """
    replay_id = check_id(wanted.id or new_id(now))
    _check_counting(wanted)
    reads = settings.model_copy(update={"leads_created": wanted.topic})
    counts = await partition_counts(reads, Use.REPLAY)
    if not (partitions := counts.get(wanted.topic)):
        raise StartupError(
            f"expected the topic {wanted.topic}, but it does not exist: create it with"
            " `leadscore topics create`, or name another with --topic"
        )
    require_topic(settings.leads_replays, counts)
    model = find_model(Registry(settings.registry), wanted.model)
    out, dead_letters = _outputs(settings, wanted, replay_id)
    ranges = await _ranges(settings, wanted, partitions)
    if not ranges:
        raise InputError(
            f"expected records of {wanted.archive or wanted.topic} from {wanted.start} to"
            f" {wanted.end}, but there are none: give another --from or --to (a whole number is an"
            " offset, a date has hyphens; what retention has removed is in an --archive only)"
        )
    return ReplayPlan(
        id=replay_id,
        topic=wanted.topic,
        topic_id=await read_topic_id(settings, wanted.topic),
        partitions=partitions,
        ranges=ranges,
        model_id=model.id,
        model_version=model.version,
        model_sha256=model.sha256,
        out=out,
        dead_letters=dead_letters,
        group_id=f"{settings.group_id}-replay-{replay_id}",
        is_into_live=wanted.is_into_live,
        filters=tuple(wanted.filters),
        sample=wanted.sample,
        archive=None if wanted.archive is None else location_of_plan(wanted.archive),
        drift_partials=f"{isolated_topic(settings, replay_id)}.drift.partials"
        if wanted.counts_drift
        else None,
        settings=ReplayPlan.kept(settings),
        created_at=now,
        **await _aged(settings, wanted, partitions, ranges, now),
    )


async def _aged(
    settings: Settings,
    wanted: Wanted,
    partitions: int,
    ranges: Sequence[PartitionRange],
    now: datetime,
) -> dict[str, Any]:
    """Return the fields of a plan that scores untouched leads with their age."""
    if wanted.untouched_ms is None:
        return {}
    at = round(now.timestamp() * 1000)
    watched: list[PartitionRange] = []
    if wanted.archive is not None:
        archived = {each.partition: each.end for each in ranges}
        reader = LogReader(settings.kafka_client_options(), settings.isolation_level)
        for each in await read_bounds(reader, wanted.topic, partitions, BEGINNING, END):
            start = max(each.start, archived.get(each.partition, 0))
            if start < each.end:
                watched.append(PartitionRange(each.partition, start, each.end, each.log_start))
    return {
        "ages_at": at,
        "untouched_since": at - wanted.untouched_ms,
        "watched": tuple(watched),
    }


def _check_counting(wanted: Wanted) -> None:
    if wanted.counts_drift and (wanted.filters or wanted.sample < 1 or wanted.archive):
        raise InputError(
            "--drift counts blocks of all leads of the topic: give it without --filter, --sample"
            " and --archive"
        )


async def _ranges(
    settings: Settings, wanted: Wanted, partitions: int
) -> tuple[PartitionRange, ...]:
    if wanted.archive is None:
        reader = LogReader(settings.kafka_client_options(), settings.isolation_level)
        return await read_bounds(reader, wanted.topic, partitions, wanted.start, wanted.end)
    archive = await asyncio.to_thread(Archive, wanted.archive, wanted.topic)
    if (last := max(archive.partitions)) >= partitions:
        raise InputError(
            f"expected an archive of {wanted.topic}, which has {partitions} partitions, but"
            f" {wanted.archive} has files of partition {last}: the topic was created again with"
            " fewer partitions"
        )
    return await resolve(archive, wanted.start, wanted.end)


def _outputs(settings: Settings, wanted: Wanted, replay_id: str) -> tuple[str, str]:
    if wanted.is_into_live:
        return settings.leads_scored, settings.leads_created_dlq
    out = wanted.out or isolated_topic(settings, replay_id)
    declared = {topic.name(settings) for topic in TOPICS}
    if {out, f"{out}.dlq"} & {*declared, wanted.topic}:
        raise InputError(
            f"--out {out}: expected a topic of the replay's own, but LeadScore uses that one: name"
            " another, or give --into-live for the workers' topics"
        )
    return out, f"{out}.dlq"


async def create_outputs(settings: Settings, plan: ReplayPlan) -> None:
    """Create the output topics of a plan that are missing.

    Raises
    ------
    StartupError
        A topic has another number of partitions than the source, or may not be created.
    """
    copies = {plan.out: SCORED, plan.dead_letters: DEAD_LETTERS}
    await create_copies(settings, copies, plan.partitions, Use.REPLAY)
    if plan.drift_partials is not None:
        await create_copies(settings, {plan.drift_partials: PARTIALS}, 1, Use.REPLAY)
