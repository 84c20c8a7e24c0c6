"""Metrics of the REST server."""

from __future__ import annotations

from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from monitoring.telemetry.declarations import Declaration, score
from monitoring.telemetry.declarations import rest as declared
from monitoring.telemetry.model_metrics import ModelMetrics
from monitoring.telemetry.sparse_gauges import SparseGauges

__all__ = ["RestMetrics"]

SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0)
LEADS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000)


class RestMetrics(ModelMetrics):
    """Records requests, and the model that serves.

    Parameters
    ----------
    registry
        Where the metrics are exposed.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        super().__init__(registry)

        def counter(of: Declaration) -> Counter:
            return Counter(of.name, of.sentence, of.labels, registry=registry)

        def histogram(of: Declaration, buckets: tuple[float, ...]) -> Histogram:
            return Histogram(of.name, of.sentence, of.labels, registry=registry, buckets=buckets)

        self._requests = counter(declared.HTTP_REQUESTS)
        self._seconds = histogram(declared.HTTP_REQUEST_SECONDS, SECONDS)
        self._batches = histogram(declared.HTTP_BATCH_LEADS, LEADS)
        self._looks = counter(declared.PREDICTION_CACHE)
        for result in ("hit", "miss"):
            self._looks.labels(result)
        self._written = counter(declared.HTTP_WRITTEN_LEADS)
        for outcome in ("acknowledged", "failed"):
            self._written.labels(outcome)
        self._dropped = counter(declared.HTTP_LOG_DROPPED)
        self._store_ids = counter(declared.LEAD_STORE_IDS)
        self._store_seconds = histogram(declared.LEAD_STORE_SECONDS, SECONDS)
        self._store_up = SparseGauges([declared.LEAD_STORE_UP], registry)
        ready = score.READY
        self._ready = Gauge(ready.name, ready.sentence, registry=registry)

    def answered(self, route: str, status: int, seconds: float) -> None:
        """Count a request with the status of its answer, 0 if there is none."""
        self._requests.labels(route, str(status)).inc()
        self._seconds.labels(route).observe(seconds)

    def scored_batch(self, leads: int) -> None:
        """Count a call of the model."""
        self._batches.observe(leads)

    def show_ready(self, is_ready: Callable[[], bool]) -> None:
        """Show whether the server is ready, whenever the metrics are read."""
        self._ready.set_function(lambda: float(is_ready()))

    def wrote_leads(self, leads: int, was_written: bool) -> None:
        """Count leads that Kafka acknowledged, or did not."""
        self._written.labels("acknowledged" if was_written else "failed").inc(leads)

    def dropped_lines(self, lines: int) -> None:
        """Count lines of the log that were dropped."""
        self._dropped.inc(lines)

    def lead_store_up(self, answers: bool) -> None:
        """Set whether the lead store answers."""
        self._store_up.set(declared.LEAD_STORE_UP, float(answers))

    def looked_up_leads(self, *, found: int, unknown: int, seconds: float) -> None:
        """Record a look-up in the lead store."""
        self._store_ids.labels("found").inc(found)
        self._store_ids.labels("unknown").inc(unknown)
        self._store_seconds.observe(seconds)

    def looked_up(self, was_found: bool) -> None:
        """Count a look-up in the prediction cache."""
        self._looks.labels("hit" if was_found else "miss").inc()
