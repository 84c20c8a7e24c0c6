"""Exactly once on real Kafka: who reads committed records sees each lead's outcome one time."""

from __future__ import annotations

import asyncio
import signal
from collections import Counter
from http import HTTPStatus
from random import Random

import pytest
from aiokafka import ConsumerRecord

from schemas.headers import ERROR_CODE
from schemas.wire import WireFormat
from stream.broker import Broker
from stream.simulator.events import EventMaker
from stream.simulator.playing import Lead
from testing.kafka_client import (
    TopicFactory,
    read_all,
    read_ends,
    set_topic_config,
    until,
    until_transactions_ended,
)
from tests.conftest import StageSetter
from tests.integration.worker_process import CONTACT, PARTITIONS, Stage, event_of, headers_of

RATE = 1500


@pytest.fixture
async def stage(kafka: Broker, topics: TopicFactory, set_stage: StageSetter) -> Stage:
    stage = set_stage(
        kafka.bootstrap,
        LEADSCORE_TOPIC_PREFIX=topics.prefix,
        LEADSCORE_DELIVERY="exactly_once",
    )
    await stage.create_topics()
    return stage


async def seen(stage: Stage, topic: str, *, committed_only: bool = True) -> list[ConsumerRecord]:
    return await read_all(
        stage.settings.kafka_bootstrap_servers, topic, committed_only=committed_only, within=120
    )


def source_of(record: ConsumerRecord) -> tuple[int, int]:
    headers = headers_of(record)
    if ERROR_CODE in headers:
        return record.partition, int(headers["__connect.errors.offset"])
    return record.partition, event_of(record.value)["source"]["offset"]


async def assert_each_lead_once(stage: Stage) -> None:
    """A reader of committed records sees every lead of the log once, in order."""
    settings = stage.settings
    await until_transactions_ended(
        settings.kafka_bootstrap_servers, settings.leads_scored, settings.leads_created_dlq
    )
    scored = [source_of(record) for record in await seen(stage, settings.leads_scored)]
    dead = [source_of(record) for record in await seen(stage, settings.leads_created_dlq)]
    ends = await read_ends(settings.kafka_bootstrap_servers, settings.leads_created)
    everything = {(number, offset) for number, end in ends.items() for offset in range(end)}
    found = Counter(scored + dead)
    assert found.keys() == everything
    assert max(found.values()) == 1
    for number in range(PARTITIONS):
        offsets = [offset for at, offset in scored if at == number]
        assert offsets == sorted(offsets)


def maker() -> EventMaker:
    return EventMaker(CONTACT, WireFormat.AVRO, bad_share=0.02, seed=1)


async def test_every_outcome_is_seen_once_and_the_offsets_with_it(
    stage: Stage, contacts: list[Lead]
) -> None:
    worker = await stage.start()
    played = await stage.play(contacts[:5000], as_event=maker())
    await stage.until_committed(played)
    await assert_each_lead_once(stage)
    await worker.stop_cleanly()


@pytest.mark.long
async def test_a_worker_that_is_killed_amid_a_load_repeats_nothing(
    stage: Stage, contacts: list[Lead]
) -> None:
    first = await stage.start()
    await stage.start()
    playing = asyncio.create_task(stage.play(contacts[:8000], rate=RATE, as_event=maker()))
    await stage.until_scored(2000)
    first.send(signal.SIGKILL)
    await first.ended()
    await stage.until_committed(await playing)
    await assert_each_lead_once(stage)


@pytest.mark.long
async def test_a_zombie_writes_nothing_that_is_seen(stage: Stage, contacts: list[Lead]) -> None:
    """It wakes up in the middle of a transaction that the next owner has aborted."""
    zombie = await stage.start()
    await stage.start()
    playing = asyncio.create_task(stage.play(contacts[:15_000], rate=RATE, as_event=maker()))
    await stage.until_scored(2000)
    await asyncio.sleep(Random(1).random())
    members = await stage.members()
    zombie.send(signal.SIGSTOP)
    try:
        await stage.until_removed(members)
    finally:
        zombie.send(signal.SIGCONT)
    await stage.until_committed(await playing)
    await assert_each_lead_once(stage)

    async def is_ready() -> bool:
        return (await zombie.answer("/readyz"))[0] == HTTPStatus.OK

    # It joins the group again, as late as its next heartbeat after all has been committed.
    await until(is_ready, within=120, what="the zombie is ready again")
    assert zombie.is_running
    for worker in stage.workers:
        await worker.stop_cleanly()


@pytest.mark.long
async def test_a_transaction_left_open_by_a_worker_that_died_is_ended_by_the_next(
    stage: Stage, contacts: list[Lead]
) -> None:
    """Committed readers do not wait for the transaction to time out."""
    first = await stage.start(LEADSCORE_TRANSACTION_INTERVAL_MS="60000")
    played = await stage.play(contacts[:1000], as_event=maker())
    await stage.until_scored(900)
    scored = stage.settings.leads_scored
    written = await seen(stage, scored, committed_only=False)
    # The commit that pins a partition's model takes the first outputs along.
    assert len(await seen(stage, scored)) < len(written), "a transaction is open"
    first.send(signal.SIGKILL)
    await first.ended()
    second = await stage.start()
    await stage.until_committed(played)
    await assert_each_lead_once(stage)
    await second.stop_cleanly()


async def test_an_output_that_the_topic_refuses_is_a_dead_letter_and_its_transaction_redone(
    stage: Stage, contacts: list[Lead]
) -> None:
    """The limit was lowered since the worker read it: only the broker's refusal shows it."""
    settings = stage.settings
    worker = await stage.start(LEADSCORE_TRANSACTION_INTERVAL_MS="60000")  # one, till the stop
    leads = contacts[:3000]
    for place in (700, 701, 2500):
        leads[place] = leads[place]._replace(lead_id="i" * 9000)
    await stage.play(leads[:600])
    await stage.until_scored(600)  # something is in the transactions
    await set_topic_config(
        settings.kafka_bootstrap_servers, settings.leads_scored, "max.message.bytes", "8000"
    )
    await stage.play(leads[600:])

    async def all_is_written() -> bool:
        scored = await seen(stage, settings.leads_scored, committed_only=False)
        dead = await seen(stage, settings.leads_created_dlq, committed_only=False)
        return len({source_of(record) for record in scored + dead}) == len(leads)

    await until(all_is_written, within=120, what="an outcome of each lead")
    await worker.stop_cleanly()
    bootstrap = settings.kafka_bootstrap_servers
    assert await stage.committed() == await read_ends(bootstrap, settings.leads_created)
    await assert_each_lead_once(stage)
    dead = await seen(stage, settings.leads_created_dlq)
    assert [headers_of(record)[ERROR_CODE] for record in dead] == [b"OUTPUT_TOO_LARGE"] * 3
    everything = await seen(stage, settings.leads_scored, committed_only=False)
    assert len(everything) > 2997, "a transaction was aborted"
