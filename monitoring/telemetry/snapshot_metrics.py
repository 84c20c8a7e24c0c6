"""Metrics of the snapshot job."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.registry import Collector

from monitoring.telemetry.declarations import Declaration
from monitoring.telemetry.declarations import snapshot as declared

__all__ = ["LastSnapshot", "SnapshotMetrics", "failures_in"]


class LastSnapshot(NamedTuple):
    """The last snapshot that was written."""

    finished_at: float
    """Time when it was written, in seconds since 1970."""
    seconds: float
    """Duration in seconds."""
    rows: int
    """Leads that were compared."""
    drift_share: float | None
    """Share of the fields that have drifted, 0 to 1; None if there were too few leads."""


class SnapshotMetrics(Collector):
    """Exposes the last snapshot and the number of failures.

    Parameters
    ----------
    registry
        Where the metrics are exposed.
    period
        Seconds from one snapshot to the next.
    last
        The last snapshot, if another process wrote it; None if there is none yet.
    failures
        Earlier failures, if another process counted them.
    """

    def __init__(
        self,
        registry: CollectorRegistry,
        *,
        period: float,
        last: LastSnapshot | None = None,
        failures: int = 0,
    ) -> None:
        self._period = period
        self._last = last
        self._failures = failures
        registry.register(self)

    def succeeded(self, last: LastSnapshot) -> None:
        """Record a snapshot."""
        self._last = last

    def failed(self) -> None:
        """Count a snapshot that was due but failed."""
        self._failures += 1

    def collect(self) -> Iterator[Metric]:
        """Return the metrics; a value that is not known has no gauge."""
        failures = declared.SNAPSHOT_FAILURES
        yield CounterMetricFamily(failures.name, failures.sentence, value=self._failures)
        yield from _gauges([(declared.SNAPSHOT_PERIOD, self._period)])
        if self._last is not None:
            yield from _gauges(
                [
                    (declared.SNAPSHOT_LAST_SUCCESS, self._last.finished_at),
                    (declared.SNAPSHOT_DURATION, self._last.seconds),
                    (declared.SNAPSHOT_ROWS, self._last.rows),
                    (declared.SNAPSHOT_DRIFT_SHARE, self._last.drift_share),
                ]
            )


def _gauges(values: Iterable[tuple[Declaration, float | None]]) -> Iterator[Metric]:
    for metric, value in values:
        if value is not None:
            yield GaugeMetricFamily(metric.name, metric.sentence, value=value)


def failures_in(text: str) -> int:
    """Return the number of failed snapshots from Prometheus' text format; 0 if it has none."""
    name = declared.SNAPSHOT_FAILURES.name
    return sum(
        int(sample.value)
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if sample.name == name
    )
