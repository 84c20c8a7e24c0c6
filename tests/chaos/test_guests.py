"""Foreign clients under load: in the workers' group, and with their transactional id."""

from __future__ import annotations

from random import Random

import pytest
from aiokafka import AIOKafkaProducer

from model.bundle import Bundle
from stream.simulator.playing import Lead
from testing.kafka_client import until
from tests.chaos.audit import audit, audit_load
from tests.chaos.crew import crew_of
from tests.integration.test_group import GUESTS, guest_of
from tests.integration.traffic import streaming
from tests.integration.worker_process import PARTITIONS, Stage

FENCED_WITHIN = 60.0
"""Seconds until a worker reports that a partition of it does not move."""
BACK_WITHIN = 240.0
"""Seconds: a worker ends when no member of its group has fenced it, and is started again."""


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_guests_in_the_group_lose_no_lead(
    stage: Stage, contacts: list[Lead], bank_model: Bundle, seed: int
) -> None:
    """Seen once: 4,701 of 24,601 leads were committed by a guest and never scored."""
    async with crew_of(stage) as crew, streaming(stage, contacts, seed, rate=300) as traffic:
        await crew.join()
        await stage.until_scored(500)
        for kind in GUESTS:
            async with guest_of(stage, kind) as guest:
                await crew.join()  # a rebalance, in which a guest might slip in
                assert guest.refused
                assert guest.got == 0
            await crew.leave(crew.members[-1])
        await crew.back()
        assert await audit(stage, bank_model, await traffic.end()) == 0
        assert crew.ends == []


@pytest.mark.thorough
@pytest.mark.timeout(900)
@pytest.mark.parametrize("delivery", ["exactly_once"])
async def test_a_foreign_producer_that_fences_a_partition_loses_no_lead(
    stage: Stage, contacts: list[Lead], bank_model: Bundle, seed: int, chance: Random
) -> None:
    """The worker is not ready while one of its partitions stands still, and then continues."""
    settings = stage.settings
    async with crew_of(stage) as crew, streaming(stage, contacts, seed, rate=300) as traffic:
        member = await crew.join()
        await stage.until_scored(500)
        number = chance.randrange(PARTITIONS)
        async with AIOKafkaProducer(
            bootstrap_servers=settings.kafka_bootstrap_servers,
            transactional_id=f"{settings.group_id}/{settings.leads_created}/{number}",
        ):

            async def is_reported() -> bool:
                return not await member.is_ready()

            await until(is_reported, within=FENCED_WITHIN, what="a fenced partition in /readyz")
        await crew.back(BACK_WITHIN)
        assert await audit_load(stage, bank_model, traffic) == 0
