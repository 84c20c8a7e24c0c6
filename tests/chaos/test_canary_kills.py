"""Canaries while workers are killed: a lead has the model that its hash names, and one score."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from pathlib import Path
from random import Random

import pytest

from agents.canary_mark import Arm, CanaryMark
from model.alias_entry import Action, AliasEntry
from model.bundle import Bundle
from model.registry import Alias
from stream.demo.worker import WORKER
from stream.simulator.playing import Lead
from testing.kafka_client import until
from tests.chaos.audit import audit_load
from tests.chaos.conftest import OpenStage
from tests.chaos.crew import Crew, crew_of
from tests.integration.misbehaving_worker import worker_with
from tests.integration.rollout_stage import Rollout, two_versions
from tests.integration.traffic import streaming
from tests.integration.worker_process import Stage

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]

RATE = 300
KILLS = 6
SETTINGS = {
    "LEADSCORE_MODEL_POLL_SECONDS": "0.5",
    "LEADSCORE_ROLLOUT_MIN_LEADS": "200",
    # A worker that is started again on a busy machine is late with its step, and slow.
    "LEADSCORE_ROLLOUT_SETTLE_SECONDS": "20",
    "LEADSCORE_ROLLOUT_WINDOW_SECONDS": "30",
    "LEADSCORE_ROLLOUT_MIN_LATENCY_MS": "2000",
}


@pytest.fixture
async def rollout(open_stage: OpenStage, bank_model: Bundle, tmp_path: Path) -> Rollout:
    registry, _ = two_versions(bank_model, tmp_path / "models")
    stage = await open_stage(LEADSCORE_REGISTRY=registry.root, **SETTINGS)
    return Rollout(stage, registry)


async def join(crew: Crew, worker: Sequence[str] = WORKER) -> None:
    """Start two score workers and a rollout worker."""
    await asyncio.gather(crew.join(worker), crew.join(worker), crew.join(LEADSCORE_ROLE="rollout"))


async def kill_some(crew: Crew, chance: Random, kills: int) -> None:
    """Kill workers of both roles, one after the other; each is started again."""
    for _ in range(kills):
        await asyncio.sleep(chance.uniform(0.5, 5.0))  # the moment of the kill is drawn
        await crew.crash(chance.choice(crew.members))


async def until_ended(rollout: Rollout) -> AliasEntry:
    """Wait until the canary is gone; return the last change."""
    registry = rollout.registry

    def is_over() -> bool:
        return registry.history("bank")[-1].action is Action.REMOVE

    await until(is_over, within=240, what="the end of the canary")
    return registry.history("bank")[-1]


async def splits_of(stage: Stage) -> dict[float, set[Arm]]:
    """Return the arms that scored leads, by the canary's share."""
    found: dict[float, set[Arm]] = {}
    for record in await stage.scored_records():
        if mark := CanaryMark.read(record.headers):
            found.setdefault(mark.share, set()).add(mark.arm)
    return found


async def test_kills_in_every_step_of_a_canary_lose_and_double_no_lead(
    rollout: Rollout, contacts: list[Lead], bank_model: Bundle, seed: int, chance: Random
) -> None:
    stage, second = rollout.stage, rollout.second
    async with crew_of(stage) as crew, streaming(stage, contacts, seed, rate=RATE) as traffic:
        await join(crew)
        await stage.until_scored(1000)
        rollout.start("20@15s,60@15s")
        await kill_some(crew, chance, KILLS)
        ended = await until_ended(rollout)
        assert rollout.registry.aliases("bank") == {Alias.PRODUCTION: "2"}, ended.why
        await crew.back(within=90)
        assert await splits_of(stage) == {
            20: {Arm.PRODUCTION, Arm.CANARY},
            60: {Arm.PRODUCTION, Arm.CANARY},
        }
        await audit_load(stage, bank_model, traffic, [second])


async def test_kills_while_a_harmful_canary_is_removed_lose_and_double_no_lead(
    rollout: Rollout, contacts: list[Lead], bank_model: Bundle, seed: int, chance: Random
) -> None:
    stage, second = rollout.stage, rollout.second
    async with crew_of(stage) as crew, streaming(stage, contacts, seed, rate=RATE) as traffic:
        await join(crew, worker_with("raises"))
        await stage.until_scored(1000)
        rollout.start("30@1h")
        await kill_some(crew, chance, KILLS // 2)
        ended = await until_ended(rollout)
        assert "failed to score" in ended.why
        assert rollout.registry.aliases("bank") == {Alias.PRODUCTION: "1"}
        await crew.back(within=90)
        assert await splits_of(stage) == {30: {Arm.PRODUCTION, Arm.FALLBACK}}
        await audit_load(stage, bank_model, traffic, [second])
