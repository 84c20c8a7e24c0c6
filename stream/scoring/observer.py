"""Shows in metrics and health what the batch source does."""

from __future__ import annotations

from aiokafka import TopicPartition

from monitoring.telemetry.health import Health
from monitoring.telemetry.metrics import Metrics
from stream.consume.foreign_commits import ForeignCommit
from stream.consume.partition_progress import Batch
from stream.consume.source_telemetry import SourceTelemetry
from stream.kafka.record_clock import RecordClock
from stream.scoring.drift_resumption import DriftResumption
from stream.scoring.outcome_log import OutcomeLog

__all__ = ["ScoringObserver"]


class ScoringObserver(SourceTelemetry):
    """Observes the source of the scoring role.

    Parameters
    ----------
    metrics, health, clock
        See ``SourceTelemetry``.
    outcomes
        Counts what was read.
    drift
        Resumes the drift counts of assigned partitions.
    """

    def __init__(
        self,
        metrics: Metrics,
        health: Health,
        clock: RecordClock,
        outcomes: OutcomeLog,
        drift: DriftResumption,
    ) -> None:
        super().__init__(metrics, health, clock)
        self._metrics = metrics
        self._outcomes = outcomes
        self._drift = drift

    def on_fetch(self, batch: Batch) -> None:
        """Count the records of a batch that is handed over."""
        self._outcomes.on_taken(len(batch.records))
        super().on_fetch(batch)

    def on_rebalance(self, assignment: frozenset[TopicPartition]) -> None:
        """Count a rebalance, and resume the drift counts of the assigned partitions."""
        super().on_rebalance(assignment)
        self._drift.assigned(assignment)

    def on_foreign_commit(self, found: ForeignCommit) -> None:
        """Count a commit that no LeadScore worker made."""
        at = found.partition
        self._metrics.foreign_commit(at.topic, at.partition, found.direction, found.moved)
