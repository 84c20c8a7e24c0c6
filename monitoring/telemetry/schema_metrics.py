"""Metrics of the lookups of schema ids in the schema registry."""

from __future__ import annotations

from typing import Literal, get_args

from prometheus_client import CollectorRegistry, Counter, Gauge

from monitoring.telemetry.declarations import score as declared

__all__ = ["LookupResult", "SchemaMetrics"]

LookupResult = Literal["answered", "not_found", "failed"]


class SchemaMetrics:
    """Counts lookups of schema ids.

    Parameters
    ----------
    registry
        Where the metrics are exposed.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        hits, requests = declared.SCHEMA_CACHE_HITS, declared.SCHEMA_REQUESTS
        waiting = declared.SCHEMA_WAITING
        self._hits = Counter(hits.name, hits.sentence, registry=registry)
        self._requests = Counter(
            requests.name, requests.sentence, requests.labels, registry=registry
        )
        self._waiting = Gauge(waiting.name, waiting.sentence, registry=registry)
        for outcome in get_args(LookupResult):  # a rate needs the zero before the first failure
            self._requests.labels(outcome)

    def requested(self, outcome: LookupResult) -> None:
        """Count a request to the registry."""
        self._requests.labels(outcome).inc()

    def found_in_cache(self, ids: int) -> None:
        """Count the ids of a batch that are known."""
        self._hits.inc(ids)

    def waiting(self, partitions: int) -> None:
        """Show how many partitions wait for a schema."""
        self._waiting.set(partitions)
