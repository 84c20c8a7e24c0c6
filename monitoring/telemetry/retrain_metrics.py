"""Metrics of a worker that retrains the model."""

from __future__ import annotations

from datetime import datetime

from prometheus_client import CollectorRegistry, Counter, Gauge

from monitoring.telemetry.declarations import Declaration
from monitoring.telemetry.declarations import trainer as declared

__all__ = ["RetrainMetrics"]


class RetrainMetrics:
    """Records the metrics of the role trainer.

    Parameters
    ----------
    registry
        Where the metrics are exposed.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._requests = _counter(declared.RETRAIN_REQUESTS, registry)
        self._ignored = _counter(declared.RETRAIN_REQUESTS_IGNORED, registry)
        self._ended = _counter(declared.RETRAININGS, registry)
        running = declared.RETRAINING_RUNNING
        self._running = Gauge(running.name, running.sentence, registry=registry)
        waiting = declared.RETRAIN_CANDIDATE_WAITING
        self._waiting = Gauge(waiting.name, waiting.sentence, registry=registry)

    def requested(self, trigger: str) -> None:
        """Count a retraining that this worker asks for."""
        self._requests.labels(trigger).inc()

    def ignored(self, trigger: str) -> None:
        """Count a request that is not followed."""
        self._ignored.labels(trigger).inc()

    def ended(self, outcome: str) -> None:
        """Count a retraining by its outcome."""
        self._ended.labels(outcome).inc()

    def running(self, is_running: bool) -> None:
        """Set whether a retraining runs."""
        self._running.set(is_running)

    def waiting(self, since: datetime | None) -> None:
        """Set since when a candidate has waited for an approval; None: there is none."""
        self._waiting.set(0 if since is None else since.timestamp())


def _counter(metric: Declaration, registry: CollectorRegistry) -> Counter:
    return Counter(metric.name, metric.sentence, metric.labels, registry=registry)
