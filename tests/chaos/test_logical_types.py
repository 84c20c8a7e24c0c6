"""Leads of Avro's logical types under fire: each scored once, each counted in its bins."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from model.bundle import Bundle
from stream.broker import Broker
from stream.simulator.playing import Lead
from testing.kafka_client import TopicFactory
from tests.chaos.audit import second_audit
from tests.chaos.test_drift_counts import killed
from tests.chaos.typed_contacts import TypedEvents, write_schemas
from tests.conftest import StageSetter
from tests.integration.traffic import over_and_over

LEADS, RATE = 12_000, 1500


@pytest.mark.thorough
@pytest.mark.timeout(300)
async def test_decimals_and_micros_are_counted_as_an_audit_of_its_own_reads_them(
    kafka: Broker,
    topics: TopicFactory,
    set_stage: StageSetter,
    contacts: list[Lead],
    bank_model: Bundle,
    tmp_path: Path,
) -> None:
    stage = set_stage(
        kafka.bootstrap,
        LEADSCORE_TOPIC_PREFIX=topics.prefix,
        LEADSCORE_SCHEMA_DIR=str(write_schemas(tmp_path / "schemas")),
    )
    await stage.create_topics()
    leads = (lead for lead, _ in zip(over_and_over(contacts), range(LEADS), strict=False))
    worker = await stage.start()
    playing = asyncio.create_task(stage.play(leads, rate=RATE, as_event=TypedEvents()))
    try:
        await stage.until_scored(LEADS // 4)
        await killed(stage, worker)
        played = await playing
    finally:
        playing.cancel()
        await asyncio.gather(playing, return_exceptions=True)
    await stage.until_committed(played, within=120)
    account = await second_audit(stage, bank_model, played=played)
    assert (account.totals.leads, account.totals.scored) == (LEADS, LEADS)
