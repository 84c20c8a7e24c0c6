"""Joins over stores in memory, and records of outcomes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition
from prometheus_client import CollectorRegistry

from agents.outcomes.progress import Progress
from agents.outcomes.store import MemoryStore, OutcomeStore
from monitoring.telemetry.outcome_metrics import OutcomeMetrics
from schemas.lead_outcome import encode_outcome
from stream.outcomes.partitions import OutcomePartitions
from stream.settings import Settings, load_settings
from testing.fake_app import FakeApp
from testing.scored_events import SCORED_AT
from tests.unit.stream.sinks.fake_sink import FakeRecord

__all__ = ["DAY", "OUTCOMES", "SCORED", "SHADOW", "OutcomeStage", "outcome_record"]

DAY = 86_400_000
SCORED, SHADOW, OUTCOMES = (
    TopicPartition(topic, 0) for topic in ("leads.scored", "leads.scored.shadow", "leads.outcomes")
)


def settings_in(folder: Path, **given: Any) -> Settings:
    return load_settings(role="outcomes", outcome_store=folder, **given)


@dataclass
class OutcomeStage:
    """Partitions whose stores are kept in memory, by folder."""

    folder: Path
    stores: dict[Path, MemoryStore] = field(default_factory=dict)
    topic_ids: dict[str, str] = field(default_factory=dict)
    opened: dict[int, dict[str, int]] = field(default_factory=dict)
    locked: set[Path] = field(default_factory=set)
    is_asked: Callable[[], None] = lambda: None

    def __post_init__(self) -> None:
        self.app = FakeApp()
        self.registry = CollectorRegistry()
        self.metrics = OutcomeMetrics(self.registry)

    def partitions(self, **given: Any) -> OutcomePartitions:
        return OutcomePartitions(
            settings_in(self.folder, **given),
            self._open,
            topic_id=self._topic_id,
            on_open=self._on_open,
            crash=self.app.crash,
        )

    def _open(self, folder: Path) -> OutcomeStore:
        self.is_asked()
        if folder in self.locked:
            raise BlockingIOError
        if not folder.exists():
            self.stores.pop(folder, None)
            folder.mkdir(parents=True)
        return self.stores.setdefault(folder, MemoryStore())

    async def _topic_id(self, topic: str) -> str | None:
        return self.topic_ids.get(topic)

    def _on_open(self, number: int, progress: Progress) -> None:
        self.opened[number] = dict(progress.offsets)

    def value(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)

    def treated(self) -> dict[str, float]:
        """Return how many outcomes had each treatment."""
        return {
            sample.labels["treatment"]: sample.value
            for metric in self.registry.collect()
            for sample in metric.samples
            if sample.name == "leadscore_outcomes_total" and sample.value
        }


def outcome_record(
    offset: int, lead: str = "lead-0", outcome: str = "won", *, day: float = 1.0
) -> FakeRecord:
    at = SCORED_AT + round(day * DAY)
    value = encode_outcome({"lead_id": lead, "outcome": outcome, "occurred_at": at})
    return FakeRecord(0, offset, at + 1000, lead.encode(), value)
