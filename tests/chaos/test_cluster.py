"""Three brokers, everything thrice, two must have it: one is lost, then two, then all come back."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from model.bundle import Bundle
from stream.simulator.playing import Lead
from tests.chaos.audit import audit_load
from tests.chaos.brokers import Cluster
from tests.chaos.crew import crew_of
from tests.conftest import StageSetter
from tests.integration.traffic import streaming


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_no_lead_is_lost_when_a_cluster_loses_one_broker_then_two(
    cluster: Cluster,
    set_stage: StageSetter,
    contacts: list[Lead],
    bank_model: Bundle,
    delivery: str,
    seed: int,
    chance: Random,
) -> None:
    stage = set_stage(cluster.bootstrap, LEADSCORE_DELIVERY=delivery)
    await stage.create_topics()
    async with crew_of(stage) as crew, streaming(stage, contacts, seed, rate=1000) as traffic:
        await crew.join()
        await crew.join()
        await stage.until_scored(2000)
        lost = chance.sample(cluster.nodes, 2)
        await asyncio.to_thread(lost[0].kill)
        await crew.back()  # two of three have all there is
        await asyncio.to_thread(lost[1].kill)
        await asyncio.sleep(chance.uniform(5.0, 10.0))  # nothing can be written
        await asyncio.to_thread(cluster.restart, lost)
        await crew.back()
        await audit_load(stage, bank_model, traffic)
        assert crew.crashes == []
