"""Gauges of the lag exporter: lags of consumer groups, and how old these figures are."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitoring.telemetry.declarations import lag as declared
from monitoring.telemetry.sparse_gauges import SparseGauges

__all__ = ["GroupLagGauges", "GroupPartition"]


class GroupPartition(NamedTuple):
    """Lag of a consumer group on one partition; None where a value is unknown."""

    group: str
    topic: str
    partition: int
    records: int | None
    seconds: float | None
    eta_seconds: float | None
    expired: int
    is_known: bool
    """Whether the lag is known, or there is nothing to read and no commit yet."""


class GroupLagGauges(Collector):
    """Exposes the last lags that were read.

    Parameters
    ----------
    registry
        Where the metrics are exposed.
    monotonic
        Returns the seconds of a monotonic clock.
    """

    def __init__(self, registry: CollectorRegistry, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self._read_at = monotonic()
        self._failures = 0
        self._gauges = SparseGauges(
            [
                declared.GROUP_LAG_RECORDS,
                declared.GROUP_LAG_SECONDS,
                declared.GROUP_LAG_ETA,
                declared.GROUP_EXPIRED,
                declared.GROUP_UNKNOWN,
            ],
            registry,
        )
        registry.register(self)

    def succeeded(self, lags: Iterable[GroupPartition]) -> None:
        """Replace all lags by new ones."""
        self._gauges.clear()
        unknown: dict[tuple[str, str], int] = {}
        for lag in lags:
            where = lag.group, lag.topic, str(lag.partition)
            self._gauges.set(declared.GROUP_LAG_RECORDS, lag.records, *where)
            self._gauges.set(declared.GROUP_LAG_SECONDS, lag.seconds, *where)
            self._gauges.set(declared.GROUP_LAG_ETA, lag.eta_seconds, *where)
            self._gauges.set(declared.GROUP_EXPIRED, lag.expired, *where)
            topic = lag.group, lag.topic
            unknown[topic] = unknown.get(topic, 0) + (not lag.is_known)
        for topic, partitions in unknown.items():
            self._gauges.set(declared.GROUP_UNKNOWN, partitions, *topic)
        self._read_at = self._monotonic()

    def failed(self) -> None:
        """Count a reading that failed; the last lags stay, and their age grows."""
        self._failures += 1

    def collect(self) -> Iterator[Metric]:
        """Return the age of the lags and the number of failures."""
        age, failures = declared.GROUP_LAG_AGE, declared.GROUP_LAG_FAILURES
        yield GaugeMetricFamily(age.name, age.sentence, value=self._monotonic() - self._read_at)
        yield CounterMetricFamily(failures.name, failures.sentence, value=self._failures)
