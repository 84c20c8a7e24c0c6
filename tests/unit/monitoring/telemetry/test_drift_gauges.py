from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from monitoring.drift.assessment import Assessment
from monitoring.drift.diagnosis import Diagnosis
from monitoring.drift.field_drift import DriftState, FieldDrift
from monitoring.telemetry.declarations import DECLARATIONS
from monitoring.telemetry.drift_gauges import DriftMetrics
from tests.unit.drift_assessments import of_too_few

JOB = FieldDrift(
    name="job",
    is_score=False,
    state=DriftState.WARN,
    is_drifted=True,
    test="chi2",
    psi=0.4,
    psi_noise=0.01,
    kl=0.2,
    js=0.05,
    statistic=99.0,
    p_value=0.001,
    p_adjusted=0.002,
    missing=0.3,
    missing_reference=0.1,
    unseen=0.05,
    unseen_reference=0.04,
)
AGE = FieldDrift(
    name="age",
    is_score=False,
    state=DriftState.OK,
    is_drifted=False,
    test="ks",
    psi=0.02,
    psi_noise=0.01,
    kl=0.01,
    js=0.01,
    statistic=0.01,
    p_value=0.8,
    p_adjusted=0.8,
    missing=0.0,
    missing_reference=0.0,
)
SCORE = replace(AGE, name="score", is_score=True, psi=0.3, p_value=0.004, missing=None)
HOUR = Assessment(
    name="1h",
    start=0,
    end=3_600_000,
    leads=5000,
    state=DriftState.CRITICAL,
    drifted_share=0.5,
    weighted_share=0.8,
    is_drift=True,
    is_prediction_drift=True,
    engagement=0.45,
    is_engagement_healthy=False,
    coverage=0.9,
    diagnosis=Diagnosis.COVARIATE_AND_PREDICTION,
    fields=(JOB, AGE, SCORE),
)
FEW = of_too_few(HOUR, 12)


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def metrics(registry: CollectorRegistry) -> DriftMetrics:
    return DriftMetrics(registry)


def shown(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    """Every series by its name without the prefix and its labels' values."""
    return {
        (sample.name.removeprefix("leadscore_drift_"), *sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_a_horizon_is_shown_field_by_field(metrics: Any, registry: Any) -> None:
    metrics.show(HOUR)
    series = shown(registry)
    assert series["leads", "1h"] == 5000
    assert series["field_psi_ratio", "job", "1h"] == 0.4
    assert series["field_p_value_ratio", "job", "1h"] == 0.002
    assert series["field_missing_change_ratio", "job", "1h"] == pytest.approx(0.2)
    assert series["field_unseen_change_ratio", "job", "1h"] == pytest.approx(0.01)
    assert series["field_drifted", "job", "1h"] == 1
    assert series["field_drifted", "age", "1h"] == 0
    assert series["share_ratio", "1h"] == 0.5
    assert series["prediction_drift", "1h"] == 1
    assert series["score_psi_ratio", "1h"] == 0.3
    assert series["score_p_value_ratio", "1h"] == 0.004
    assert series["engagement_ratio", "1h"] == 0.45


def test_the_score_is_no_field_and_a_number_has_no_unseen_levels(
    metrics: Any, registry: Any
) -> None:
    metrics.show(HOUR)
    series = shown(registry)
    assert not [labels for labels in series if "score" in labels[1:]]
    assert ("field_unseen_ratio", "age", "1h") not in series
    assert ("field_missing_ratio", "age", "1h") in series


def test_too_few_leads_have_no_gauge_but_their_number(metrics: Any, registry: Any) -> None:
    metrics.show(HOUR)
    day = replace(HOUR, name="24h", leads=9999)
    metrics.show(day)
    metrics.show(FEW)
    series = shown(registry)
    assert {labels: value for labels, value in series.items() if "1h" in labels} == {
        ("leads", "1h"): 12
    }
    assert series["field_psi_ratio", "job", "24h"] == 0.4


def test_a_field_that_another_model_does_not_read_is_gone(metrics: Any, registry: Any) -> None:
    metrics.show(HOUR)
    metrics.show(replace(HOUR, fields=(AGE, SCORE)))
    assert not [labels for labels in shown(registry) if "job" in labels]


def test_before_anything_is_known_nothing_is_shown_but_counters_at_zero(
    metrics: Any, registry: Any
) -> None:
    assert shown(registry) == {
        ("late_leads_total",): 0,
        ("windows_closed_total",): 0,
        ("windows_closed_early_total",): 0,
        ("partials_total",): 0,
    }


def test_events_are_counted(metrics: Any, registry: Any) -> None:
    metrics.alarm(detector="adwin", stream="score", is_confirmed=True)
    metrics.alarm(detector="adwin", stream="score", is_confirmed=False)
    metrics.alarm(detector="adwin", stream="score", is_confirmed=False)
    metrics.late(7)
    metrics.window_closed()
    metrics.windows_closed_early(5)
    metrics.partials_taken(3)
    series = shown(registry)
    assert series["alarms_total", "adwin", "score", "true"] == 1
    assert series["alarms_total", "adwin", "score", "false"] == 2
    assert series["late_leads_total",] == 7
    assert series["windows_closed_total",] == 1
    assert series["windows_closed_early_total",] == 5
    assert series["partials_total",] == 3


def test_the_watermark_is_in_seconds_and_absent_before_the_first_lead(
    metrics: Any, registry: Any
) -> None:
    metrics.watermark(None)
    assert ("watermark_seconds",) not in shown(registry)
    metrics.watermark(1_700_000_000_500)
    assert shown(registry)["watermark_seconds",] == 1_700_000_000.5


def test_another_worker_s_values_hold_once_it_has_the_table(metrics: Any, registry: Any) -> None:
    metrics.show(HOUR)
    metrics.show_engagement_range(0.15, 0.4)
    metrics.open_windows(2)
    metrics.late(7)
    metrics.forget()
    assert set(shown(registry)) == {
        ("late_leads_total",),
        ("windows_closed_total",),
        ("windows_closed_early_total",),
        ("partials_total",),
    }


def test_exposed_metrics_are_the_declared_ones(metrics: Any, registry: Any) -> None:
    metrics.show(HOUR)
    metrics.show_engagement_range(0.15, 0.4)
    metrics.rolling(mean=0.3, variance=0.02, quantiles={0.1: 0.1, 0.5: 0.3, 0.9: 0.6})
    metrics.alarm(detector="windowed", stream="all", is_confirmed=True)
    metrics.watermark(1)
    metrics.open_windows(2)
    exposed = {}
    for family in text_string_to_metric_families(generate_latest(registry).decode()):
        samples = [each for each in family.samples if not each.name.endswith("_created")]
        for sample in samples:
            labels = set(sample.labels)
            exposed[sample.name] = (family.type, family.documentation, labels)
    assert exposed == {
        metric.name: (metric.type, metric.sentence, set(metric.labels))
        for metric in DECLARATIONS
        if metric.shown_by == "drift"
    }


def test_a_horizon_that_a_window_does_not_have_is_gone(metrics: Any, registry: Any) -> None:
    metrics.show_window([HOUR, replace(HOUR, name="longer")])
    metrics.show_window([HOUR])
    assert not [labels for labels in shown(registry) if "longer" in labels]
    assert ("leads", "1h") in shown(registry)
