"""Shows in metrics and health what the source of the role outcomes does."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Mapping

from aiokafka import TopicPartition

from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.outcome_metrics import OutcomeMetrics
from schemas.errors import StartupError
from stream.consume.lost_records import Loss, LossReason
from stream.consume.partition_progress import Batch
from stream.kafka.record_clock import RecordClock
from stream.process.background_tasks import BackgroundTasks, Crash

__all__ = ["OutcomeObserver"]

log = logging.getLogger(__name__)


class OutcomeObserver:
    """Observes the source: ``stream.consume.observer.SourceObserver``.

    Parameters
    ----------
    metrics, health
        Where it is shown.
    clock
        Learns the broker's time from records.
    assigned
        Called with the partitions of each assignment.
    crash
        Ends the worker where the log was replaced: the stores are of the old one, and are made
        again at the next start.
    """

    def __init__(
        self,
        metrics: OutcomeMetrics,
        health: Health,
        clock: RecordClock,
        assigned: Callable[[frozenset[TopicPartition]], None],
        crash: Crash,
    ) -> None:
        self._metrics = metrics
        self._health = health
        self._clock = clock
        self._assigned = assigned
        self._tasks = BackgroundTasks(crash)

    def on_fetch(self, batch: Batch) -> None:
        """Learn the broker's time."""
        self._clock.seen(batch.records[-1].timestamp)

    def on_commit(self, offsets: Mapping[TopicPartition, int]) -> None:
        """Ignore a commit: the stores say what was read."""

    def on_rebalance(self, assignment: frozenset[TopicPartition]) -> None:
        """Open the stores of a new assignment."""
        self._assigned(assignment)
        self._health.meet(Condition.PARTITIONS_ASSIGNED)
        log.info("partitions assigned", extra={"partitions": sorted(p for _, p in assignment)})

    def on_loss(self, loss: Loss) -> None:
        """Count records that were lost, and list them in /readyz."""
        at = loss.partition
        self._metrics.records_lost(at.topic, at.partition, loss.reason, loss.records)
        self._health.add_loss(time.monotonic(), loss.as_fields())
        if loss.reason is LossReason.LOG_REPLACED:
            self._tasks.crash(
                StartupError(
                    f"expected the log of {at.topic}/{at.partition} that the store was made from,"
                    " but the topic was deleted and created again, or its log was truncated: start"
                    " the worker again, and it reads the new one from its start"
                )
            )
