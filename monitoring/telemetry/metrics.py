"""Metrics of a scoring worker: one class records them, one registry exposes them.

A batch takes a fixed number of calls, with whole arrays: at 500 leads a batch the metrics cost well
under half a microsecond a lead (a test in ``tests/unit/monitoring`` checks it).
"""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Literal, NamedTuple, get_args

import numpy as np
from numpy.typing import NDArray
from prometheus_client import (
    CollectorRegistry,
    Counter,
    Info,
    ProcessCollector,
    disable_created_metrics,
)
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitoring.telemetry import declarations as declared
from monitoring.telemetry.declarations import DECLARATIONS, Declaration
from monitoring.telemetry.histogram import ArrayHistogram, Tally
from monitoring.telemetry.model_metrics import ModelMetrics
from schemas.errors import ErrorCode

__all__ = [
    "DECLARATIONS",
    "Declaration",
    "Metrics",
    "PartitionLag",
    "SourceState",
    "Stage",
    "worker_registry",
]

# fmt: off
BATCH_BOUNDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)
STAGE_BOUNDS = (.0001, .0002, .0005, .001, .002, .005, .01, .02, .05, .1, .2, .5, 1, 2, 5, 10)
LATENCY_BOUNDS = (
    .001, .002, .003, .005, .0075, .01, .02, .03, .05, .075, .1, .2, .3, .5, 1, 2, 5, 10, 30, 60,
)
# fmt: on
SHARE_BOUNDS = tuple(step / 20 for step in range(1, 21))


Stage = Literal["decode", "features", "model", "encode", "drift", "deliver"]
"""A stage of processing whose time is measured."""


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


class Metrics(ModelMetrics):
    """Records the metrics of a scoring worker.

    Parameters
    ----------
    registry
        Where the metrics are exposed; each instance needs one of its own.
    version
        Version of LeadScore.
    """

    def __init__(self, registry: CollectorRegistry, *, version: str) -> None:
        super().__init__(registry)
        self._consumed = _counter(declared.RECORDS_CONSUMED, registry)
        self._consumed_of: dict[tuple[str, int], Counter] = {}
        self._scored = _counter(declared.LEADS_SCORED, registry)
        self._dead_letters = _counter(declared.DEAD_LETTERS, registry)
        self._dropped = _counter(declared.DROPPED_RECORDS, registry)
        self._low_coverage = _counter(declared.LOW_COVERAGE_LEADS, registry)
        self._out_of_order = _counter(declared.OUT_OF_ORDER_LEADS, registry)
        self._rebalances = _counter(declared.REBALANCES, registry)
        self._losses = _counter(declared.LOSSES, registry)
        self._lost_records = _counter(declared.LOST_RECORDS, registry)
        self._foreign_commits = _counter(declared.FOREIGN_COMMITS, registry)
        self._foreign_offsets = _counter(declared.FOREIGN_COMMIT_OFFSETS, registry)
        self._pinned_model_missing = _counter(declared.PINNED_MODEL_MISSING, registry)
        self._batch_records = _tally(declared.BATCH_RECORDS, BATCH_BOUNDS, registry)
        stages = _histogram(declared.STAGE_DURATION, STAGE_BOUNDS, registry, get_args(Stage))
        self._stages = {stage: stages.of(stage) for stage in get_args(Stage)}
        self._scoring = _tally(declared.SCORING_DURATION, LATENCY_BOUNDS, registry)
        self._event_to_scored = _tally(declared.EVENT_TO_SCORED, LATENCY_BOUNDS, registry)
        self._scores = _tally(declared.SCORE, SHARE_BOUNDS, registry)
        self._coverage = _tally(declared.FEATURE_COVERAGE, SHARE_BOUNDS, registry)
        self._source = _SourceCollector()
        registry.register(self._source)
        _info(declared.BUILD_INFO, registry).info(
            {"version": version, "python": platform.python_version()}
        )
        for code in ErrorCode:  # a rate needs the zero before the first dead letter
            self._dead_letters.labels(code.value)

    def batch_consumed(self, topic: str, partition: int, records: int) -> None:
        """Count a batch that was consumed from a partition."""
        # Cached, as the client's `labels` costs as much as all the rest of this method.
        counter = self._consumed_of.get((topic, partition))
        if counter is None:
            counter = self._consumed.labels(topic, str(partition))
            self._consumed_of[topic, partition] = counter
        counter.inc(records)

    def observe_stage(self, stage: Stage, seconds: float) -> None:
        """Observe the time that a poll or a batch spent in a stage."""
        self._stages[stage].observe(seconds)

    def observe_scoring(self, seconds: float) -> None:
        """Observe the time from the start of a poll until its scored events were encoded."""
        self._scoring.observe(seconds)

    def observe_batch(
        self,
        *,
        consumed: int,
        scores: NDArray[np.float32],
        coverage: NDArray[np.float32],
        low_coverage: NDArray[np.bool_],
        latency_seconds: NDArray[np.float64],
        dead_letters: Mapping[ErrorCode, int],
        dropped: int = 0,
    ) -> None:
        """Count a completed batch: all its outputs were delivered.

        Parameters
        ----------
        consumed
            Number of records in the batch.
        scores
            Shape (n,): calibrated probabilities of its scored leads.
        coverage
            Shape (n,): feature coverage of each.
        low_coverage
            Shape (n,): whether its coverage is below the minimum.
        latency_seconds
            Shape (m,): time since the lead's Kafka timestamp, for the m of the n leads whose
            timestamp is plausible.
        dead_letters
            Number of dead letters by error code.
        dropped
            Number of records without an output.
        """
        self._batch_records.observe(consumed)
        self._scored.inc(len(scores))
        for code, records in dead_letters.items():
            self._dead_letters.labels(code.value).inc(records)
        self._dropped.inc(dropped)
        self._scores.observe_many(scores)
        self._coverage.observe_many(coverage)
        self._event_to_scored.observe_many(latency_seconds)
        self._low_coverage.inc(int(np.count_nonzero(low_coverage)))

    def leads_out_of_order(self, leads: int) -> None:
        """Count leads that are too far out of order to be counted for drift."""
        self._out_of_order.inc(leads)

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

    def foreign_commit(self, topic: str, partition: int, direction: str, offsets: int) -> None:
        """Count a commit that no LeadScore worker made, and the offsets that it moved by."""
        self._foreign_commits.labels(topic, str(partition), direction).inc()
        if offsets:
            self._foreign_offsets.labels(direction).inc(offsets)

    def pinned_model_missing(self) -> None:
        """Count a partition whose pinned model can't be loaded."""
        self._pinned_model_missing.inc()

    def watch_source(self, state: Callable[[], SourceState]) -> None:
        """Call ``state`` for lag, commit age, assignment and readiness on each scrape.

        So the lag of a revoked partition disappears, and nothing is computed between scrapes.
        Before this call the worker is reported as not ready, with no partition assigned.
        """
        self._source.state = state


def worker_registry() -> CollectorRegistry:
    """Return a registry that also exposes the process's CPU time, memory and open files.

    Disables the client's ``_created`` series for the whole process: they nearly double the number
    of series, and nothing uses them.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry()
    ProcessCollector(registry=registry)
    return registry


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


def _counter(metric: Declaration, registry: CollectorRegistry) -> Counter:
    return Counter(metric.name, metric.sentence, metric.labels, registry=registry)


def _gauge(metric: Declaration) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.sentence, labels=metric.labels)


def _histogram(
    metric: Declaration,
    bounds: tuple[float, ...],
    registry: CollectorRegistry,
    values: tuple[str, ...] = (),
) -> ArrayHistogram:
    (label,) = metric.labels or (None,)
    return ArrayHistogram(metric.name, metric.sentence, bounds, registry, label, values)


def _tally(metric: Declaration, bounds: tuple[float, ...], registry: CollectorRegistry) -> Tally:
    return _histogram(metric, bounds, registry).of()


def _info(metric: Declaration, registry: CollectorRegistry) -> Info:
    # The client adds the suffix itself. Labels are set with the values, so that a new model
    # replaces the old one instead of adding a series.
    return Info(metric.name.removesuffix("_info"), metric.sentence, registry=registry)
