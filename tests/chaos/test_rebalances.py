"""Workers that come and go, and zombies: partitions change hands under load."""

from __future__ import annotations

import asyncio
import signal
from random import Random

import pytest

from model.bundle import Bundle
from stream.simulator.playing import Lead
from tests.chaos.audit import audit, audit_load
from tests.chaos.crew import crew_of
from tests.integration.traffic import streaming
from tests.integration.worker_process import Stage

SESSION_S = 6.0
MOVES = 20
WORKERS = 3


@pytest.mark.thorough
@pytest.mark.timeout(900)
async def test_a_storm_of_joins_and_leaves_loses_no_lead(
    stage: Stage, contacts: list[Lead], bank_model: Bundle, seed: int, chance: Random
) -> None:
    async with crew_of(stage) as crew, streaming(stage, contacts, seed, rate=1000) as traffic:
        await asyncio.gather(*(crew.join() for _ in range(WORKERS)))
        for _ in range(MOVES):
            await asyncio.sleep(chance.uniform(0.0, 1.0))
            may_leave = len(crew.members) > 1
            if len(crew.members) < WORKERS and (not may_leave or chance.random() < 0.5):
                await crew.join()
            elif chance.random() < 0.25:
                await crew.kill(chance.choice(crew.members))
            else:
                await crew.leave(chance.choice(crew.members))
        await crew.back()
        await audit_load(stage, bank_model, traffic)
        assert crew.crashes == []


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_a_rolling_restart_does_nothing_twice(
    stage: Stage, contacts: list[Lead], bank_model: Bundle, seed: int
) -> None:
    async with crew_of(stage) as crew, streaming(stage, contacts, seed, rate=1000) as traffic:
        for _ in range(WORKERS):
            await crew.join()
        for member in list(crew.members):
            await crew.join()  # the new one beside the old
            await crew.leave(member)
        await crew.back()
        played = await traffic.end()
        assert await audit(stage, bank_model, played) == 0
        assert crew.ends == []


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_a_zombie_commits_nothing(
    stage: Stage, contacts: list[Lead], bank_model: Bundle, seed: int, chance: Random
) -> None:
    """A worker that is frozen for longer than its session continues where others have been."""
    async with crew_of(stage) as crew, streaming(stage, contacts, seed) as traffic:
        zombie = (await crew.join()).process
        await crew.join()
        await stage.until_scored(2000)
        await asyncio.sleep(chance.uniform(0.0, 1.0))
        zombie.send(signal.SIGSTOP)
        try:
            await asyncio.sleep(SESSION_S * chance.uniform(1.5, 2.5))
        finally:
            zombie.send(signal.SIGCONT)
        await crew.back()
        await audit_load(stage, bank_model, traffic)
        assert crew.ends == []


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_workers_that_are_killed_one_after_the_other_lose_no_lead(
    stage: Stage, contacts: list[Lead], bank_model: Bundle, seed: int, chance: Random
) -> None:
    """As the kernel does that has no memory left: SIGKILL, and a supervisor that starts anew."""
    async with crew_of(stage) as crew, streaming(stage, contacts, seed) as traffic:
        await crew.join()
        await crew.join()
        await stage.until_scored(2000)
        for _ in range(4):
            await asyncio.sleep(chance.uniform(0.0, 4.0))
            await crew.crash(chance.choice(crew.members))
        await crew.back()
        await audit_load(stage, bank_model, traffic)
        assert {code for code, _ in crew.ends} == {-signal.SIGKILL}


@pytest.mark.long
@pytest.mark.parametrize("delivery", ["exactly_once"])
async def test_exactly_once_a_kill_and_a_zombie_repeat_nothing(
    stage: Stage, contacts: list[Lead], bank_model: Bundle, seed: int, chance: Random
) -> None:
    """In short, what the others do with exactly-once delivery at length."""
    async with crew_of(stage) as crew, streaming(stage, contacts, seed) as traffic:
        members = list(await asyncio.gather(crew.join(), crew.join()))
        await stage.until_scored(2000)
        chance.shuffle(members)
        killed, zombie = (member.process for member in members)
        await asyncio.sleep(chance.uniform(0.0, 1.0))
        in_group = await stage.members()
        killed.send(signal.SIGKILL)
        zombie.send(signal.SIGSTOP)
        try:
            await stage.until_removed(in_group, len(in_group))
        finally:
            zombie.send(signal.SIGCONT)
        await crew.back()
        assert await audit_load(stage, bank_model, traffic) == 0
        assert [code for code, _ in crew.ends] == [-signal.SIGKILL]
