"""Metrics of the snapshot job, and a count that survives the process."""

from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from monitoring.telemetry.declarations import DECLARATIONS
from monitoring.telemetry.snapshot_metrics import LastSnapshot, SnapshotMetrics, failures_in

DECLARED = {metric.name for metric in DECLARATIONS if metric.shown_by == "snapshot"}
LAST = LastSnapshot(finished_at=1_750_000_000.5, seconds=12.0, rows=10_000, drift_share=0.25)


@pytest.fixture
def registry() -> Any:
    return CollectorRegistry()


def shown(registry: Any) -> Any:
    lines = generate_latest(registry).decode().splitlines()
    return {line.split()[0]: float(line.split()[1]) for line in lines if line[0] != "#"}


def test_before_the_first_snapshot_only_the_period_and_no_failure_are_known(registry: Any) -> None:
    SnapshotMetrics(registry, period=3600)
    assert shown(registry) == {
        "leadscore_snapshot_period_seconds": 3600,
        "leadscore_snapshot_failures_total": 0,
    }


def test_after_a_snapshot_every_metric_that_is_declared_is_there(registry: Any) -> None:
    metrics = SnapshotMetrics(registry, period=60)
    metrics.failed()
    metrics.succeeded(LAST)
    assert shown(registry) == {
        "leadscore_snapshot_period_seconds": 60,
        "leadscore_snapshot_failures_total": 1,
        "leadscore_snapshot_last_success_timestamp_seconds": 1_750_000_000.5,
        "leadscore_snapshot_duration_seconds": 12,
        "leadscore_snapshot_rows": 10_000,
        "leadscore_snapshot_drift_share_ratio": 0.25,
    }
    assert shown(registry).keys() == DECLARED


def test_a_share_that_is_not_known_is_absent(registry: Any) -> None:
    metrics = SnapshotMetrics(registry, period=60, last=LAST)
    assert "leadscore_snapshot_drift_share_ratio" in shown(registry)
    metrics.succeeded(LAST._replace(drift_share=None))
    assert "leadscore_snapshot_drift_share_ratio" not in shown(registry)


def test_failures_are_read_back_from_what_was_written(registry: Any) -> None:
    SnapshotMetrics(registry, period=60, failures=7)
    assert failures_in(generate_latest(registry).decode()) == 7
    assert failures_in("") == 0
