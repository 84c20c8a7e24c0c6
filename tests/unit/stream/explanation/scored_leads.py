"""Leads of the small model on fake topics, with the events that a worker emits for them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from model.bundle import Bundle
from model.serving.predictor import open_predictor
from schemas.encode import encode_lead
from schemas.wire import WireFormat
from stream.explanation.lead_records import LeadRecords
from stream.fetch.raw_records import RawRecord
from stream.kafka.log_reader import LogReader
from stream.replay.ranges import BEGINNING
from stream.scoring.bundle_scorer import scorer_of
from stream.settings import Settings, load_settings
from tests.unit.small_model import contract
from tests.unit.stream.erasure.replay_records import replay_record
from tests.unit.stream.fake_topics import FakeTopics

SCORED_AT = 1_702_000_000_000
AGES_AT = 1_710_000_000_000


def settings_with(registry: Any = "models", **given: Any) -> Settings:
    return load_settings(registry=str(registry), **given)


def send(topics: FakeTopics, lead: Mapping[str, Any], partition: int = 0) -> RawRecord:
    """Append a lead to the topic of leads, as the CRM does."""
    value = encode_lead(dict(lead), contract(), WireFormat.AVRO)
    offset = topics.add(
        "leads.created",
        partition,
        value,
        key=lead["lead_id"].encode(),
        timestamp=SCORED_AT - 1000,
    )
    return RawRecord(partition, offset, SCORED_AT - 1000, lead["lead_id"].encode(), value, ())


def emit(
    topics: FakeTopics,
    record: RawRecord,
    bundle: Bundle,
    *,
    scored_at: int = SCORED_AT,
    replay_id: str | None = None,
    ages_at: int | None = None,
    out: str = "leads.scored",
    **given: Any,
) -> int:
    """Score a lead and append its event to a topic, as a worker or a replay does."""
    scorer = scorer_of(
        bundle,
        open_predictor(bundle),
        settings_with(**given),
        topic="leads.created",
        replay_id=replay_id,
        ages_at=ages_at,
    )
    read = scorer.decode([record])
    features = scorer.features(read)
    outputs = scorer.outputs(
        read,
        features,
        scorer.predict(features),
        scored_at=scored_at,
        too_large=lambda _: (),
    )
    [(key, value, headers)] = outputs.scored
    return topics.add(
        out,
        record.partition,
        value,
        key=key,
        headers=[(name, part) for name, part in headers],
        timestamp=scored_at,
    )


def add_plan(topics: FakeTopics, replay_id: str, ages_at: int | None) -> None:
    """Append the plan of a replay to the topic of plans."""
    value = replay_record(replay_id, ages_at=ages_at).model_dump_json().encode()
    topics.add("leads.replays", 0, value, key=replay_id.encode())


def records_of(topics: FakeTopics, settings: Settings, *others: str) -> LeadRecords:
    """Return what finds the records of a lead in these topics, from their beginning on."""
    names = (
        *(settings.leads_created, settings.leads_scored, settings.leads_created_dlq),
        *(settings.leads_replays, *others),
    )
    counts = dict.fromkeys(names, topics.partitions)
    return LeadRecords(settings, cast(LogReader, topics), counts, BEGINNING)
