"""Findings on settings, rights, disk and the group."""

from __future__ import annotations

import shutil
from pathlib import Path
from typing import NamedTuple

import pytest

from stream.doctor.finding import Level, Surroundings
from stream.doctor.process import (
    FULL_DISK,
    LOW_DISK,
    check_disk,
    check_group,
    check_rights,
    check_settings,
)
from stream.kafka.access import Operation
from stream.kafka.group_requests import DescribedGroup, GroupMember
from stream.kafka.shared_settings import encode_settings, shared_settings
from stream.settings import Settings
from tests.unit.stream.doctor.fake_cluster import surroundings


async def test_a_typo_in_a_setting_is_found_with_the_right_name() -> None:
    typo = Surroundings(Settings(), None, {"LEADSCORE_TYPO": "1", "LEADSCORE_MODLE": "x"})
    findings = await check_settings(typo)
    assert {found.level for found in findings} == {Level.WARN}
    assert "LEADSCORE_MODLE" in findings[0].sentence
    assert "LEADSCORE_MODEL" in findings[0].remedy
    assert "LEADSCORE_TYPO" in findings[1].sentence


async def test_known_settings_are_one_line() -> None:
    known = Surroundings(Settings(), None, {"LEADSCORE_MODEL": "leads", "PATH": "/bin"})
    [found] = await check_settings(known)
    assert found.level is Level.OK


async def test_a_missing_right_is_a_failure_with_the_command() -> None:
    at, cluster = surroundings()
    cluster.missing_right = (
        "expected user bob to have the right Read on the topic leads.created in Kafka, but it does"
        " not: `leadscore acls --role score` prints the commands that grant it"
    )
    [found] = await check_rights(at)
    assert found.level is Level.FAIL
    assert found.sentence.startswith("expected user bob")
    assert found.remedy.startswith("`leadscore acls")


async def test_all_rights_are_one_line_with_the_user_and_the_role() -> None:
    at, _ = surroundings()
    [found] = await check_rights(at)
    assert found.level is Level.OK
    assert "every right of role score" in found.sentence


async def test_a_missing_optional_right_is_a_warning() -> None:
    at, cluster = surroundings()
    scored = cluster.described["leads.scored"]
    cluster.described["leads.scored"] = scored._replace(
        operations=frozenset(Operation) - {Operation.READ}
    )
    [found] = await check_rights(at)
    assert found.level is Level.WARN
    assert "Read on the topic leads.scored" in found.sentence


class Usage(NamedTuple):
    free: int


@pytest.mark.parametrize(
    ("free", "level"),
    [(2 * LOW_DISK, Level.OK), (LOW_DISK - 1, Level.WARN), (FULL_DISK - 1, Level.FAIL)],
)
async def test_a_full_disk_is_a_failure_and_a_low_one_a_warning(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: Level
) -> None:
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(free))
    at, _ = surroundings(registry=str(tmp_path))
    assert {found.level for found in await check_disk(at)} == {level}


async def test_a_folder_that_is_missing_is_a_failure(tmp_path: Path) -> None:
    at, _ = surroundings(registry=str(tmp_path), http_port_file=tmp_path / "none" / "port")
    findings = await check_disk(at)
    assert [found.level for found in findings if "none" in found.sentence] == [Level.FAIL]


async def test_a_folder_that_may_not_be_written_to_is_a_failure(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("stream.doctor.process.os.access", lambda *_: False)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: Usage(2 * LOW_DISK))
    at, _ = surroundings(registry=str(tmp_path))
    [temporary, registry] = await check_disk(at)
    assert temporary.level is Level.FAIL
    assert "may not write" in temporary.sentence
    assert registry.level is Level.OK, "a worker only reads it"


async def test_a_registry_by_url_has_no_disk() -> None:
    at, _ = surroundings(registry="s3://bucket/models")
    assert all("registry" not in found.sentence for found in await check_disk(at))


def group_of(*settings: Settings, protocol: str = "leadscore") -> DescribedGroup:
    members = (
        GroupMember("client", "/host", encode_settings(shared_settings(one))) for one in settings
    )
    return DescribedGroup("Stable", protocol, tuple(members))


async def test_no_worker_is_no_fault() -> None:
    at, _ = surroundings()
    [found] = await check_group(at)
    assert found.level is Level.OK


async def test_another_delivery_than_the_groups_is_a_failure() -> None:
    at, cluster = surroundings()
    cluster.members = group_of(Settings(delivery="exactly_once"), Settings(delivery="exactly_once"))
    [found] = await check_group(at)
    assert found.level is Level.FAIL
    assert "LEADSCORE_DELIVERY is 'at_least_once' here" in found.sentence
    assert "'exactly_once' (2)" in found.sentence
    cluster.members = group_of(Settings())
    [same] = await check_group(at)
    assert same.level is Level.OK
    assert same.sentence.startswith("1 worker of the group runs")


async def test_other_clients_in_the_group_are_a_failure() -> None:
    at, cluster = surroundings()
    cluster.members = group_of(Settings(), protocol="range")
    [found] = await check_group(at)
    assert found.level is Level.FAIL


async def test_a_worker_of_an_earlier_version_is_not_compared() -> None:
    at, cluster = surroundings()
    cluster.members = DescribedGroup("Stable", "leadscore", (GroupMember("c", "/h", b""),))
    [found] = await check_group(at)
    assert found.level is Level.OK
