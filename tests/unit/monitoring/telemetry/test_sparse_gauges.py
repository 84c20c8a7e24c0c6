"""Gauges that are absent while their value is unknown."""

from __future__ import annotations

import pytest
from prometheus_client import CollectorRegistry, generate_latest

from monitoring.telemetry.declarations import Declaration
from monitoring.telemetry.sparse_gauges import SparseGauges

AGE = Declaration("age_seconds", "gauge", "seconds", ("model",), "An age.")
PSI = Declaration("psi", "gauge", "", ("model", "field"), "A PSI.")


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@pytest.fixture
def gauges(registry: CollectorRegistry) -> SparseGauges:
    return SparseGauges([AGE, PSI], registry)


def values(registry: CollectorRegistry) -> dict[tuple[str, ...], float]:
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in registry.collect()
        for sample in family.samples
    }


def test_nothing_is_exposed_before_a_value_is_set(
    registry: CollectorRegistry, gauges: SparseGauges
) -> None:
    assert values(registry) == {}
    assert b"# TYPE age_seconds gauge" in generate_latest(registry)


def test_zero_is_a_value_and_none_removes_it(
    registry: CollectorRegistry, gauges: SparseGauges
) -> None:
    gauges.set(AGE, 0, "a")
    gauges.set(AGE, 3, "b")
    assert values(registry) == {("age_seconds", "a"): 0.0, ("age_seconds", "b"): 3.0}
    gauges.set(AGE, None, "a")
    gauges.set(AGE, None, "never set")
    assert values(registry) == {("age_seconds", "b"): 3.0}


def test_several_metrics_are_set_with_the_same_labels(
    registry: CollectorRegistry, gauges: SparseGauges
) -> None:
    gauges.set(PSI, 0.1, "a", "visits")
    gauges.set_all([(PSI, None)], "a", "visits")
    gauges.set_all([(PSI, 0.2)], "b", "visits")
    assert values(registry) == {("psi", "b", "visits"): 0.2}


def test_all_series_of_a_label_are_dropped_and_no_others(
    registry: CollectorRegistry, gauges: SparseGauges
) -> None:
    gauges.set(AGE, 1, "a")
    for model in ("a", "b"):
        gauges.set(PSI, 0.1, model, "visits")
    gauges.drop("model", "a")
    assert values(registry) == {("psi", "b", "visits"): 0.1}
    gauges.drop("field", "visits")
    assert values(registry) == {}


def test_clear_removes_every_series(registry: CollectorRegistry, gauges: SparseGauges) -> None:
    gauges.set(AGE, 1, "a")
    gauges.set(PSI, 0.1, "a", "visits")
    gauges.clear()
    assert values(registry) == {}


def test_a_gauge_that_is_registered_elsewhere_is_refused(
    registry: CollectorRegistry, gauges: SparseGauges
) -> None:
    with pytest.raises(ValueError, match="Duplicated timeseries"):
        SparseGauges([AGE], registry)
