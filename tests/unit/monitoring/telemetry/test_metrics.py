import shutil
import subprocess
import time
from collections import Counter
from typing import Any, get_args

import numpy as np
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from monitoring.drift.assessment import Assessment
from monitoring.drift.diagnosis import Diagnosis
from monitoring.drift.field_drift import DriftState, FieldDrift
from monitoring.telemetry.canary_metrics import CanaryMetrics
from monitoring.telemetry.drift_gauges import DriftMetrics
from monitoring.telemetry.histogram import GATHERED
from monitoring.telemetry.lag_gauges import GroupLagGauges, GroupPartition
from monitoring.telemetry.metrics import (
    DECLARATIONS,
    Metrics,
    PartitionLag,
    SourceState,
    Stage,
    worker_registry,
)
from monitoring.telemetry.rest_metrics import RestMetrics
from monitoring.telemetry.snapshot_metrics import LastSnapshot, SnapshotMetrics
from schemas.errors import ErrorCode, LoadFailure
from schemas.model_identity import ModelIdentity

BATCH: dict[str, Any] = {
    "consumed": [4],
    "scores": np.array([0.1, 0.5, 0.9], dtype=np.float32),
    "coverage": np.array([1.0, 0.6, 0.5], dtype=np.float32),
    "low_coverage": np.array([False, False, True]),
    "latency_seconds": np.array([0.004, 0.006, 0.2]),
    "dead_letters": Counter({ErrorCode.DECODE: 1}),
}


def filled() -> Metrics:
    """Metrics of a worker that has done everything once."""
    metrics = Metrics(worker_registry(), version="1.2.3")
    CanaryMetrics(metrics.registry).scored("canary", 4)
    metrics.batch_consumed("leads.created", 3, 4)
    metrics.observe_batches(**BATCH)
    for stage in get_args(Stage):
        metrics.observe_stage(stage, 0.002)
    metrics.observe_scoring(0.004)
    metrics.rebalanced()
    metrics.records_lost("leads.created", 3, "retention", 17)
    metrics.model_load_failed(LoadFailure.INCOMPLETE)
    metrics.model_load_failing(True)
    metrics.foreign_commit("leads.created", 3, "forward", 50)
    metrics.pinned_model_missing()
    metrics.model_loaded(
        ModelIdentity("bank", "7", "ab"),
        engine="onnx",
        calibration="platt",
        published=1.7e9,
    )
    metrics.watch_source(
        lambda: SourceState(
            lags=(PartitionLag("leads.created", 3, 12, 1.5, 30.0),),
            assigned_partitions=1,
            last_commit_age=0.25,
            is_ready=True,
            stuck={("leads.created", 3): False},
        )
    )
    return metrics


def value(metrics: Metrics, name: str, **labels: str) -> float | None:
    return metrics.registry.get_sample_value(name, labels)


def test_a_batch_is_counted() -> None:
    metrics = filled()
    consumed = value(
        metrics, "leadscore_records_consumed_total", topic="leads.created", partition="3"
    )
    assert consumed == 4
    assert value(metrics, "leadscore_leads_scored_total") == 3
    assert value(metrics, "leadscore_dead_letters_total", code="DECODE") == 1
    assert value(metrics, "leadscore_batch_records_sum") == 4
    assert value(metrics, "leadscore_score_ratio_bucket", le="0.5") == 2
    assert value(metrics, "leadscore_feature_coverage_ratio_count") == 3
    assert value(metrics, "leadscore_event_to_scored_seconds_sum") == pytest.approx(0.21)


def test_coverage_at_the_minimum_is_not_low() -> None:
    assert value(filled(), "leadscore_low_coverage_leads_total") == 1


def test_a_batch_of_dead_letters_only_is_counted() -> None:
    metrics = Metrics(CollectorRegistry(), version="1")
    nothing = np.empty(0, dtype=np.float32)
    metrics.observe_batches(
        consumed=[2],
        scores=nothing,
        coverage=nothing,
        low_coverage=nothing > 1,
        latency_seconds=np.empty(0),
        dead_letters={ErrorCode.TYPE: 2},
    )
    assert value(metrics, "leadscore_dead_letters_total", code="TYPE") == 2
    assert value(metrics, "leadscore_leads_scored_total") == 0


def test_every_code_is_there_before_the_first_dead_letter() -> None:
    metrics = Metrics(CollectorRegistry(), version="1")
    for code in ErrorCode:
        assert value(metrics, "leadscore_dead_letters_total", code=code) == 0


def test_losses_are_counted_and_their_records() -> None:
    metrics = filled()
    metrics.records_lost("leads.created", 3, "retention", 5)
    where = {"topic": "leads.created", "partition": "3", "reason": "retention"}
    assert value(metrics, "leadscore_losses_total", **where) == 2
    assert value(metrics, "leadscore_lost_records_total", **where) == 22


def test_every_stage_has_its_own_series() -> None:
    metrics = filled()
    for stage in get_args(Stage):
        assert value(metrics, "leadscore_stage_duration_seconds_count", stage=stage) == 1


def test_the_source_is_asked_when_metrics_are_read() -> None:
    metrics = filled()
    where = {"topic": "leads.created", "partition": "3"}
    assert value(metrics, "leadscore_lag_records", **where) == 12
    assert value(metrics, "leadscore_lag_seconds", **where) == 1.5
    assert value(metrics, "leadscore_last_commit_age_seconds") == 0.25
    assert value(metrics, "leadscore_ready") == 1
    metrics.watch_source(lambda: SourceState((), 0, None, False))
    assert value(metrics, "leadscore_lag_records", **where) is None
    assert value(metrics, "leadscore_last_commit_age_seconds") is None
    assert value(metrics, "leadscore_assigned_partitions") == 0
    assert value(metrics, "leadscore_ready") == 0


def test_before_it_watches_a_source_the_worker_is_not_ready() -> None:
    metrics = Metrics(CollectorRegistry(), version="1")
    assert value(metrics, "leadscore_ready") == 0
    assert value(metrics, "leadscore_assigned_partitions") == 0


def test_a_new_model_replaces_the_old_one() -> None:
    metrics = filled()
    metrics.model_loaded(ModelIdentity("bank", "8", "cd"), engine="xgboost", calibration="none")
    assert value(metrics, "leadscore_model_published_timestamp_seconds") is None
    models = [
        sample
        for family in metrics.registry.collect()
        for sample in family.samples
        if sample.name == "leadscore_model_info"
    ]
    assert [model.labels["version"] for model in models] == ["8"]


def test_metrics_of_the_process_stand_beside_ours() -> None:
    assert filled().registry.get_sample_value("process_cpu_seconds_total") is not None


def of_a_worker() -> CollectorRegistry:
    return filled().registry


def of_a_drift_worker() -> CollectorRegistry:
    """Every gauge and counter of drift, with values."""
    registry = CollectorRegistry()
    drift = DriftMetrics(registry)
    field = FieldDrift(
        "job",
        False,
        DriftState.WARN,
        True,
        "chi2",
        *(0.3, 0.01, 0.2, 0.1, 9.0, 0.01, 0.02, 0.1, 0.0, 0.2, 0.1),
    )
    score = FieldDrift("score", True, DriftState.OK, False, "ks", 0.1, 0.01, 0.1, 0.1, 0.2, 0.3)
    drift.show(
        Assessment(
            name="5m",
            start=0,
            end=300_000,
            leads=2000,
            state=DriftState.WARN,
            drifted_share=1.0,
            weighted_share=1.0,
            is_drift=True,
            is_prediction_drift=False,
            engagement=0.2,
            is_engagement_healthy=True,
            coverage=1.0,
            diagnosis=Diagnosis.COVARIATE,
            fields=(field, score),
        )
    )
    drift.show_engagement_range(0.1, 0.4)
    drift.rolling(mean=0.2, variance=0.01, quantiles={0.5: 0.2})
    drift.alarm(detector="adwin", stream="score", is_confirmed=True)
    drift.late(1)
    drift.window_closed()
    drift.windows_closed_early(1)
    drift.partials_taken(1)
    drift.watermark(1_760_000_000_000)
    drift.open_windows(1)
    return registry


def of_the_snapshot_job() -> CollectorRegistry:
    registry = CollectorRegistry()
    SnapshotMetrics(registry, period=3600, last=LastSnapshot(1.76e9, 12.0, 1000, 0.1), failures=1)
    return registry


def of_the_lag_exporter() -> CollectorRegistry:
    registry = CollectorRegistry()
    gauges = GroupLagGauges(registry, lambda: 0.0)
    gauges.succeeded([GroupPartition("g", "leads.created", 0, 12, 1.5, 30.0, 0, is_known=True)])
    return registry


def of_the_rest_server() -> CollectorRegistry:
    metrics = RestMetrics(CollectorRegistry())
    metrics.answered("/score-lead", 200, 0.01)
    metrics.scored_batch(1)
    return metrics.registry


@pytest.mark.parametrize(
    ("made", "shower"),
    [
        (of_a_worker, "score"),
        (of_a_drift_worker, "drift"),
        (of_the_snapshot_job, "snapshot"),
        (of_the_lag_exporter, "lag"),
        (of_the_rest_server, "rest"),
    ],
)
def test_prometheus_finds_nothing_to_blame(made: Any, shower: str) -> None:
    promtool = shutil.which("promtool")
    if promtool is None:
        pytest.skip("promtool is not installed (Debian: apt-get install prometheus)")
    shown = generate_latest(made())
    missing = [
        d.name for d in DECLARATIONS if d.shown_by == shower and d.name not in shown.decode()
    ]
    assert missing == []
    verdict = subprocess.run(
        [promtool, "check", "metrics"], input=shown, capture_output=True, check=False
    )
    assert (verdict.returncode, verdict.stdout, verdict.stderr) == (0, b"", b"")


def test_a_lead_costs_less_than_the_budget_of_metrics() -> None:
    # 2 % of the 20 µs that a lead may cost; the best of many runs, to see past other processes.

    metrics = filled()
    leads = 500
    shares = np.linspace(0, 1, leads, dtype=np.float32)
    latency = np.linspace(0, 1, leads)

    def batch() -> None:
        metrics.batch_consumed("leads.created", 3, leads)
        for stage in get_args(Stage):
            metrics.observe_stage(stage, 0.002)
        metrics.observe_scoring(0.004)
        metrics.observe_batches(
            consumed=[leads],
            scores=shares,
            coverage=shares,
            low_coverage=shares < 0.6,
            latency_seconds=latency,
            dead_letters={ErrorCode.DECODE: 5},
        )

    def seconds() -> float:
        started = time.perf_counter()
        for _ in range(GATHERED):
            batch()
        return (time.perf_counter() - started) / GATHERED

    assert min(seconds() for _ in range(20)) / leads < 0.4e-6
