"""A bad network between the workers and Kafka."""

from __future__ import annotations

import asyncio
from random import Random

import pytest

from model.bundle import Bundle
from stream.crm.playing import Lead
from tests.chaos.audit import assert_nothing_committed_too_soon, audit
from tests.chaos.brokers import ProxiedBroker
from tests.chaos.crew import Crew, crew_of
from tests.chaos.traffic import streaming
from tests.conftest import StageSetter
from tests.integration.worker_process import Stage

SILENT = 12.0
"""Seconds: longer than a session, shorter than a request's limit."""


@pytest.fixture
async def outside(proxied_kafka: ProxiedBroker, set_stage: StageSetter, delivery: str) -> Stage:
    """A stage whose tests reach Kafka whatever happens to the workers."""
    stage = set_stage(proxied_kafka.bootstrap, LEADSCORE_DELIVERY=delivery)
    await stage.create_topics()
    return stage


def behind(broker: ProxiedBroker) -> dict[str, str]:
    """What a worker is given that reaches Kafka through the proxy."""
    return {"LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": broker.proxied}


async def settled(crew: Crew, within: float = 30.0) -> None:
    await crew.back(within)
    await assert_nothing_committed_too_soon(crew.stage)


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_connections_that_are_reset_again_and_again(
    outside: Stage,
    proxied_kafka: ProxiedBroker,
    contacts: list[Lead],
    bank_model: Bundle,
    seed: int,
    chance: Random,
) -> None:
    """Seen once: a task of the client died of a reset, and no commit ever came again."""
    stage, proxy = outside, proxied_kafka.proxy
    async with crew_of(stage) as crew, streaming(stage, contacts, seed) as traffic:
        await crew.join(**behind(proxied_kafka))
        await crew.join(**behind(proxied_kafka))
        await stage.until_scored(1000)
        for _ in range(60):
            await asyncio.sleep(chance.uniform(0.0, 0.4))
            await asyncio.to_thread(proxy.reset)
        await settled(crew)
        played = await traffic.end()
        await audit(stage, bank_model, played)
        assert crew.ends == []


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_connections_that_are_refused_and_slow(
    outside: Stage,
    proxied_kafka: ProxiedBroker,
    contacts: list[Lead],
    bank_model: Bundle,
    seed: int,
    chance: Random,
) -> None:
    stage, proxy = outside, proxied_kafka.proxy
    async with crew_of(stage) as crew, streaming(stage, contacts, seed) as traffic:
        await crew.join(**behind(proxied_kafka))
        await crew.join(**behind(proxied_kafka))
        await stage.until_scored(1000)
        proxy.slow(chance.uniform(0.1, 0.4))
        await asyncio.sleep(10)
        await asyncio.to_thread(proxy.refuse)
        await asyncio.sleep(chance.uniform(5.0, 10.0))
        proxy.heal()
        await settled(crew)
        played = await traffic.end()
        await audit(stage, bank_model, played)
        assert crew.ends == []


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_connections_that_go_silent(
    outside: Stage,
    proxied_kafka: ProxiedBroker,
    contacts: list[Lead],
    bank_model: Bundle,
    seed: int,
    chance: Random,
) -> None:
    """Half open: nobody answers, and nobody says that he is gone."""
    stage, proxy = outside, proxied_kafka.proxy
    async with crew_of(stage) as crew, streaming(stage, contacts, seed) as traffic:
        await crew.join(**behind(proxied_kafka))
        await crew.join(**behind(proxied_kafka))
        await stage.until_scored(1000)
        await asyncio.sleep(chance.uniform(0.0, 2.0))
        proxy.half_open()
        await asyncio.sleep(SILENT)
        await asyncio.to_thread(proxy.heal)
        await settled(crew)
        played = await traffic.end()
        await audit(stage, bank_model, played)
        assert crew.ends == []


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_connections_that_are_forgotten_are_given_up_soon(
    outside: Stage,
    proxied_kafka: ProxiedBroker,
    contacts: list[Lead],
    bank_model: Bundle,
    seed: int,
    chance: Random,
) -> None:
    """As by a router that was restarted: new connections are well, old ones are never answered."""
    stage, proxy = outside, proxied_kafka.proxy
    async with crew_of(stage) as crew, streaming(stage, contacts, seed) as traffic:
        await crew.join(**behind(proxied_kafka))
        await crew.join(**behind(proxied_kafka))
        await stage.until_scored(1000)
        await asyncio.sleep(chance.uniform(0.0, 2.0))
        proxy.strand()
        await settled(crew)
        played = await traffic.end()
        await audit(stage, bank_model, played)
        assert crew.ends == []
