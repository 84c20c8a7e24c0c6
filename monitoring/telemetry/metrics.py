"""Metrics of a scoring worker: one class records them, one registry exposes them.

A poll takes a fixed number of calls, with whole arrays: at 500 leads a batch the metrics cost well
under half a microsecond a lead (a test in ``tests/unit/monitoring`` checks it).
"""

from __future__ import annotations

import platform
from collections.abc import Mapping, Sequence
from typing import Literal, get_args

import numpy as np
from numpy.typing import NDArray
from prometheus_client import (
    CollectorRegistry,
    Info,
    ProcessCollector,
    disable_created_metrics,
)

from monitoring.telemetry.declarations import DECLARATIONS, Declaration
from monitoring.telemetry.declarations import score as declared
from monitoring.telemetry.histogram import ArrayHistogram, Tally
from monitoring.telemetry.model_metrics import ModelMetrics
from monitoring.telemetry.role_registry import RoleRegistry
from monitoring.telemetry.schema_metrics import SchemaMetrics
from monitoring.telemetry.source_recorder import (
    PartitionLag,
    SourceRecorder,
    SourceState,
    counter_of,
)
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


class Metrics(ModelMetrics, SourceRecorder):
    """Records the metrics of a scoring worker.

    Parameters
    ----------
    registry
        Where the metrics are exposed; each instance needs one of its own.
    version
        Version of LeadScore.

    Attributes
    ----------
    registry
        As given.
    schemas
        The lookups of schema ids.
    """

    def __init__(self, registry: CollectorRegistry, *, version: str) -> None:
        ModelMetrics.__init__(self, registry)
        SourceRecorder.__init__(self, registry)
        self.schemas = SchemaMetrics(registry)
        self._scored = counter_of(declared.LEADS_SCORED, registry)
        self._dead_letters = counter_of(declared.DEAD_LETTERS, registry)
        self._dropped = counter_of(declared.DROPPED_RECORDS, registry)
        self._low_coverage = counter_of(declared.LOW_COVERAGE_LEADS, registry)
        self._out_of_order = counter_of(declared.OUT_OF_ORDER_LEADS, registry)
        self._foreign_commits = counter_of(declared.FOREIGN_COMMITS, registry)
        self._foreign_offsets = counter_of(declared.FOREIGN_COMMIT_OFFSETS, registry)
        self._pinned_model_missing = counter_of(declared.PINNED_MODEL_MISSING, registry)
        self._batch_records = _tally(declared.BATCH_RECORDS, BATCH_BOUNDS, registry)
        stages = _histogram(declared.STAGE_DURATION, STAGE_BOUNDS, registry, get_args(Stage))
        self._stages = {stage: stages.of(stage) for stage in get_args(Stage)}
        self._scoring = _tally(declared.SCORING_DURATION, LATENCY_BOUNDS, registry)
        self._event_to_scored = _tally(declared.EVENT_TO_SCORED, LATENCY_BOUNDS, registry)
        self._scores = _tally(declared.SCORE, SHARE_BOUNDS, registry)
        self._coverage = _tally(declared.FEATURE_COVERAGE, SHARE_BOUNDS, registry)
        _info(declared.BUILD_INFO, registry).info(
            {"version": version, "python": platform.python_version()}
        )
        for code in ErrorCode:  # a rate needs the zero before the first dead letter
            self._dead_letters.labels(code.value)

    def observe_stage(self, stage: Stage, seconds: float) -> None:
        """Observe the time that a poll or a batch spent in a stage."""
        self._stages[stage].observe(seconds)

    def observe_scoring(self, seconds: float) -> None:
        """Observe the time from the start of a poll until its scored events were encoded."""
        self._scoring.observe(seconds)

    def observe_batches(
        self,
        *,
        consumed: Sequence[int],
        scores: NDArray[np.float32],
        coverage: NDArray[np.float32],
        low_coverage: NDArray[np.bool_],
        latency_seconds: NDArray[np.float64],
        dead_letters: Mapping[ErrorCode, int],
        dropped: int = 0,
    ) -> None:
        """Count completed batches: all their outputs were delivered.

        Parameters
        ----------
        consumed
            Number of records in each batch.
        scores
            Shape (n,): calibrated probabilities of their scored leads.
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
        for records in consumed:
            self._batch_records.observe(records)
        self._scored.inc(len(scores))
        for code, records in dead_letters.items():
            self._dead_letters.labels(code.value).inc(records)
        if dropped:
            self._dropped.inc(dropped)
        self._scores.observe_many(scores)
        self._coverage.observe_many(coverage)
        self._event_to_scored.observe_many(latency_seconds)
        if few := int(np.count_nonzero(low_coverage)):
            self._low_coverage.inc(few)

    def leads_out_of_order(self, leads: int) -> None:
        """Count leads that are too far out of order to be counted for drift."""
        self._out_of_order.inc(leads)

    def foreign_commit(self, topic: str, partition: int, direction: str, offsets: int) -> None:
        """Count a commit that no LeadScore worker made, and the offsets that it moved by."""
        self._foreign_commits.labels(topic, str(partition), direction).inc()
        if offsets:
            self._foreign_offsets.labels(direction).inc(offsets)

    def pinned_model_missing(self) -> None:
        """Count a partition whose pinned model can't be loaded."""
        self._pinned_model_missing.inc()


def worker_registry(role: str | None = None) -> CollectorRegistry:
    """Return a registry that also exposes the process's CPU time, memory and open files.

    With a role, all samples have it as a label.

    Disables the client's ``_created`` series for the whole process: they nearly double the number
    of series, and nothing uses them.
    """
    disable_created_metrics()  # type: ignore[no-untyped-call]
    registry = CollectorRegistry() if role is None else RoleRegistry(role)
    ProcessCollector(registry=registry)
    return registry


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
