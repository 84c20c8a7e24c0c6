"""All checks: none ends another, and Kafka may be unavailable."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from aiokafka.errors import GroupAuthorizationFailedError

from stream.broker.node import free_ports
from stream.doctor.examination import CHECKS, examine, run_check
from stream.doctor.finding import Check, Finding, Level, Surroundings, ok
from stream.settings import Settings
from tests.unit.stream.doctor.fake_cluster import surroundings


async def crash(_: Surroundings) -> Sequence[Finding]:
    raise ZeroDivisionError("s3://key:hush-hush@bucket")


async def hang(_: Surroundings) -> Sequence[Finding]:
    await asyncio.Event().wait()
    raise AssertionError


async def pass_(_: Surroundings) -> Sequence[Finding]:
    return [ok("fine")]


async def test_a_check_that_crashes_is_a_failure_without_secrets() -> None:
    at, _ = surroundings()
    [found] = await run_check(Check("c", crash), at)
    assert found.level is Level.FAIL
    assert "ZeroDivisionError" in found.sentence
    assert "hush-hush" not in found.sentence
    assert found.remedy


async def test_a_check_that_lacks_a_right_says_how_to_get_it() -> None:
    async def refused(_: Surroundings) -> Sequence[Finding]:
        raise GroupAuthorizationFailedError("leadscore")

    at, _ = surroundings(role="drift")
    [found] = await run_check(Check("c", refused), at)
    assert found.level is Level.WARN
    assert "GroupAuthorizationFailedError" in found.sentence
    assert "leadscore acls --role drift" in found.remedy


async def test_a_check_that_hangs_is_a_failure() -> None:
    at, _ = surroundings()
    [found] = await run_check(Check("c", hang), at, limit=0.01)
    assert (found.level, "0.01 s" in found.sentence) == (Level.FAIL, True)


async def test_without_kafka_the_other_checks_still_run() -> None:
    settings = Settings(kafka_bootstrap_servers=f"127.0.0.1:{free_ports(1)[0]}")
    checks = (
        Check("settings", crash, needs_cluster=False),
        Check("broker", pass_),
        Check("topics", pass_),
        Check("disk", pass_, needs_cluster=False),
    )
    found = [named async for named in examine(settings, {}, checks)]
    assert [(named.check, named.finding.level) for named in found] == [
        ("settings", Level.FAIL),
        ("broker", Level.FAIL),
        ("topics", Level.WARN),
        ("disk", Level.OK),
    ]
    assert "nothing listens" in found[1].finding.sentence


async def test_every_check_says_something_of_a_sound_cluster(tmp_path: object) -> None:
    at, _ = surroundings(registry=str(tmp_path))
    for check in CHECKS:
        assert all(found.sentence for found in await run_check(check, at)), check.name
    assert len({check.name for check in CHECKS}) == len(CHECKS)
