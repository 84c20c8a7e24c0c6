"""Topics that are deleted and come back, by clients or by hand, and commits that outlive them."""

from __future__ import annotations

import asyncio
from contextlib import suppress

import pytest
from aiokafka.admin import NewPartitions
from aiokafka.errors import KafkaError

from model.bundle import Bundle
from schemas.errors import LeadScoreError
from stream.simulator.playing import Lead
from testing.kafka_client import open_admin, read_ends, until
from tests.chaos.audit import audit, second_audit, until_done
from tests.chaos.brokers import Cluster, ConfiguredBroker, Node
from tests.chaos.crew import crew_of
from tests.chaos.deleted_topics import (
    ask_for,
    begins_after,
    delete_topic,
    id_of,
    is_confused,
    lost_partitions,
    until_another,
    until_done_since,
)
from tests.conftest import StageSetter
from tests.integration.traffic import streaming
from tests.integration.worker_process import PARTITIONS, Stage

pytestmark = [pytest.mark.thorough, pytest.mark.timeout(900)]

RATE = 500
BEFORE = 1500
"""Leads that are scored before a topic is deleted."""
AFTER = 2000
"""Leads after it."""
SOON = {"LEADSCORE_METADATA_MAX_AGE_MS": "1000"}
BACK_WITHIN = 90.0
ELECTED_WITHIN = 180.0
"""Seconds: a request that a dead controller was to answer takes 40."""


@pytest.fixture
async def stage(creating_kafka: ConfiguredBroker, set_stage: StageSetter, delivery: str) -> Stage:
    stage = set_stage(creating_kafka.bootstrap, LEADSCORE_DELIVERY=delivery, **SOON)
    await stage.create_topics()
    return stage


async def score_some(stage: Stage, contacts: list[Lead], bank_model: Bundle, seed: int) -> None:
    """Score leads under load until none is left, and audit them."""
    async with streaming(stage, contacts, seed, rate=RATE) as traffic:
        await stage.until_scored(BEFORE)
        played = await traffic.end()
    await audit(stage, bank_model, played)


@pytest.mark.parametrize("name", ["leads_scored", "leads_created_dlq"])
async def test_an_output_topic_that_a_client_creates_again_with_one_partition_costs_no_lead(
    stage: Stage, contacts: list[Lead], bank_model: Bundle, seed: int, name: str
) -> None:
    """It is deleted under load, and comes back as soon as a worker asks for it."""
    deleted, source = getattr(stage.settings, name), stage.settings.leads_created
    async with crew_of(stage) as crew:
        await crew.join()
        await crew.join()
        await score_some(stage, contacts, bank_model, seed)
        begins, topic_id = await begins_after(stage, deleted), await id_of(stage, deleted)
        await delete_topic(stage, deleted)
        async with streaming(stage, contacts, seed + 10, rate=RATE, poison=0.05) as traffic:
            await until_another(stage, deleted, topic_id)
            assert set(await read_ends(stage.settings.kafka_bootstrap_servers, deleted)) == {0}
            async with open_admin(stage.settings.kafka_bootstrap_servers) as admin:
                await admin.create_partitions({deleted: NewPartitions(PARTITIONS)})
            await until_done_since(stage, begins[source], AFTER)
            played = await traffic.end()
        await crew.back(BACK_WITHIN)
        account = await second_audit(stage, bank_model, played=played, begins=begins, partials=None)
        assert account.totals.scored > 0
        assert account.totals.dead.total() > 0
        assert not is_confused(crew)
        assert crew.ends == []


@pytest.mark.parametrize("is_running", [True, False], ids=["running", "stopped"])
async def test_a_source_topic_that_a_client_creates_again_with_one_partition_is_a_loss_of_all(
    stage: Stage, contacts: list[Lead], bank_model: Bundle, seed: int, is_running: bool
) -> None:
    """Its new log is read from the start, and the partitions that it lacks are reported, too."""
    source = stage.settings.leads_created
    async with crew_of(stage) as crew:
        members = [await crew.join(), await crew.join()]
        await score_some(stage, contacts, bank_model, seed)
        if not is_running:
            for member in members:
                await crew.leave(member)
        begins, topic_id = await begins_after(stage, source), await id_of(stage, source)
        await delete_topic(stage, source)
        await ask_for(stage, source)
        await until_another(stage, source, topic_id)
        assert set(await read_ends(stage.settings.kafka_bootstrap_servers, source)) == {0}
        if not is_running:
            await crew.join()
            await crew.join()

        async def are_reported() -> bool:
            return await lost_partitions(crew) == set(range(PARTITIONS))

        await until(are_reported, within=BACK_WITHIN, what="a loss of each partition")
        async with streaming(stage, contacts, seed + 10, rate=RATE) as traffic:
            await until_done_since(stage, {}, AFTER)
            played = await traffic.end()
        await until_done(stage, BACK_WITHIN)
        account = await second_audit(stage, bank_model, played=played, begins=begins, partials=None)
        assert account.totals.scored > 0
        assert not is_confused(crew)
        assert crew.ends == []


async def test_a_commit_that_outlives_its_topic_with_its_coordinator_is_a_loss_and_not_used(
    cluster: Cluster,
    set_stage: StageSetter,
    contacts: list[Lead],
    bank_model: Bundle,
    delivery: str,
    seed: int,
) -> None:
    """The broker that had to delete it is killed before; leads below it were skipped in silence."""
    stage = set_stage(cluster.bootstrap, LEADSCORE_DELIVERY=delivery, **SOON)
    await stage.create_topics()
    source = stage.settings.leads_created
    async with crew_of(stage) as crew:
        member = await crew.join()
        await score_some(stage, contacts, bank_model, seed)
        await crew.leave(member)
        before, begins = await stage.committed(), await begins_after(stage, source)
        coordinator = await coordinator_of(stage, cluster)
        await asyncio.to_thread(coordinator.kill)
        await until_deleted(stage, source)
        await until_recreated(stage)
        assert await until_committed_is_known(stage) == before, "the commit was deleted"
        await crew.join()
        await crew.join()
        async with streaming(stage, contacts, seed + 10, rate=RATE) as traffic:
            await until_done_since(stage, {}, AFTER)
            await asyncio.to_thread(coordinator.restart)
            await crew.back(BACK_WITHIN)
            played = await traffic.end()
        await until_done(stage, BACK_WITHIN)
        assert await lost_partitions(crew) == set(range(PARTITIONS))
        account = await second_audit(stage, bank_model, played=played, begins=begins, partials=None)
        assert account.totals.scored > 0
        assert crew.ends == []


async def coordinator_of(stage: Stage, cluster: Cluster) -> Node:
    """Return the broker that has the group's commits."""
    async with open_admin(stage.settings.kafka_bootstrap_servers) as admin:
        number = await admin.find_coordinator(stage.settings.group_id)
    return cluster.nodes[number - 1]


async def until_deleted(stage: Stage, topic: str) -> None:
    """Delete a topic of a cluster that has just lost a broker, which may be the controller."""

    async def is_deleted() -> bool:
        with suppress(KafkaError):
            async with open_admin(stage.settings.kafka_bootstrap_servers) as admin:
                if topic not in await admin.list_topics():
                    return True
                await admin.delete_topics([topic])
        return False

    await until(is_deleted, within=ELECTED_WITHIN, what=f"{topic} deleted")


async def until_recreated(stage: Stage) -> None:
    """Create the source topic again; a cluster that has lost a broker may need a moment."""

    async def is_created() -> bool:
        with suppress(KafkaError, LeadScoreError, AssertionError):
            await stage.create_topics()
            ends = await read_ends(
                stage.settings.kafka_bootstrap_servers, stage.settings.leads_created
            )
            return ends == dict.fromkeys(range(PARTITIONS), 0)
        return False

    await until(is_created, within=ELECTED_WITHIN, what="the source topic, created again")


async def until_committed_is_known(stage: Stage) -> dict[int, int]:
    """Return the group's commits once another broker answers for them."""
    found: list[dict[int, int]] = []

    async def is_known() -> bool:
        with suppress(KafkaError):
            found.append(await stage.committed())
        return bool(found)

    await until(is_known, within=ELECTED_WITHIN, what="another coordinator")
    return found[-1]
