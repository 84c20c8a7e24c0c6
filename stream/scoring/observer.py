"""Shows in metrics and health what the batch source does."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from aiokafka import TopicPartition

from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.metrics import Metrics
from stream.consume.foreign_commits import ForeignCommit
from stream.consume.lost_records import Loss
from stream.consume.partition_progress import Batch
from stream.kafka.record_clock import RecordClock
from stream.scoring.drift_resumption import DriftResumption
from stream.scoring.outcome_log import OutcomeLog

__all__ = ["ScoringObserver"]

log = logging.getLogger(__name__)


class ScoringObserver:
    """Observes the source of the scoring role: ``stream.consume.observer.SourceObserver``.

    Parameters
    ----------
    metrics, health
        Where it is shown.
    clock
        Learns the broker's time from records.
    outcomes
        Counts what was read.
    drift
        Resumes the drift counts of assigned partitions.

    Attributes
    ----------
    committed_at
        When Kafka last accepted a commit, or first assigned partitions: seconds of the monotonic
        clock. None before.
    """

    def __init__(
        self,
        metrics: Metrics,
        health: Health,
        clock: RecordClock,
        outcomes: OutcomeLog,
        drift: DriftResumption,
    ) -> None:
        self.committed_at: float | None = None
        self._metrics = metrics
        self._health = health
        self._clock = clock
        self._outcomes = outcomes
        self._drift = drift

    def on_fetch(self, batch: Batch) -> None:
        """Count the records of a batch that is handed over."""
        partition, records = batch.partition, len(batch.records)
        self._outcomes.on_taken(records)
        self._metrics.batch_consumed(partition.topic, partition.partition, records)
        self._clock.seen(batch.records[-1].timestamp)

    def on_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Note when Kafka accepted a commit."""
        self.committed_at = time.monotonic()

    def on_rebalance(self, assignment: frozenset[TopicPartition]) -> None:
        """Count a rebalance, and resume the drift counts of the assigned partitions."""
        self._metrics.rebalanced()
        if self.committed_at is None:
            self.committed_at = time.monotonic()
        self._health.meet(Condition.PARTITIONS_ASSIGNED)
        self._drift.assigned(assignment)
        partitions = sorted(tp.partition for tp in assignment)
        log.info("partitions assigned", extra={"partitions": partitions})

    def on_loss(self, loss: Loss) -> None:
        """Count records that were lost, and list them in /readyz."""
        where = loss.partition
        self._metrics.records_lost(where.topic, where.partition, loss.reason, loss.records)
        self._health.add_loss(time.monotonic(), loss.as_fields())

    def on_foreign_commit(self, found: ForeignCommit) -> None:
        """Count a commit that no LeadScore worker made."""
        at = found.partition
        self._metrics.foreign_commit(at.topic, at.partition, found.direction, found.moved)
