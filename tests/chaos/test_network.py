"""A bad network between the workers and Kafka."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from random import Random

import pytest

from model.bundle import Bundle
from stream.simulator.playing import Lead
from tests.chaos.audit import audit_load
from tests.chaos.brokers import ProxiedBroker
from tests.chaos.crew import crew_of
from tests.chaos.proxy import Proxy
from tests.conftest import StageSetter
from tests.integration.traffic import streaming
from tests.integration.worker_process import Stage

SILENT = 12.0
"""Seconds: longer than a session, shorter than a request's limit."""
READY_WITHIN = 30.0
"""Seconds from the end of a fault."""

Survived = Callable[[], AbstractAsyncContextManager[Proxy]]


@pytest.fixture
async def outside(proxied_kafka: ProxiedBroker, set_stage: StageSetter, delivery: str) -> Stage:
    """A stage whose tests reach Kafka whatever happens to the workers."""
    stage = set_stage(proxied_kafka.bootstrap, LEADSCORE_DELIVERY=delivery)
    await stage.create_topics()
    return stage


@pytest.fixture
def survived(
    outside: Stage,
    proxied_kafka: ProxiedBroker,
    contacts: list[Lead],
    bank_model: Bundle,
    seed: int,
) -> Survived:
    """Network faults in the body do not harm two workers behind the proxy, under load."""

    @asynccontextmanager
    async def survived() -> AsyncIterator[Proxy]:
        behind = {"LEADSCORE_KAFKA_BOOTSTRAP_SERVERS": proxied_kafka.proxied}
        async with crew_of(outside) as crew, streaming(outside, contacts, seed) as traffic:
            await crew.join(**behind)
            await crew.join(**behind)
            await outside.until_scored(1000)
            yield proxied_kafka.proxy
            await crew.back(READY_WITHIN)
            await audit_load(outside, bank_model, traffic)
            assert crew.ends == []

    return survived


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_connections_that_are_reset_again_and_again_lose_no_lead(
    survived: Survived, chance: Random
) -> None:
    """Seen once: a task of the client died of a reset, and no commit ever came again."""
    async with survived() as proxy:
        for _ in range(60):
            await asyncio.sleep(chance.uniform(0.0, 0.4))
            await asyncio.to_thread(proxy.reset)


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_connections_that_are_refused_and_slow_lose_no_lead(
    survived: Survived, chance: Random
) -> None:
    async with survived() as proxy:
        proxy.slow(chance.uniform(0.1, 0.4))
        await asyncio.sleep(10)
        await asyncio.to_thread(proxy.refuse)
        await asyncio.sleep(chance.uniform(5.0, 10.0))
        proxy.heal()


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_connections_that_go_silent_lose_no_lead(survived: Survived, chance: Random) -> None:
    """Half open: nobody answers, and nobody says that he is gone."""
    async with survived() as proxy:
        await asyncio.sleep(chance.uniform(0.0, 2.0))
        proxy.half_open()
        await asyncio.sleep(SILENT)
        await asyncio.to_thread(proxy.heal)


@pytest.mark.thorough
@pytest.mark.timeout(600)
async def test_dropped_connections_are_detected_soon(survived: Survived, chance: Random) -> None:
    """As by a router that was restarted: new connections are well, old ones are never answered."""
    async with survived() as proxy:
        await asyncio.sleep(chance.uniform(0.0, 2.0))
        proxy.strand()
