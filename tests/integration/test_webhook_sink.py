"""The sink `webhook` on real Kafka: killed, and with a filter that needs the score before."""

from __future__ import annotations

import signal
from collections.abc import AsyncIterator
from pathlib import Path

import orjson
import pytest

from agents.outcomes.lead_timers import Overdue
from agents.outcomes.overdue_event import encode_overdue
from schemas.model_identity import ModelIdentity
from stream.broker import Broker
from testing.kafka_client import Record, TopicFactory, produce, until
from testing.scored_events import scored
from testing.webhook_receiver import Fault, WebhookReceiver, webhook_receiver
from tests.integration.sink_process import (
    PARTITIONS,
    begin_sink,
    emit,
    emit_values,
    lead_of,
    sink_stage,
    until_written,
)
from tests.integration.worker_process import Stage
from tests.webhook_stage import SECRET


@pytest.fixture
async def stage(kafka: Broker, topics: TopicFactory, tmp_path: Path) -> AsyncIterator[Stage]:
    stage = sink_stage(kafka.bootstrap, topics.prefix, tmp_path)
    await stage.create_topics(PARTITIONS)
    yield stage
    stage.end()


@pytest.fixture
async def receiver() -> AsyncIterator[WebhookReceiver]:
    async with webhook_receiver() as receiver:
        yield receiver


def crossings(stop: int) -> set[str]:
    """Return the ids of the events whose band is another one than the lead's before."""
    found = set()
    for partition in range(PARTITIONS):
        bands: dict[str, str] = {}
        for offset in range(stop):
            lead = lead_of(partition, offset)
            event = scored(lead, offset=offset, partition=partition)
            if bands.get(lead) != event["category"]:
                found.add(event["event_id"])
            bands[lead] = event["category"]
    return found


@pytest.mark.long
async def test_events_of_a_crossed_band_are_the_same_whatever_worker_reads_the_log(
    stage: Stage, receiver: WebhookReceiver
) -> None:
    environment = {
        "LEADSCORE_SINK_TO": receiver.url,
        "LEADSCORE_SINK_WEBHOOK_SECRET": SECRET,
        "LEADSCORE_SINK_WEBHOOK_ALLOW_PRIVATE": "true",
        "LEADSCORE_SINK_WEBHOOK_BAND_CROSSED": "true",
        "LEADSCORE_BATCH_MAX_RECORDS": "20",
    }
    await emit_values(stage, [b"no event"])
    sink = begin_sink(stage, "webhook", **environment)
    await sink.ready()
    await emit(stage, 0, 75)
    await until(lambda: len(receiver.received) > 15, what="events")
    sink.send(signal.SIGKILL)
    await sink.ended()
    begin_sink(stage, "webhook", **environment)
    await until_written(stage, "webhook-scores")
    await emit(stage, 75, 160)
    await until_written(stage, "webhook-scores")
    assert set(receiver.event_ids) == crossings(160)
    assert len(crossings(160)) < 160
    [sink] = [worker for worker in stage.workers if worker.is_running]
    await sink.stop_cleanly()


async def test_overdue_leads_reach_slack_by_a_template_of_their_own(
    stage: Stage, receiver: WebhookReceiver
) -> None:
    model = ModelIdentity("leads", "3", "9f")
    timers = [Overdue("hot", 0, 1_800_000, at, 0.75, "High", model) for at in range(6)]
    records = [
        Record(encode_overdue(f"lead-{at}", timer, at % PARTITIONS), partition=at % PARTITIONS)
        for at, timer in enumerate(timers)
    ]
    settings = stage.settings
    await produce(settings.kafka_bootstrap_servers, settings.leads_overdue, records)
    sink = begin_sink(
        stage,
        "webhook",
        *("--content", "overdue"),
        LEADSCORE_SINK_TO=receiver.url,
        LEADSCORE_SINK_WEBHOOK_TEMPLATE="slack",
        LEADSCORE_SINK_WEBHOOK_ALLOW_PRIVATE="true",
    )
    await sink.ready()
    await until_written(stage, "webhook-overdue", content="overdue")
    assert {orjson.loads(received.body)["text"] for received in receiver.received} == {
        f"No contact with High lead lead-{at} (75%) within 30 minutes" for at in range(6)
    }
    await sink.stop_cleanly()


@pytest.mark.long
async def test_a_fixed_receiver_gets_the_dead_letters_of_its_sink(
    stage: Stage, receiver: WebhookReceiver
) -> None:
    environment = {
        "LEADSCORE_SINK_TO": receiver.url,
        "LEADSCORE_SINK_WEBHOOK_SECRET": SECRET,
        "LEADSCORE_SINK_WEBHOOK_ALLOW_PRIVATE": "true",
    }
    receiver.fault_of = lambda _: Fault(status=422)
    await emit(stage, 0, 5)
    sink = begin_sink(stage, "webhook", **environment)
    await until_written(stage, "webhook-scores")
    await sink.stop_cleanly()
    assert receiver.received == []
    receiver.fault_of = lambda received: (
        Fault(status=422) if received.data["lead_id"] == lead_of(0, 3) else None
    )
    redrive = begin_sink(stage, "webhook", "--redrive", **environment)
    assert await redrive.ended() == 4
    assert len(receiver.event_ids) == 2 * 5 - 1
    receiver.fault_of = lambda _: None
    again = begin_sink(stage, "webhook", "--redrive", **environment)
    assert await again.ended() == 0
    assert len(receiver.event_ids) == 2 * 5
