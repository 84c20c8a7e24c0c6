"""The one broker is killed, frozen, restarted: nothing is lost, and all continue by themselves."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from model.bundle import Bundle
from stream.broker import BreakableBroker
from stream.simulator.playing import Lead
from tests.chaos.audit import audit_load
from tests.chaos.crew import crew_of
from tests.conftest import StageSetter
from tests.integration.traffic import streaming
from tests.integration.worker_process import Stage

FROZEN = 15.0
"""Seconds: longer than a session."""


@pytest.fixture
async def own_stage(
    breakable_kafka: BreakableBroker, set_stage: StageSetter, delivery: str
) -> Stage:
    """A stage on a broker of its own."""
    stage = set_stage(breakable_kafka.bootstrap, LEADSCORE_DELIVERY=delivery)
    await stage.create_topics()
    return stage


@pytest.mark.long
@pytest.mark.timeout(600)
async def test_no_lead_is_lost_when_a_broker_is_killed_and_comes_back(
    own_stage: Stage,
    breakable_kafka: BreakableBroker,
    contacts: list[Lead],
    bank_model: Bundle,
    seed: int,
    chance: Random,
) -> None:
    stage = own_stage
    async with crew_of(stage) as crew, streaming(stage, contacts, seed) as traffic:
        await crew.join()
        await crew.join()
        await stage.until_scored(2000)
        for _ in range(2):
            await asyncio.sleep(chance.uniform(0.0, 2.0))
            await asyncio.to_thread(breakable_kafka.kill)
            await asyncio.sleep(chance.uniform(0.0, 5.0))
            await asyncio.to_thread(breakable_kafka.restart)
            await crew.back()
        await audit_load(stage, bank_model, traffic)
        assert crew.crashes == []


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_no_lead_is_lost_when_a_broker_freezes_for_longer_than_a_session(
    own_stage: Stage,
    breakable_kafka: BreakableBroker,
    contacts: list[Lead],
    bank_model: Bundle,
    seed: int,
    chance: Random,
) -> None:
    stage = own_stage
    async with crew_of(stage) as crew, streaming(stage, contacts, seed) as traffic:
        await crew.join()
        await crew.join()
        await stage.until_scored(2000)
        await asyncio.sleep(chance.uniform(0.0, 2.0))
        breakable_kafka.pause()
        await asyncio.sleep(FROZEN)
        breakable_kafka.resume()
        await crew.back()
        await audit_load(stage, bank_model, traffic)
        assert crew.crashes == []


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_no_lead_is_lost_when_a_broker_restarts_while_partitions_change_hands(
    own_stage: Stage,
    breakable_kafka: BreakableBroker,
    contacts: list[Lead],
    bank_model: Bundle,
    seed: int,
    chance: Random,
) -> None:
    stage = own_stage
    async with crew_of(stage) as crew, streaming(stage, contacts, seed) as traffic:
        first = await crew.join()
        await stage.until_scored(2000)
        for _ in range(3):
            joining = asyncio.create_task(crew.join())
            leaving = asyncio.create_task(crew.kill(first))
            # A worker takes some two seconds until it joins the group.
            await asyncio.sleep(chance.uniform(1.0, 3.5))
            await asyncio.to_thread(breakable_kafka.kill)
            await asyncio.to_thread(breakable_kafka.restart)
            first = await joining
            await leaving
            await crew.back()
        await audit_load(stage, bank_model, traffic)
