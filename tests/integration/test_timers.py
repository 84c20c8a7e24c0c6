"""Timers of leads on real Kafka: each lead that nobody contacted is an event once."""

from __future__ import annotations

import shutil
import time
from collections.abc import AsyncIterator, Iterable
from pathlib import Path

import pytest

from agents.quality.quality_report import decode_quality_report
from schemas.lead_outcome import encode_outcome
from schemas.record_codec import RecordCodec
from stream.broker import Broker
from testing.kafka_client import Record, TopicFactory, produce, until
from testing.scored_events import scored
from tests.integration.outcome_process import PARTITIONS, begin_outcomes, outcome_stage
from tests.integration.worker_process import Stage, WorkerProcess

pytestmark = pytest.mark.long

LEADS = 40
TIMERS = ("hot", "speed_to_lead")
SCORED, OVERDUE = RecordCodec("lead_scored"), RecordCodec("lead_overdue")


@pytest.fixture
async def stage(kafka: Broker, topics: TopicFactory, tmp_path: Path) -> AsyncIterator[Stage]:
    stage = outcome_stage(kafka.bootstrap, topics.prefix, tmp_path)
    stage.environment |= {
        "LEADSCORE_HOT_MINUTES": "0.1",
        "LEADSCORE_SPEED_TO_LEAD_MINUTES": "0.05",
    }
    await stage.create_topics(PARTITIONS)
    yield stage
    stage.end()


def score_record(number: int, now: int) -> Record:
    """A scored event: every fourth lead is not hot."""
    lead, partition = f"lead-{number}", number % PARTITIONS
    event = scored(
        lead,
        offset=number,
        partition=partition,
        scored_at=now,
        score=0.9,
        category="Low" if number % 4 == 3 else "High",
    )
    value = SCORED.encode({**event, "created_at": now})
    return Record(value, lead.encode(), partition=partition)


def touch_record(number: int, now: int) -> Record:
    lead = f"lead-{number}"
    outcome = {"lead_id": lead, "outcome": "called", "occurred_at": now}
    partition = number % PARTITIONS
    return Record(encode_outcome(outcome), lead.encode(), partition=partition, timestamp_ms=now)


async def events_of(stage: Stage) -> list[tuple[str, str]]:
    """Return lead and timer of each event; its partition is that of the lead."""
    found = []
    for record in await stage.records(stage.settings.leads_overdue):
        event = OVERDUE.decode(record.value)
        assert record.partition == event["source_partition"]
        found.append((event["lead_id"], event["timer"]))
    return sorted(found)


def expected(numbers: Iterable[int]) -> list[tuple[str, str]]:
    """Return the events of leads that nobody contacted."""
    return sorted((f"lead-{number}", timer) for number in numbers for timer in TIMERS)


async def until_events(stage: Stage, worker: WorkerProcess, number: int) -> None:
    async def are_there() -> bool:
        worker.check()
        return len(await events_of(stage)) >= number

    await until(are_there, within=90, what=f"{number} events")


async def test_each_lead_that_nobody_contacts_is_an_event_once_though_workers_are_killed(
    stage: Stage, tmp_path: Path
) -> None:
    settings, store = stage.settings, tmp_path / "stores"
    servers = settings.kafka_bootstrap_servers
    first = begin_outcomes(stage, store)
    await first.ready()
    now = round(time.time() * 1000)
    touches = [touch_record(number, now) for number in range(0, LEADS, 4)]
    await produce(servers, settings.leads_outcomes, touches)
    await produce(servers, settings.leads_scored, [score_record(n, now) for n in range(LEADS)])
    untouched = [number for number in range(LEADS) if number % 4 in (1, 2)]
    await until_events(stage, first, 1)
    first.end()  # SIGKILL
    second = begin_outcomes(stage, store)
    await until_events(stage, second, 2 * len(untouched))
    await second.stop_cleanly()
    # Another machine has no store: it finds all of them again, and sends those that are new.
    shutil.rmtree(store)
    third = begin_outcomes(stage, tmp_path / "elsewhere")
    await third.ready()
    new, now = range(LEADS, LEADS + PARTITIONS), round(time.time() * 1000)
    await produce(servers, settings.leads_scored, [score_record(number, now) for number in new])
    await until_events(stage, third, 2 * (len(untouched) + len(new)))
    await third.stop_cleanly()
    assert await events_of(stage) == expected([*untouched, *new])
    found = await stage.records(settings.leads_quality)
    reports = [decode_quality_report(record.value) for record in found]
    assert reports
    assert all(abs(report.reported_at - now) < 600_000 for report in reports), "in milliseconds"
