"""Checks of retention: against the longest outage, and how far back a replay can go."""

from __future__ import annotations

import asyncio
import math
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from schemas.display import shown_span
from schemas.errors import LeadScoreError
from stream.archive.reader import Archive
from stream.doctor.finding import Finding, Surroundings, fail, ok, warn
from stream.kafka.access import Use, uses_of
from stream.kafka.topic_catalog import SOURCE
from stream.settings import Settings, variable_of

__all__ = ["check_replay_reach", "check_retention"]

DAY_MS, DAY_MINUTES = 86_400_000, 1440
OUTAGE = variable_of("longest_outage_days")
UNLIMITED = -1


async def check_retention(at: Surroundings) -> Sequence[Finding]:
    """Check that unread records are kept for the longest outage of the workers."""
    assert at.cluster is not None
    settings, configs, existing = at.settings, await at.cluster.configs(), await at.cluster.topics()
    uses, topics = uses_of(settings), []
    if not {Use.SCORE, Use.SHADOW, Use.ARCHIVE}.isdisjoint(uses):
        topics.append(SOURCE.name(settings))
    if Use.DRIFT in uses:
        topics.append(settings.leads_drift_partials)
    if settings.role == "sink":
        topics.append(settings.sink_topic)
    findings: list[Finding] = []
    for name in topics:
        if not existing[name].partitions:
            continue
        if name not in configs:
            findings.append(
                warn(
                    f"the retention of {name} can't be read",
                    "grant DescribeConfigs on the topic, which is optional (docs/rights.md)",
                )
            )
            continue
        findings += _retention(name, configs[name], settings.longest_outage_days)
    findings += _commits(await at.cluster.commit_minutes(), settings.longest_outage_days)
    if Use.SCORE in uses:
        findings += _compaction(SOURCE.name(settings), configs)
        findings += _ledger(settings, configs)
    return findings


def _commits(minutes: float | None, outage_days: float) -> list[Finding]:
    """Check that Kafka keeps the group's commits for the longest outage, if it shows how long."""
    if minutes is None or minutes >= outage_days * DAY_MINUTES:
        return []
    return [
        warn(
            f"Kafka keeps the commits of a group without members for {minutes / DAY_MINUTES:g} d"
            f" (offsets.retention.minutes), but the longest outage is {outage_days:g} d ({OUTAGE}):"
            " workers that start after that score all leads in the log again",
            f"raise the brokers' offsets.retention.minutes to {outage_days * DAY_MINUTES:.0f} or"
            f" more, or set {OUTAGE} to the outage that you accept",
        )
    ]


def _compaction(name: str, configs: Mapping[str, Mapping[str, str]]) -> list[Finding]:
    if "compact" not in configs.get(name, {}).get("cleanup.policy", ""):
        return []
    return [
        warn(
            f"{name} is compacted: of two leads with the same key, the first may be removed unread",
            "set the topic's cleanup.policy to delete",
        )
    ]


def _ledger(settings: Settings, configs: Mapping[str, Mapping[str, str]]) -> list[Finding]:
    """Check that the ledger of re-drives is kept as long as the dead letters."""
    letters, ledger = settings.leads_created_dlq, settings.leads_redrives
    if not {letters, ledger} <= configs.keys():
        return []
    kept, noted = (_kept_ms(configs[name]) for name in (letters, ledger))
    if noted >= kept:
        return []
    shown = "-1" if kept == math.inf else f"{kept:.0f}"
    return [
        warn(
            f"{ledger} keeps records for {shown_span(noted)}, less long than {letters}: a letter"
            " that was sent again before that may be sent twice",
            f"raise the retention.ms of {ledger} to {shown}",
        )
    ]


def _kept_ms(configs: Mapping[str, str]) -> float:
    """Return how long a topic keeps records, in milliseconds; infinite if there is no limit."""
    kept = int(configs["retention.ms"])
    return math.inf if kept == UNLIMITED or "delete" not in configs["cleanup.policy"] else kept


def _retention(name: str, configs: Mapping[str, str], outage_days: float) -> list[Finding]:
    if "delete" not in configs["cleanup.policy"]:
        return [ok(f"{name} keeps records without a limit of time")]
    kept_ms, kept_bytes = int(configs["retention.ms"]), int(configs["retention.bytes"])
    days = kept_ms / DAY_MS
    shown = (
        "records without a limit of time"
        if kept_ms == UNLIMITED
        else f"records for {shown_span(kept_ms)}"
    )
    findings = []
    if kept_ms != UNLIMITED and days < outage_days:
        findings.append(
            fail(
                f"{name} keeps {shown}, but the longest outage is {outage_days:g} d"
                f" ({OUTAGE}): what is not read by then is lost",
                f"raise the topic's retention.ms to {outage_days * DAY_MS:.0f} or more, or set"
                f" {OUTAGE} to the outage that you accept",
            )
        )
    if kept_bytes != UNLIMITED:
        findings.append(
            warn(
                f"{name} keeps at most {kept_bytes} bytes of each partition: a burst of leads may"
                " remove unread ones early",
                "set the topic's retention.bytes to -1, or make sure that it holds"
                f" {outage_days:g} d of leads",
            )
        )
    return findings or [ok(f"{name} keeps {shown}; the longest outage is {outage_days:g} d")]


async def check_replay_reach(at: Surroundings) -> Sequence[Finding]:
    """Report the oldest lead of the topic and of the archive: no replay can go back further."""
    return [*await _reach_of_topic(at), *await asyncio.to_thread(_reach_of_archive, at.settings)]


def _reach_of_archive(settings: Settings) -> Sequence[Finding]:
    folder, topic = settings.archive, SOURCE.name(settings)
    if folder is None:
        return []
    try:
        archive = Archive(folder, topic)
        oldest = archive.oldest_ms()
    except LeadScoreError as error:
        return [warn(str(error), "see docs/operations.md#the-archive")]
    missing = sum(end - start for its in archive.holes().values() for start, end in its)
    if oldest is None:
        return []
    sentence = f"a replay of {topic} can go back to {_moment(oldest)}, from the archive {folder}"
    if missing:
        return [
            warn(
                f"{sentence}, but {missing} offsets between its files are missing",
                "bring the missing files back, or accept it: a replay counts them as expired",
            )
        ]
    return [ok(sentence)]


def _moment(ms: int) -> str:
    moment = datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return f"{moment}, {shown_span(time.time() * 1000 - ms)} ago"


async def _reach_of_topic(at: Surroundings) -> Sequence[Finding]:
    assert at.cluster is not None
    name = SOURCE.name(at.settings)
    if not (await at.cluster.topics())[name].partitions:
        return []
    oldest = [found.timestamp_ms for found in await at.cluster.oldest(name)]
    known = [stamp for stamp in oldest if stamp is not None]
    if not known:
        return [ok(f"{name} holds no lead, so there is nothing to replay")]
    return [ok(f"a replay of {name} can go back to {_moment(min(known))}")]
