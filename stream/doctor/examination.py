"""Run all checks; one that crashes or hangs is a finding of its own, and ends no other."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

from schemas.errors import StartupError
from stream.doctor.broker import check_broker, check_clock
from stream.doctor.cluster import KafkaCluster, open_cluster
from stream.doctor.finding import Check, Finding, Surroundings, fail, warn
from stream.doctor.models import check_aliases, check_registry, check_schemas
from stream.doctor.process import check_disk, check_group, check_rights, check_settings
from stream.doctor.retention import check_replay_reach, check_retention
from stream.doctor.schema_registry import check_schema_registry
from stream.doctor.topics import check_partitions, check_replication, check_topics
from stream.doctor.versions import check_versions
from stream.process.refusals import REFUSALS
from stream.settings import Settings

__all__ = ["CHECKS", "Named", "examine", "run_check"]

CHECK_LIMIT = 30.0
"""Seconds that one check may take."""

CHECKS = (
    Check("versions", check_versions, needs_cluster=False),
    Check("settings", check_settings, needs_cluster=False),
    Check("broker", check_broker),
    Check("clock", check_clock),
    Check("rights", check_rights),
    Check("topics", check_topics),
    Check("co-partitioning", check_partitions),
    Check("replication", check_replication),
    Check("retention", check_retention),
    Check("replay", check_replay_reach),
    Check("group", check_group),
    Check("registry", check_registry, needs_cluster=False),
    Check("aliases", check_aliases, needs_cluster=False),
    Check("schemas", check_schemas, needs_cluster=False),
    Check("schema registry", check_schema_registry, needs_cluster=False),
    Check("disk", check_disk, needs_cluster=False),
)
"""All checks, in the order of the report."""


class Named(NamedTuple):
    """A finding with the name of its check."""

    check: str
    finding: Finding


async def examine(
    settings: Settings, environment: Mapping[str, str], checks: Sequence[Check] = CHECKS
) -> AsyncGenerator[Named, None]:
    """Run checks one after the other, and yield their findings.

    If Kafka can't be reached, that is a failure, and the checks that need it are warnings.

    Parameters
    ----------
    settings
        Settings of the worker.
    environment
        Environment variables.
    checks
        The checks.
    """
    async with AsyncExitStack() as stack:
        cluster: KafkaCluster | None = None
        why: Finding | None = None
        try:
            cluster = await stack.enter_async_context(open_cluster(settings))
        except StartupError as error:
            why = fail(str(error), "see the cause; every check of Kafka waits for it")
        at = Surroundings(settings, cluster, environment)
        for check in checks:
            if cluster is None and check.needs_cluster:
                reason = why if why is not None and check.name == "broker" else None
                yield Named(check.name, reason or _not_checked())
                continue
            for finding in await run_check(check, at):
                yield Named(check.name, finding)


def _not_checked() -> Finding:
    return warn("not checked, as Kafka can't be reached", "correct that first")


async def run_check(
    check: Check, at: Surroundings, limit: float = CHECK_LIMIT
) -> Sequence[Finding]:
    """Run one check; its own failure is a finding.

    Parameters
    ----------
    check
        The check.
    at
        What it looks at.
    limit
        Seconds that it may take.
    """
    try:
        async with asyncio.timeout(limit):
            return await check.run(at)
    except TimeoutError:
        return [fail(f"no answer within {limit:g} s", "look into the brokers' logs, try again")]
    except REFUSALS as error:
        return [
            warn(
                f"not checked, as Kafka refuses this user: {type(error).__name__}",
                f"grant the rights: `leadscore acls --role {at.settings.role}`",
            )
        ]
    except Exception as error:  # whatever it is: the other checks are worth their lines
        said = str(error)
        return [
            fail(
                f"this could not be checked: {type(error).__name__}{f': {said}' if said else ''}",
                "if the other lines don't explain it, report it with this line",
            )
        ]
