"""Checks of the worker's own environment: settings, disk, rights, and its group."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Sequence
from pathlib import Path

from schemas.errors import StartupError
from stream.doctor.finding import Finding, Surroundings, fail, ok, warn
from stream.kafka.access import Operation, client_name, uses_of
from stream.kafka.declared_rights import optional_rights_of
from stream.kafka.group_protocol import LeadScoreAssignor
from stream.kafka.shared_settings import decode_settings, shared_settings
from stream.scoring.role_settings import scoring_settings
from stream.settings import PREFIX, Settings, variable_of
from stream.unknown_variables import unknown_variables

__all__ = ["check_disk", "check_group", "check_rights", "check_settings"]

MIB = 1 << 20
LOW_DISK, FULL_DISK = 1024 * MIB, 64 * MIB
"""Free bytes below which a disk is low, and too full."""


async def check_settings(at: Surroundings) -> Sequence[Finding]:
    """Report variables that look like settings but are not."""
    return [
        warn(
            f"{unknown.name} is not a setting and has no effect",
            f"{unknown.advice} (docs/settings.md)",
        )
        for unknown in unknown_variables(at.environment)
    ] or [ok(f"every {PREFIX}* variable is a setting, and their values are valid")]


async def check_rights(at: Surroundings) -> Sequence[Finding]:
    """Check the rights of the worker's role; name the optional ones on topics that are missing."""
    assert at.cluster is not None
    settings, uses = at.settings, uses_of(at.settings)
    try:
        await at.cluster.verify_rights(uses)
    except StartupError as error:
        sentence, _, remedy = str(error).rpartition(": ")
        return [fail(sentence, remedy)]
    topics = await at.cluster.topics()
    missing = [
        right
        for right in optional_rights_of(settings, uses)
        if right.type == "topic" and _is_missing(right.operation, topics[right.name].operations)
    ]
    findings = [
        warn(
            f"{client_name(settings)} lacks the optional right {right}",
            "grant it, or accept what docs/rights.md says of it",
        )
        for right in missing
    ]
    whole = f"{client_name(settings)} has every right of role {settings.role}"
    return findings or [ok(whole)]


def _is_missing(operation: Operation, allowed: frozenset[Operation] | None) -> bool:
    return allowed is not None and operation not in allowed


async def check_disk(at: Surroundings) -> Sequence[Finding]:
    """Check space and permission where a worker, a training or a snapshot writes."""
    return [_disk(what, folder) for what, folder in _folders(at.settings).items()]


def _folders(settings: Settings) -> dict[str, Path]:
    folders = {"temporary files": Path(tempfile.gettempdir())}
    if "://" not in settings.registry:
        folders["the registry"] = Path(settings.registry)
    if settings.archive is not None:
        folders["the archive"] = settings.archive
    if settings.http_port_file is not None:
        folders[f"{PREFIX}HTTP_PORT_FILE"] = settings.http_port_file.parent
    return folders


def _disk(what: str, folder: Path) -> Finding:
    if not folder.is_dir():
        return fail(f"there is no folder {folder} for {what}", "create it, or name another")
    free = shutil.disk_usage(folder).free
    sentence = f"the disk for {what}, {folder}, has {free // MIB:,} MiB free"
    if free < FULL_DISK:
        return fail(sentence, "free space, or name another folder")
    if free < LOW_DISK:
        return warn(sentence, "free space before it is full")
    if what != "the registry" and not os.access(folder, os.W_OK):
        return fail(f"this user may not write to {folder} ({what})", "correct its permissions")
    return ok(sentence)


async def check_group(at: Surroundings) -> Sequence[Finding]:
    """Compare the settings that a group must share with those of the workers that run."""
    assert at.cluster is not None
    settings = scoring_settings(at.settings)
    if not settings.is_scorer:  # the other groups have no shared settings
        return []
    group = await at.cluster.group(settings.group_id)
    if not group.members:
        return [ok(f"no worker of the group {settings.group_id} is running")]
    if group.protocol and group.protocol != LeadScoreAssignor.name:
        return [
            fail(
                f"the group {settings.group_id} has members with the protocol {group.protocol}, not"
                f" {LeadScoreAssignor.name}: other clients, or workers of an earlier version",
                f"end them, or set another {variable_of('group_id')}"
                " (docs/operations.md#the-workers-group)",
            )
        ]
    others = [decode_settings(member.user_data) for member in group.members if member.user_data]
    findings = []
    for name, own in shared_settings(settings).items():
        counted = Counter(other[name] for other in others if name in other)
        if counted and set(counted) != {own}:
            said = ", ".join(f"{value!r} ({count})" for value, count in counted.most_common())
            findings.append(
                fail(
                    f"{variable_of(name)} is {own!r} here, and in the group's workers: {said}",
                    "set the same for all workers (docs/operations.md#delivery)",
                )
            )
    number = len(group.members)
    running = "1 worker of the group runs" if number == 1 else f"{number} workers of the group run"
    return findings or [ok(f"{running} with the same shared settings")]
