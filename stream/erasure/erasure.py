"""An erasure: what Kafka, the registry and databases of sinks hold of some leads, and its fate."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

from stream.erasure.archived_leads import ArchivedLead, find_archived
from stream.erasure.held_records import Held, find_held
from stream.erasure.lead_topics import read_lead_topics, read_replays
from stream.erasure.old_bundles import OldBundle, find_old_bundles
from stream.erasure.outcome_stores import StoredLead, find_stored
from stream.erasure.policy import Fate, TopicPolicy
from stream.erasure.sink_rows import SinkRows, find_rows
from stream.erasure.tombstones import Tombstone
from stream.kafka.log_reader import LogReader
from stream.replay.plan import ReplayRecord
from stream.settings import Settings

__all__ = ["Erasure", "Finding", "NamingPlan", "naming_plans", "plan_erasure"]

Progress = Callable[[str, int, int], None]
"""Called with a topic, the number of its offsets that were read, and that of all."""


@dataclass(frozen=True, slots=True)
class Finding:
    """Records of a lead in a topic.

    Attributes
    ----------
    lead
        The lead's index among those that were given.
    policy
        The topic.
    records
        Number of records; in a compacted topic of those with a value.
    newest_ms
        Latest time stamp of these, milliseconds since 1970.
    fate
        How they end.
    gone_by_ms
        By when, milliseconds since 1970; None: without a limit of time, or unknown.
    """

    lead: int
    policy: TopicPolicy
    records: int
    newest_ms: int
    fate: Fate
    gone_by_ms: int | None


@dataclass(frozen=True, slots=True)
class NamingPlan:
    """A plan of a replay that names a lead in a filter.

    Attributes
    ----------
    lead
        The lead's index among those that were given.
    replay_id
        The replay.
    is_open
        Whether the replay may still be resumed: then its plan stays.
    """

    lead: int
    replay_id: str
    is_open: bool


@dataclass(frozen=True, slots=True)
class Erasure:
    """Findings of an erasure, and its tombstones.

    Attributes
    ----------
    leads
        Number of leads.
    topics
        All topics that hold records of single leads.
    findings
        What they hold of these leads.
    plans
        Plans of replays that name one of the leads.
    bundles
        Models that keep unchanged training leads.
    tombstones
        The tombstones to write.
    archived
        Files of the archive that hold one of the leads.
    rows
        Rows of the leads in databases of sinks, to be deleted.
    stores
        Stores of the role outcomes that hold one of the leads.
    without_key
        Number of records without a key by topic: of which lead they are is not known.
    """

    leads: int
    topics: Sequence[TopicPolicy]
    findings: Sequence[Finding]
    plans: Sequence[NamingPlan]
    bundles: Sequence[OldBundle]
    tombstones: Sequence[Tombstone] = field(repr=False)
    archived: Sequence[ArchivedLead] = ()
    rows: Sequence[SinkRows] = ()
    stores: Sequence[StoredLead] = ()
    without_key: Mapping[str, int] = field(default_factory=dict)

    @property
    def unknown(self) -> Sequence[int]:
        """Return the indices of the leads of which nothing was found."""
        found = (self.findings, self.plans, self.archived, self.rows, self.stores)
        return sorted({*range(self.leads)} - {each.lead for part in found for each in part})

    @property
    def has_rest(self) -> bool:
        """Whether something stays without a limit of time until somebody acts."""
        stays = any(finding.fate in (Fate.STAYS, Fate.UNKNOWN) for finding in self.findings)
        return stays or bool(self.archived) or any(plan.is_open for plan in self.plans)


async def plan_erasure(
    settings: Settings,
    ids: Sequence[str],
    now_ms: int,
    progress: Progress = lambda _topic, _read, _total: None,
    databases: Sequence[str] = (),
) -> Erasure:
    """Find out what is held of some leads; nothing is written.

    Parameters
    ----------
    settings
        Kafka's address and security, the topics, the registry.
    ids
        The leads' ids, each once.
    now_ms
        The time, milliseconds since 1970.
    progress
        See ``Progress``.
    databases
        URLs of databases that sinks write to.

    Raises
    ------
    StartupError
        Kafka can't be reached, or a right is missing; or a database is none of a sink.
    FatalError
        Kafka stopped answering, or a database does not answer.
    """
    rows = await asyncio.to_thread(find_rows, databases, ids)
    replays = await read_replays(settings)
    topics = await read_lead_topics(settings, replays)
    # Records of an aborted transaction hold leads, too.
    reader = LogReader(settings.kafka_client_options(), "read_uncommitted")
    keys = {lead_id.encode(): index for index, lead_id in enumerate(ids)}
    findings: list[Finding] = []
    tombstones: list[Tombstone] = []
    without_key: dict[str, int] = {}
    for policy in topics:
        on_read = partial(progress, policy.topic)
        held = await find_held(reader, policy.topic, policy.partitions, keys, on_read)
        if held.without_key:
            without_key[policy.topic] = held.without_key
        found, due = _fates(policy, held.leads, ids, now_ms)
        findings += found
        tombstones += due
    plans = naming_plans(replays, ids)
    return Erasure(
        leads=len(ids),
        topics=topics,
        findings=findings,
        plans=plans,
        bundles=find_old_bundles(settings.registry),
        tombstones=[*tombstones, *_tombstones_of_plans(settings.leads_replays, plans)],
        archived=await _archived(settings, keys, progress),
        rows=rows,
        stores=await asyncio.to_thread(find_stored, settings, ids),
        without_key=without_key,
    )


def _fates(
    policy: TopicPolicy, held: Mapping[int, Held], ids: Sequence[str], now_ms: int
) -> tuple[list[Finding], list[Tombstone]]:
    """Return the fate of the records of a topic, and the tombstones that are due in it."""
    findings: list[Finding] = []
    tombstones: list[Tombstone] = []
    for lead, records in sorted(held.items()):
        fate, left = policy.fate, records.without_tombstone
        if fate is Fate.TOMBSTONE:
            key = ids[lead].encode()
            tombstones += [Tombstone(policy.topic, number, key) for number in left]
            fate = Fate.TOMBSTONE if left else Fate.TOMBSTONED
        count, newest = records.records, records.newest_ms
        if not policy.is_compacted:  # a record without a value holds the id, and headers
            count += records.without_value
            newest = max(newest, records.newest_without_value_ms)
        if count:
            gone_by = policy.gone_by(newest, now_ms)
            findings.append(Finding(lead, policy, count, newest, fate, gone_by))
    return findings, tombstones


def _tombstones_of_plans(topic: str, plans: Sequence[NamingPlan]) -> list[Tombstone]:
    """Return the tombstones of replays that name a lead and can't be resumed any more."""
    ended = {plan.replay_id for plan in plans if not plan.is_open}
    return [Tombstone(topic, 0, replay_id.encode()) for replay_id in sorted(ended)]


async def _archived(
    settings: Settings, keys: Mapping[bytes, int], progress: Progress
) -> list[ArchivedLead]:
    """Return which files of the archive hold the leads; none where no archive is set."""
    if settings.archive is None:
        return []
    on_read = partial(progress, str(settings.archive))
    return await find_archived(settings.archive, settings.leads_created, keys, on_read)


def naming_plans(replays: Mapping[str, ReplayRecord], ids: Sequence[str]) -> list[NamingPlan]:
    """Return the plans of replays that name a lead by its id in a filter."""
    return [
        NamingPlan(lead, replay_id, record.state == "planned")
        for replay_id, record in replays.items()
        for lead, lead_id in enumerate(ids)
        if any(value == lead_id for _, value in record.plan.filters)
    ]
