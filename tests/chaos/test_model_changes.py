"""Changes of the model while workers are killed: a lead has one model, one event id, one count."""

from __future__ import annotations

import asyncio
import signal
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import pytest

from model.bundle import Bundle
from model.registry import Alias, Registry
from stream.simulator.playing import Lead
from testing.kafka_client import until
from testing.made import MADE
from tests.chaos.audit import audit_load
from tests.chaos.conftest import FORM, OpenStage
from tests.chaos.crew import Crew, crew_of
from tests.integration.rollout_stage import two_versions
from tests.integration.traffic import streaming
from tests.integration.worker_process import Stage

RATE = 500
"""Leads a second: several thousand between two kills, and the audits are soon done."""
FLIPS = 50


@dataclass
class Models:
    """Two versions of a model; the alias production names one of them."""

    registry: Registry
    bundles: list[Bundle]
    now: int = 0

    def flip(self) -> Bundle:
        self.now = 1 - self.now
        bundle = self.bundles[self.now]
        self.registry.set_alias("bank", Alias.PRODUCTION, bundle.version, MADE)
        return bundle


@pytest.fixture
def models(bank_model: Bundle, tmp_path: Path) -> Models:
    registry, second = two_versions(bank_model, tmp_path / "models")
    return Models(registry, [bank_model, second])


@pytest.fixture
async def stage(open_stage: OpenStage, models: Models) -> Stage:
    return await open_stage(
        LEADSCORE_REGISTRY=models.registry.root, LEADSCORE_MODEL_POLL_SECONDS="0.3"
    )


async def scores_by(crew: Crew, bundle: Bundle) -> None:
    """Wait until some worker says that it scores by this model."""

    async def is_served() -> bool:
        answers = [
            await asyncio.to_thread(member.process.ask, "/model-info") for member in crew.members
        ]
        return any(answer and bundle.sha256 in answer[1] for answer in answers)

    await until(is_served, what=f"version {bundle.version} in service")


@asynccontextmanager
async def flipping(models: Models, chance: Random) -> AsyncIterator[None]:
    """Flip the alias all the time."""

    async def flip() -> None:
        while True:
            models.flip()
            await asyncio.sleep(chance.uniform(0.2, 1.5))

    task = asyncio.create_task(flip())
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.long
@pytest.mark.timeout(300)
async def test_a_lead_that_is_scored_again_after_a_change_of_model_has_the_same_event_id(
    stage: Stage, contacts: list[Lead], models: Models, seed: int
) -> None:
    """The worker is killed with outputs that are not committed, and the alias flips meanwhile."""
    first, second = models.bundles
    async with crew_of(stage) as crew, streaming(stage, contacts, seed, rate=RATE) as traffic:
        member = await crew.join()
        await stage.until_scored(500)
        await scores_by(crew, models.flip())
        await stage.until_scored(2000)
        models.flip()
        await crew.crash(member)
        await crew.back(within=60)
        await audit_load(stage, first, traffic, [second])
        assert crew.crashes == [member for code, member in crew.ends if code == -signal.SIGKILL]


@pytest.mark.thorough
@pytest.mark.timeout(1800)
async def test_kills_while_the_model_changes_lose_and_double_no_lead(
    stage: Stage, contacts: list[Lead], models: Models, seed: int, chance: Random
) -> None:
    first, second = models.bundles
    flips = FLIPS if FORM == "long" else FLIPS // 5
    async with crew_of(stage) as crew, streaming(stage, contacts, seed, rate=RATE) as traffic:
        await asyncio.gather(crew.join(), crew.join())
        await stage.until_scored(2000)
        async with flipping(models, chance):
            for _ in range(flips):
                await asyncio.sleep(chance.uniform(0.5, 4.0))
                await crew.crash(chance.choice(crew.members))
        await crew.back(within=60)
        await audit_load(stage, first, traffic, [second])
        assert {code for code, _ in crew.ends} == {-signal.SIGKILL}
