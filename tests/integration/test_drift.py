"""Leads through score workers and a drift worker: every bin count is that of the log."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from random import Random

import pytest

from agents.drift_reports import decode_report
from model.bundle import Bundle
from schemas.encode import encode_lead
from schemas.wire import WireFormat
from stream.broker import Broker
from stream.simulator.playing import Lead
from testing.kafka_client import Record, TopicFactory, produce, until
from tests.conftest import StageSetter
from tests.integration.drift_counts import Counts, counted_offline, reported
from tests.integration.worker_process import CONTACT, PARTITIONS, Stage
from tests.prometheus_process import RealPrometheus

MONTH_S = 30 * 86_400
MONTH_MS = MONTH_S * 1000


@pytest.fixture
async def drift_stage(
    kafka: Broker, topics: TopicFactory, set_stage: StageSetter
) -> AsyncIterator[Stage]:
    """A stage whose windows are of 30 days, as the contacts are of two and a half years."""
    stage = set_stage(
        kafka.bootstrap,
        LEADSCORE_TOPIC_PREFIX=topics.prefix,
        LEADSCORE_DRIFT_WINDOW_SECONDS=str(MONTH_S),
        LEADSCORE_DRIFT_HORIZONS="1,3,12",
        LEADSCORE_DRIFT_LATENESS_SECONDS="0",
        LEADSCORE_DRIFT_IDLE_SECONDS="5",
        LEADSCORE_DRIFT_SEASON_SECONDS="0",
    )
    await stage.create_topics()
    yield stage
    stage.end()


async def close_windows(stage: Stage, contacts: list[Lead]) -> None:
    """Send a lead of today to every partition: every window before is complete."""
    lead = dict(contacts[-1].fields) | {"lead_id": "today", "created_at": int(time.time() * 1000)}
    value = encode_lead(lead, CONTACT, WireFormat.AVRO)
    await produce(
        stage.settings.kafka_bootstrap_servers,
        stage.settings.leads_created,
        [Record(value, b"today", partition=number) for number in range(PARTITIONS)],
    )


async def assert_exact(stage: Stage, bundle: Bundle, window_ms: int = MONTH_MS) -> Counts:
    """Wait for the reports of all windows but today's, and compare them with the log."""
    settings = stage.settings
    log = await stage.records(settings.leads_created)
    expected = dict(counted_offline(log, bundle, window_ms))
    del expected[max(expected)]  # today's

    async def all_are_published() -> bool:
        for worker in stage.workers:
            if worker.is_running:
                worker.check()
        known = reported([r.value for r in await stage.records(settings.leads_drift)], bundle)
        return known.keys() >= expected.keys()

    await until(all_are_published, within=120, what=f"{len(expected)} windows reported")
    found = reported([r.value for r in await stage.records(settings.leads_drift)], bundle)
    assert found == expected
    return found


async def test_every_bin_count_is_that_of_the_log(
    drift_stage: Stage, contacts: list[Lead], bank_model: Bundle
) -> None:
    stage = drift_stage
    await stage.start()
    await stage.start()
    watching = await stage.start(LEADSCORE_ROLE="drift")
    played = await stage.play(contacts[:20_000])
    await close_windows(stage, contacts)
    await assert_exact(stage, bank_model)
    assert played.sent == 20_000
    assert await watching.metric("leadscore_drift_late_leads_total") == 0
    for worker in stage.workers:
        await worker.stop_cleanly()


AGED_FROM = 6000
AGED_BY = 25.0
FEW_MINUTES_MS = 300_000


def aging(contacts: list[Lead]) -> Iterator[Lead]:
    """Leads of the last two hours, as in all of training; from one on, much older people."""
    drawn = Random(7).sample(contacts, 2 * AGED_FROM)
    begin = int(time.time() * 1000) - 24 * FEW_MINUTES_MS
    for i, lead in enumerate(drawn):
        fields = dict(lead.fields)
        if i >= AGED_FROM:
            fields["age"] += AGED_BY
        yield Lead(f"aging-{i}", begin + i * 500, fields)


@pytest.mark.long
async def test_prometheus_alerts_on_leads_that_are_others_now(
    kafka: Broker,
    topics: TopicFactory,
    set_stage: StageSetter,
    contacts: list[Lead],
    tmp_path: Path,
) -> None:
    stage = set_stage(
        kafka.bootstrap,
        LEADSCORE_TOPIC_PREFIX=topics.prefix,
        LEADSCORE_ROLE="all",
        LEADSCORE_DRIFT_WINDOW_SECONDS=str(2 * FEW_MINUTES_MS // 1000),
        LEADSCORE_DRIFT_HORIZONS="1,6,144",
        LEADSCORE_DRIFT_LATENESS_SECONDS="0",
        LEADSCORE_DRIFT_IDLE_SECONDS="1",
        LEADSCORE_DRIFT_SEASON_SECONDS="0",
    )
    await stage.create_topics()
    worker = await stage.start()
    assert worker.port is not None
    targets = {"leadscore-worker": [worker.port], "leadscore-drift": [worker.port]}
    async with RealPrometheus(tmp_path, targets) as prometheus:
        await stage.play(aging(contacts))

        async def summaries(state: str) -> list[str]:
            alerts = await prometheus.alerts_named("LeadScoreFieldDrift")
            return [a["annotations"]["summary"] for a in alerts if a["state"] == state]

        async def is_pending() -> bool:
            return any(
                ": 1 (PSI above its noise, limit 0.25: age" in s for s in await summaries("pending")
            )

        async def is_firing() -> bool:
            return any(
                ": 1 (PSI above its noise, limit 0.25: age" in s for s in await summaries("firing")
            )

        await until(is_pending, what="a pending alert on age")
        await until(is_firing, what="a firing alert on age alone")
        assert await prometheus.rules_in_error() == []
        reports = [decode_report(r.value) for r in await stage.records(stage.settings.leads_drift)]
    alarms = [report["alarm"] for report in reports if report["kind"] == "alarm"]
    assert {"windowed", "adwin"} <= {alarm["detector"] for alarm in alarms}
    assert {alarm["stream"] for alarm in alarms} <= {"age", "score"}
    await worker.stop_cleanly()
