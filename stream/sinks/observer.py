"""Shows in metrics and health what the batch source of a sink does."""

from __future__ import annotations

from collections.abc import Callable

from aiokafka import TopicPartition

from monitoring.telemetry.health import Health
from monitoring.telemetry.sink_metrics import SinkMetrics
from stream.consume.source_telemetry import SourceTelemetry
from stream.kafka.record_clock import RecordClock

__all__ = ["SinkObserver"]


class SinkObserver(SourceTelemetry):
    """Observes the source of a sink.

    Parameters
    ----------
    metrics, health, clock
        See ``SourceTelemetry``.
    rebalanced
        Called with each assignment.
    """

    def __init__(
        self,
        metrics: SinkMetrics,
        health: Health,
        clock: RecordClock,
        rebalanced: Callable[[], None],
    ) -> None:
        super().__init__(metrics, health, clock)
        self._rebalanced = rebalanced

    def on_rebalance(self, assignment: frozenset[TopicPartition]) -> None:
        """Count a rebalance."""
        super().on_rebalance(assignment)
        self._rebalanced()
