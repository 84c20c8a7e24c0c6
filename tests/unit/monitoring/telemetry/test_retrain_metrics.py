"""The metrics of the role trainer are those that are declared."""

from __future__ import annotations

from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from monitoring.telemetry.declarations import DECLARATIONS
from monitoring.telemetry.retrain_metrics import RetrainMetrics


def test_all_that_is_declared_is_shown() -> None:
    registry = CollectorRegistry()
    metrics = RetrainMetrics(registry)
    metrics.requested("drift")
    metrics.ignored("drift")
    metrics.ended("passed")
    metrics.running(True)
    metrics.waiting(datetime.fromtimestamp(1, UTC))
    labels = {"trigger": {"trigger": "drift"}, "outcome": {"outcome": "passed"}}
    declared = [metric for metric in DECLARATIONS if metric.shown_by == "trainer"]
    assert len(declared) == 5
    for metric in declared:
        [own] = [labels[label] for label in metric.labels] or [{}]
        assert registry.get_sample_value(metric.name, own) == 1, metric.name


def test_without_a_candidate_none_waits() -> None:
    registry = CollectorRegistry()
    metrics = RetrainMetrics(registry)
    metrics.waiting(datetime.fromtimestamp(1, UTC))
    metrics.waiting(None)
    name = "leadscore_retrain_candidate_waiting_timestamp_seconds"
    assert registry.get_sample_value(name) == 0
