"""Comparison of a contender's scores with the expected ones; a deviation is an error."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import click
from aiokafka import AIOKafkaConsumer, TopicPartition

from benchmarks.workload import events
from features.matrix import FeatureEncoder
from model.bundle import load_bundle
from model.serving.predictor import open_predictor
from schemas.decode import LeadDecoder
from schemas.record_codec import RecordCodec
from schemas.store import SchemaStore
from stream.demo.audit import read_scored
from testing.kafka_client import read_ends

__all__ = ["Checked", "check_scores", "expected_scores", "read_topic"]

TOLERANCE = 1e-5
READ_AT_ONCE = 5000
NOTHING_FOR_MS = 3000


@dataclass(frozen=True, slots=True)
class Checked:
    """Result of the comparison.

    Attributes
    ----------
    events
        Number of scored events.
    repeats
        Number of duplicates: delivery is at least once.
    worst
        Largest deviation of a score.
    """

    events: int
    repeats: int
    worst: float


@cache
def expected_scores(location: Path, count: int) -> dict[str, float]:
    """Score the leads without Kafka; return the score by lead."""
    bundle = load_bundle(str(location), None)
    metadata = bundle.metadata
    store = SchemaStore.load()
    store.add(metadata.contract, "the model's contract")
    values = [value for _, value in events(count)]
    read = LeadDecoder(store, metadata.spec.kinds).decode(values)
    features = FeatureEncoder(metadata.spec, metadata.reference).encode(read.columns, count)
    scores = open_predictor(bundle).predict(features.matrix).probability
    lead_ids = [lead_id.decode() for lead_id in read.lead_ids]
    return dict(zip(lead_ids, scores.tolist(), strict=True))


async def read_topic(bootstrap: str, topic: str) -> AsyncIterator[Any]:
    """Yield all records that a topic has now."""
    ends = await read_ends(bootstrap, topic)
    partitions = [TopicPartition(topic, number) for number in sorted(ends)]
    consumer = AIOKafkaConsumer(bootstrap_servers=bootstrap, auto_offset_reset="earliest")
    await consumer.start()
    try:
        consumer.assign(partitions)
        left = sum(ends.values())
        await consumer.seek_to_beginning()
        while left > 0:
            fetched = await consumer.getmany(timeout_ms=NOTHING_FOR_MS, max_records=READ_AT_ONCE)
            if not fetched:
                return  # the rest are transaction markers
            for records in fetched.values():
                left -= len(records)
                for record in records:
                    yield record
    finally:
        await consumer.stop()


async def check_scores(
    name: str, bootstrap: str, topic: str, expected: Mapping[str, float], count: int
) -> Checked:
    """Compare every scored event of a topic with the expected score.

    Parameters
    ----------
    name
        Name of the contender, for the message.
    bootstrap, topic
        Location of the scored events.
    expected
        Expected score of each lead.
    count
        Expected number of events.

    Raises
    ------
    click.ClickException
        A score differs by more than 1e-5, or events are missing.
    """
    codec = RecordCodec("lead_scored")
    sources: set[tuple[int, int]] = set()
    events, worst = 0, 0.0
    async for record in read_topic(bootstrap, topic):
        lead = read_scored(record.value, codec)
        if record.key != lead.lead_id.encode():
            raise click.ClickException(
                f"{name} does other work: expected the key {lead.lead_id}, got {record.key!r}"
            )
        off = abs(lead.score - expected[lead.lead_id])
        if not off <= TOLERANCE:  # also true for NaN
            raise click.ClickException(
                f"{name} computes something else: expected a score of"
                f" {expected[lead.lead_id]:.6f} for {lead.lead_id}, got {lead.score:.6f}"
            )
        worst = max(worst, off)
        sources.add(lead.source)
        events += 1
    if len(sources) != count:
        raise click.ClickException(
            f"{name} has not done all of its work: expected {count:,} leads scored, got"
            f" {len(sources):,}"
        )
    return Checked(events, events - len(sources), worst)
