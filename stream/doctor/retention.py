"""Checks of retention: against the longest outage, and how far back a replay can go."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime

from stream.doctor.finding import Finding, Surroundings, fail, ok, warn
from stream.kafka.access import Use, uses_of
from stream.kafka.topic_catalog import SOURCE
from stream.settings import variable_of

__all__ = ["check_replay_reach", "check_retention"]

DAY_MS = 86_400_000
OUTAGE = variable_of("longest_outage_days")
UNLIMITED = -1


async def check_retention(at: Surroundings) -> Sequence[Finding]:
    """Check that unread records are kept for the longest outage of the workers."""
    assert at.cluster is not None
    settings, configs, existing = at.settings, await at.cluster.configs(), await at.cluster.topics()
    uses, topics = uses_of(settings), []
    if Use.SCORE in uses:
        topics.append(SOURCE.name(settings))
    if Use.DRIFT in uses:
        topics.append(settings.leads_drift_partials)
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
    return findings


def _retention(name: str, configs: Mapping[str, str], outage_days: float) -> list[Finding]:
    if "delete" not in configs["cleanup.policy"]:
        return [ok(f"{name} keeps records without a limit of time")]
    kept_ms, kept_bytes = int(configs["retention.ms"]), int(configs["retention.bytes"])
    days = kept_ms / DAY_MS
    shown = "records without a limit of time" if kept_ms == UNLIMITED else f"records for {days:g} d"
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
    """Report the oldest lead that can still be read: a replay can't go back further."""
    assert at.cluster is not None
    name = SOURCE.name(at.settings)
    if not (await at.cluster.topics())[name].partitions:
        return []
    oldest = [found.timestamp_ms for found in await at.cluster.oldest(name)]
    known = [stamp for stamp in oldest if stamp is not None]
    if not known:
        return [ok(f"{name} holds no lead, so there is nothing to replay")]
    first = min(known)
    days = (time.time() * 1000 - first) / DAY_MS
    moment = datetime.fromtimestamp(first / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return [ok(f"a replay of {name} can go back to {moment}, {days:.1f} d ago")]
