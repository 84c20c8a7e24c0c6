"""Topics of a verdict in memory: scored events, dead letters and outcomes of made leads."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import orjson
import pytest
from aiokafka import TopicPartition

from schemas.headers import SOURCE_OFFSET, SOURCE_PARTITION, SOURCE_TOPIC
from schemas.model_identity import ModelIdentity
from stream.settings import Settings, load_settings
from stream.snapshot.record_sample import Span, TimeRange

__all__ = ["AT", "DAY_MS", "LIVE", "SHADOW", "StoredRecord", "VerdictTopics", "scored_event"]

AT, DAY_MS = 1_700_000_000_000, 86_400_000
LIVE = ModelIdentity("leads", "1", "a" * 64)
SHADOW = ModelIdentity("leads", "2", "b" * 64)


@dataclass(frozen=True)
class StoredRecord:
    """A record as a log has it."""

    value: bytes | None
    timestamp: int = AT
    headers: Sequence[tuple[str, bytes | None]] = ()
    partition: int = 0
    offset: int = 0
    key: bytes | None = None


def scored_event(
    offset: int, score: float, model: ModelIdentity, *, at: int = AT, **changed: Any
) -> Any:
    """Return a scored event of the lead L-OFFSET in partition 0, scored at a time."""
    made = {
        "lead_id": f"L-{offset}",
        "scored_at": at,
        "latency_ms": 20,
        "score": score,
        "category": "High" if score >= 0.4 else "Medium" if score >= 0.2 else "Low",
        "feature_coverage": 0.9,
        "model_sha256": model.sha256,
        "source": {"topic": "leads.created", "partition": 0, "offset": offset},
        "replay_id": None,
    }
    return StoredRecord(orjson.dumps(made | changed), at)


@dataclass
class VerdictTopics:
    """Records by topic and partition."""

    settings: Settings = field(default_factory=load_settings)
    records: dict[TopicPartition, list[StoredRecord]] = field(
        default_factory=lambda: defaultdict(list)
    )

    def add(self, topic: str, *records: StoredRecord, partition: int = 0) -> None:
        self.records[TopicPartition(topic, partition)] += records

    def add_dead_letter(self, topic: str, offset: int) -> None:
        place = {SOURCE_TOPIC: b"leads.created", SOURCE_PARTITION: b"0"}
        headers = [*place.items(), (SOURCE_OFFSET, b"%d" % offset)]
        self.add(topic, StoredRecord(b"no lead", headers=headers))

    def add_outcome(self, offset: int, outcome: str, at: int) -> None:
        made = {"lead_id": f"L-{offset}", "outcome": outcome, "occurred_at": at}
        self.add(self.settings.leads_outcomes, StoredRecord(orjson.dumps(made), at, offset=offset))

    def install(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Make a verdict read these topics."""

        async def spans(
            _: Settings, topic: str, within: TimeRange, _use: Any
        ) -> Mapping[TopicPartition, Span]:
            found = {}
            for partition, records in self.records.items():
                later = [i for i, each in enumerate(records) if each.timestamp >= within.start]
                if partition.topic == topic and later:
                    found[partition] = (later[0], len(records))
            return found

        async def read(
            _: Settings, partition: TopicPartition, span: Span
        ) -> AsyncIterator[Sequence[StoredRecord]]:
            yield self.records[partition][slice(*span)]

        monkeypatch.setattr("stream.verdict.judging.spans_within", spans)
        monkeypatch.setattr("stream.verdict.judging.read_span", read)
