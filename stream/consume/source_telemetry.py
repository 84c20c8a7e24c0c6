"""Shows in metrics and health what a batch source does: the part that all roles share."""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping

from aiokafka import TopicPartition

from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.source_recorder import SourceRecorder
from stream.consume.lost_records import Loss
from stream.consume.partition_progress import Batch
from stream.kafka.record_clock import RecordClock

__all__ = ["SourceTelemetry"]

log = logging.getLogger(__name__)


class SourceTelemetry:
    """Observes a source: ``stream.consume.observer.SourceObserver``. Roles add what they need.

    Parameters
    ----------
    recorder, health
        Where it is shown.
    clock
        Learns the broker's time from records.

    Attributes
    ----------
    committed_at
        When Kafka last accepted a commit, or first assigned partitions: seconds of the monotonic
        clock. None before.
    """

    def __init__(self, recorder: SourceRecorder, health: Health, clock: RecordClock) -> None:
        self.committed_at: float | None = None
        self._recorder = recorder
        self._health = health
        self._clock = clock

    def on_fetch(self, batch: Batch) -> None:
        """Count the records of a batch that is handed over."""
        at = batch.partition
        self._recorder.batch_consumed(at.topic, at.partition, len(batch.records))
        self._clock.seen(batch.records[-1].timestamp)

    def on_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Note when Kafka accepted a commit."""
        self.committed_at = time.monotonic()

    def on_rebalance(self, assignment: frozenset[TopicPartition]) -> None:
        """Count a rebalance."""
        self._recorder.rebalanced()
        if self.committed_at is None:
            self.committed_at = time.monotonic()
        self._health.meet(Condition.PARTITIONS_ASSIGNED)
        partitions = sorted(at.partition for at in assignment)
        log.info("partitions assigned", extra={"partitions": partitions})

    def on_loss(self, loss: Loss) -> None:
        """Count records that were lost, and list them in /readyz."""
        at = loss.partition
        self._recorder.records_lost(at.topic, at.partition, loss.reason, loss.records)
        self._health.add_loss(time.monotonic(), loss.as_fields())
