"""Metrics of a batch source: every role that reads by one exposes them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from prometheus_client import CollectorRegistry, Counter
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitoring.telemetry.declarations import Declaration
from monitoring.telemetry.declarations import score as declared

__all__ = ["PartitionLag", "SourceRecorder", "SourceState", "counter_of"]


class PartitionLag(NamedTuple):
    """Consumer lag of a partition."""

    topic: str
    partition: int
    records: int
    seconds: float
    eta_seconds: float | None = None
    """Infinite if the backlog does not shrink; None if unknown."""


class SourceState(NamedTuple):
    """State of the batch source, read on each scrape."""

    lags: tuple[PartitionLag, ...]
    """One entry for each assigned partition whose end offset is known."""
    assigned_partitions: int
    last_commit_age: float | None
    """In seconds; None before the first commit."""
    is_ready: bool
    in_flight_bytes: int = 0
    longest_holds: Mapping[str, float] = MappingProxyType({"wall": 0.0, "cpu": 0.0})
    """Longest blocking time of the event loop, in seconds, by clock."""
    stuck: Mapping[tuple[str, int], bool] = MappingProxyType({})
    """Whether a partition makes no progress, by topic and number."""


class SourceRecorder:
    """Records what a batch source does.

    Parameters
    ----------
    registry
        Where the metrics are exposed; each instance needs one of its own.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self.registry = registry
        self._consumed = counter_of(declared.RECORDS_CONSUMED, registry)
        self._consumed_of: dict[tuple[str, int], Counter] = {}
        self._rebalances = counter_of(declared.REBALANCES, registry)
        self._losses = counter_of(declared.LOSSES, registry)
        self._lost_records = counter_of(declared.LOST_RECORDS, registry)
        self._source = _SourceCollector()
        registry.register(self._source)

    def batch_consumed(self, topic: str, partition: int, records: int) -> None:
        """Count a batch that was consumed from a partition."""
        # Cached, as the client's `labels` costs as much as all the rest of this method.
        counter = self._consumed_of.get((topic, partition))
        if counter is None:
            counter = self._consumed.labels(topic, str(partition))
            self._consumed_of[topic, partition] = counter
        counter.inc(records)

    def rebalanced(self) -> None:
        """Count an assignment of partitions."""
        self._rebalances.inc()

    def records_lost(self, topic: str, partition: int, reason: str, records: int) -> None:
        """Count records of a partition that can never be read.

        Parameters
        ----------
        topic, partition
            Partition of the records.
        reason
            One of ``stream.consume.lost_records.LossReason``.
        records
            Upper bound of their number.
        """
        self._losses.labels(topic, str(partition), reason).inc()
        self._lost_records.labels(topic, str(partition), reason).inc(records)

    def watch_source(self, state: Callable[[], SourceState]) -> None:
        """Call ``state`` for lag, commit age, assignment and readiness on each scrape.

        So the lag of a revoked partition disappears, and nothing is computed between scrapes.
        Before this call the worker is reported as not ready, with no partition assigned.
        """
        self._source.state = state


def _nothing_yet() -> SourceState:
    return SourceState(lags=(), assigned_partitions=0, last_commit_age=None, is_ready=False)


class _SourceCollector(Collector):
    """The gauges whose values are computed on a scrape."""

    def __init__(self) -> None:
        self.state: Callable[[], SourceState] = _nothing_yet

    def describe(self) -> Iterable[Metric]:
        return map(
            _gauge,
            (
                declared.LAG_RECORDS,
                declared.LAG_SECONDS,
                declared.LAG_ETA,
                declared.LAST_COMMIT_AGE,
                declared.ASSIGNED_PARTITIONS,
                declared.READY,
                declared.IN_FLIGHT_BYTES,
                declared.EVENT_LOOP_HOLD,
                declared.PARTITION_STUCK,
            ),
        )

    def collect(self) -> Iterable[Metric]:
        state = self.state()
        lag_records = _gauge(declared.LAG_RECORDS)
        lag_seconds = _gauge(declared.LAG_SECONDS)
        lag_eta = _gauge(declared.LAG_ETA)
        for lag in state.lags:
            where = (lag.topic, str(lag.partition))
            lag_records.add_metric(where, lag.records)
            lag_seconds.add_metric(where, lag.seconds)
            if lag.eta_seconds is not None:
                lag_eta.add_metric(where, lag.eta_seconds)
        commit_age = _gauge(declared.LAST_COMMIT_AGE)
        if state.last_commit_age is not None:
            commit_age.add_metric((), state.last_commit_age)
        assigned = _gauge(declared.ASSIGNED_PARTITIONS)
        assigned.add_metric((), state.assigned_partitions)
        ready = _gauge(declared.READY)
        ready.add_metric((), float(state.is_ready))
        in_flight = _gauge(declared.IN_FLIGHT_BYTES)
        in_flight.add_metric((), state.in_flight_bytes)
        hold = _gauge(declared.EVENT_LOOP_HOLD)
        for clock, seconds in state.longest_holds.items():
            hold.add_metric((clock,), seconds)
        stuck = _gauge(declared.PARTITION_STUCK)
        for (topic, partition), is_stuck in state.stuck.items():
            stuck.add_metric((topic, str(partition)), float(is_stuck))
        lags = lag_records, lag_seconds, lag_eta
        return *lags, commit_age, assigned, ready, in_flight, hold, stuck


def counter_of(metric: Declaration, registry: CollectorRegistry) -> Counter:
    """Make the counter that a declaration describes."""
    return Counter(metric.name, metric.sentence, metric.labels, registry=registry)


def _gauge(metric: Declaration) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.sentence, labels=metric.labels)
