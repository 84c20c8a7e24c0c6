"""The program's own line: versions, and loops that are not compiled."""

from __future__ import annotations

import platform

import pytest

from stream.doctor import versions
from stream.doctor.finding import Level
from stream.doctor.versions import check_versions
from tests.unit.stream.doctor.fake_cluster import surroundings


async def test_versions_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "find_spec", lambda _: object())
    [found] = await check_versions(surroundings()[0])
    assert found.level is Level.OK
    assert platform.python_version() in found.sentence
    assert all(package in found.sentence for package in versions.PACKAGES)


async def test_loops_that_are_not_compiled_are_a_warning(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "find_spec", lambda _: None)
    [found] = await check_versions(surroundings()[0])
    assert found.level is Level.WARN
    assert "C compiler" in found.remedy


async def test_a_package_without_metadata_is_no_crash(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(versions, "PACKAGES", ("no-such-package",))
    [found] = await check_versions(surroundings()[0])
    assert "no-such-package of an unknown version" in found.sentence
