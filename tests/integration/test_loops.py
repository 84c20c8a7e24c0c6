"""Outputs are copied back to the leads' topic, as by a misconfigured mirror."""

from __future__ import annotations

import asyncio
from collections import Counter
from contextlib import suppress

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from schemas.headers import ERROR_CODE
from stream.broker import Broker
from stream.simulator.playing import Lead
from testing.kafka_client import TopicFactory, until
from tests.conftest import StageSetter
from tests.integration.worker_process import Stage, event_of, headers_of

ATTEMPTS = 4
LEADS, BROKEN = 20, 5


async def mirror(bootstrap: str, sources: list[str], target: str) -> None:
    """Copy records with their headers, as MirrorMaker does, until it is cancelled."""
    async with (
        AIOKafkaConsumer(*sources, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as c,
        AIOKafkaProducer(bootstrap_servers=bootstrap) as producer,
    ):
        async for record in c:
            await producer.send(target, record.value, key=record.key, headers=list(record.headers))


async def played_in_a_loop(stage: Stage, contacts: list[Lead]) -> int:
    """Play leads while outputs are copied to their topic; returns the records that it then has."""
    settings = stage.settings
    worker = await stage.start(LEADSCORE_MAX_ATTEMPTS=str(ATTEMPTS))
    copies = asyncio.create_task(
        mirror(
            settings.kafka_bootstrap_servers,
            [settings.leads_scored, settings.leads_created_dlq],
            settings.leads_created,
        )
    )
    try:
        await stage.play(contacts[:LEADS])
        async with AIOKafkaProducer(bootstrap_servers=settings.kafka_bootstrap_servers) as producer:
            for _ in range(BROKEN):
                await producer.send_and_wait(settings.leads_created, b"no lead")

        async def all_are_dropped() -> bool:
            assert not copies.done(), copies.exception()
            return await worker.metric("leadscore_dropped_records_total") == LEADS + BROKEN

        await until(all_are_dropped, within=120, what="the end of the loop")
    finally:
        copies.cancel()
        with suppress(asyncio.CancelledError):
            await copies
    assert await worker.stop() == 0
    messages = {line["message"] for line in worker.errors()}
    assert messages == {"copies of last dead letters dropped"}
    return len(await stage.records(settings.leads_created))


async def test_a_loop_through_mirrored_outputs_ends(stage: Stage, contacts: list[Lead]) -> None:
    """Each lead is processed as often as may be, is a last dead letter, and comes back once."""
    in_source = await played_in_a_loop(stage, contacts)
    # The lead, a copy of each output, of which the last is dropped.
    assert in_source == (LEADS + BROKEN) * (1 + ATTEMPTS + 1)
    scored = await stage.scored_records()
    dead = Counter(headers_of(record)[ERROR_CODE] for record in await stage.dead_records())
    assert dead[b"ATTEMPTS"] == LEADS + BROKEN
    assert dead[b"WIRE_FORMAT"] == BROKEN * ATTEMPTS
    events = Counter(event_of(record.value)["lead_id"] for record in scored)
    assert set(events.values()) == {ATTEMPTS}


async def test_a_loop_ends_where_delivery_is_exactly_once(
    kafka: Broker, topics: TopicFactory, set_stage: StageSetter, contacts: list[Lead]
) -> None:
    stage = set_stage(
        kafka.bootstrap,
        LEADSCORE_TOPIC_PREFIX=topics.prefix,
        LEADSCORE_DELIVERY="exactly_once",
    )
    await stage.create_topics()
    in_source = await played_in_a_loop(stage, contacts)
    assert in_source == (LEADS + BROKEN) * (1 + ATTEMPTS + 1)
    stage.end()


async def test_a_scored_topic_that_is_the_source_keeps_a_worker_from_starting(
    stage: Stage,
) -> None:
    worker = stage.begin(LEADSCORE_LEADS_SCORED=stage.settings.leads_created)
    assert await worker.ended() == 3
    assert worker.has_logged("LEADSCORE_LEADS_CREATED and LEADSCORE_LEADS_SCORED are both")
