"""Metrics of a worker that archives leads."""

from __future__ import annotations

from collections.abc import Callable, Iterable

from prometheus_client import CollectorRegistry, Counter, Gauge
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitoring.telemetry.declarations import Declaration
from monitoring.telemetry.declarations import archive as declared
from monitoring.telemetry.metrics import PartitionLag

__all__ = ["ArchiveMetrics"]


class ArchiveMetrics:
    """Records the metrics of the role archive.

    Parameters
    ----------
    registry
        Where the metrics are exposed.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._records = _counter(declared.ARCHIVED_RECORDS, registry)
        self._files = _counter(declared.ARCHIVED_FILES, registry)
        self._bytes = _counter(declared.ARCHIVED_BYTES, registry)
        self._lost = _counter(declared.ARCHIVE_LOST_RECORDS, registry)
        full = declared.ARCHIVE_IS_FULL
        self._full = Gauge(full.name, full.sentence, registry=registry)
        self._lags = _LagCollector()
        registry.register(self._lags)

    def file_completed(self, records: int, size: int) -> None:
        """Count a file, with its number of records and of bytes."""
        self._files.inc()
        self._records.inc(records)
        self._bytes.inc(size)

    def records_lost(self, topic: str, partition: int, reason: str, records: int) -> None:
        """Count records that can never be archived."""
        self._lost.labels(topic, str(partition), reason).inc(records)

    def waits_for_room(self, is_full: bool) -> None:
        """Set whether the disk is full."""
        self._full.set(is_full)

    def watch_lags(self, lags: Callable[[], Iterable[PartitionLag]]) -> None:
        """Call ``lags`` on each scrape."""
        self._lags.read = lags


class _LagCollector(Collector):
    """The gauges whose values are computed on a scrape."""

    def __init__(self) -> None:
        self.read: Callable[[], Iterable[PartitionLag]] = lambda: ()

    def describe(self) -> Iterable[Metric]:
        return _gauge(declared.ARCHIVE_LAG_RECORDS), _gauge(declared.ARCHIVE_LAG_SECONDS)

    def collect(self) -> Iterable[Metric]:
        records = _gauge(declared.ARCHIVE_LAG_RECORDS)
        seconds = _gauge(declared.ARCHIVE_LAG_SECONDS)
        for lag in self.read():
            where = (lag.topic, str(lag.partition))
            records.add_metric(where, lag.records)
            seconds.add_metric(where, lag.seconds)
        return records, seconds


def _counter(metric: Declaration, registry: CollectorRegistry) -> Counter:
    return Counter(metric.name, metric.sentence, metric.labels, registry=registry)


def _gauge(metric: Declaration) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.sentence, labels=metric.labels)
