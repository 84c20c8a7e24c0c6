"""Findings on the brokers."""

from __future__ import annotations

import pytest

from stream.doctor.broker import check_broker, check_clock, release
from stream.doctor.finding import Level
from tests.unit.stream.doctor.fake_cluster import surroundings


async def test_a_sound_cluster_is_described() -> None:
    at, _ = surroundings()
    [found] = await check_broker(at)
    assert found.level is Level.OK
    assert "4.0 or later" in found.sentence
    assert "3 brokers" in found.sentence


@pytest.mark.parametrize(
    ("versions", "named"),
    [
        ({1: (4, 18), 3: (0, 13), 55: (0, 2)}, "4.0 or later"),
        ({1: (0, 13), 3: (0, 12), 55: (0, 1)}, "3.3 or later"),
        ({1: (0, 11), 3: (0, 8)}, "before 3.3"),
        ({1: (0, 11), 3: (0, 7)}, "before 2.3"),
        ({}, "before 2.3"),
    ],
)
def test_the_release_follows_from_the_requests(
    versions: dict[int, tuple[int, int]], named: str
) -> None:
    assert release(versions) == named


async def test_an_old_broker_is_a_warning() -> None:
    at, cluster = surroundings()
    cluster.supported = {1: (0, 11), 3: (0, 8)}
    [found] = await check_broker(at)
    assert found.level is Level.WARN
    assert "upgrade" in found.remedy


@pytest.mark.parametrize(
    ("ahead", "level", "words"),
    [
        (0.2, Level.OK, "ahead of"),
        (-20.0, Level.WARN, "20.0 s behind"),
        (7200.0, Level.FAIL, "7200.0 s ahead of"),
        (None, Level.WARN, "unknown"),
    ],
)
async def test_a_clock_that_differs_from_kafkas_is_reported_by_how_much(
    ahead: float | None, level: Level, words: str
) -> None:
    at, cluster = surroundings()
    cluster.ahead = ahead
    [found] = await check_clock(at)
    assert found.level is level
    assert words in found.sentence
