"""The role outcomes on real Kafka: reports are a recount of the logs, whoever dies meanwhile."""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import AsyncIterator
from pathlib import Path

import confluent_kafka
import pytest

from schemas.headers import ERROR_CODE
from stream.broker import Broker
from stream.outcomes.partitioning import HASHES
from testing.kafka_client import Record, TopicFactory, produce, until
from tests.integration.outcome_process import (
    PARTITIONS,
    Play,
    begin_outcomes,
    outcome_stage,
    send,
    until_reported,
)
from tests.integration.worker_process import Stage


@pytest.fixture
async def outcomes(kafka: Broker, topics: TopicFactory, tmp_path: Path) -> AsyncIterator[Stage]:
    stage = outcome_stage(kafka.bootstrap, topics.prefix, tmp_path)
    await stage.create_topics(PARTITIONS)
    yield stage
    stage.end()


@pytest.mark.long
async def test_reports_are_a_recount_of_the_logs_after_a_kill_and_a_loss_of_the_store(
    outcomes: Stage, tmp_path: Path
) -> None:
    plays = [Play(partition, 600) for partition in range(PARTITIONS)]
    store = tmp_path / "stores"
    worker = begin_outcomes(outcomes, store)
    for play in plays:  # the first part, as it comes
        await send(outcomes, play.score_records()[:300], play.outcome_records()[:150])
    await worker.ready()
    dead = Record(b'{"outcome": "won"}', key=b"nobody", partition=0)
    await produce(
        outcomes.settings.kafka_bootstrap_servers, outcomes.settings.leads_outcomes, [dead]
    )
    letters = outcomes.settings.leads_outcomes_dlq
    await until(lambda: _has_records(outcomes, letters), within=60, what="a dead letter")
    worker.end()  # SIGKILL
    for play in plays:
        await send(outcomes, play.score_records()[300:], play.outcome_records()[150:])
    second = begin_outcomes(outcomes, store)
    await until_reported(outcomes, plays)
    assert await second.metric("leadscore_outcome_lag_records") == 0
    await second.stop_cleanly()
    # Another machine has no store: it reads the logs from their start.
    shutil.rmtree(store)
    third = begin_outcomes(outcomes, tmp_path / "elsewhere")
    await third.ready()
    await until(lambda: _treated(third), within=60, what="outcomes that are read again")
    await until_reported(outcomes, plays)
    await third.stop_cleanly()
    found = await outcomes.records(letters)
    codes = {dict(letter.headers)[ERROR_CODE] for letter in found}
    assert codes == {b"VALIDATION"}
    assert {letter.value for letter in found} == {dead.value}


@pytest.mark.long
async def test_outcomes_by_another_partitioner_are_reported_to_the_operator(
    outcomes: Stage, tmp_path: Path
) -> None:
    settings, play = outcomes.settings, Play(0, 200)
    placed = [
        record._replace(partition=HASHES["murmur2"](record.key or b"") % PARTITIONS)
        for record in play.score_records()
    ]
    await produce(settings.kafka_bootstrap_servers, settings.leads_scored, placed)
    # A CRM that uses librdkafka and leaves its partitioner as it is.
    crm = confluent_kafka.Producer({"bootstrap.servers": settings.kafka_bootstrap_servers})
    for record in play.outcome_records():
        crm.produce(settings.leads_outcomes, record.value, record.key)
    assert await asyncio.to_thread(crm.flush, 30) == 0
    worker = begin_outcomes(outcomes, tmp_path / "stores")
    await worker.ready()

    async def is_shown() -> bool:
        return await worker.metric("leadscore_outcomes_misplaced") == 1

    await until(is_shown, within=60, what="the metric of misplaced outcomes")
    assert worker.has_logged("partitioner=murmur2_random")
    assert await worker.stop() == 0


async def _has_records(stage: Stage, topic: str) -> bool:
    return bool(await stage.records(topic))


async def _treated(worker: object) -> bool:
    return await worker.metric("leadscore_outcomes_total") > 0  # type: ignore[attr-defined, no-any-return]
