"""Metrics of the model in service."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from monitoring.telemetry.model_metrics import ModelMetrics
from schemas.errors import LoadFailure
from schemas.model_identity import ModelIdentity


def test_a_new_model_replaces_the_one_before() -> None:
    metrics = ModelMetrics(CollectorRegistry())
    for version in ("1", "2"):
        metrics.model_loaded(
            ModelIdentity("leads", version, version * 4),
            engine="onnx",
            calibration="platt",
            published=7.0,
        )
    [family] = [it for it in metrics.registry.collect() if it.name == "leadscore_model"]
    [sample] = family.samples
    assert (sample.labels["version"], sample.labels["sha256"]) == ("2", "2222")
    published = metrics.registry.get_sample_value("leadscore_model_published_timestamp_seconds")
    assert published == 7.0


def test_every_reason_of_a_failure_has_a_series_before_the_first_failure() -> None:
    metrics = ModelMetrics(CollectorRegistry())
    metrics.model_load_failed(LoadFailure.CRASHED)
    metrics.model_load_failing(True)

    def failures(reason: LoadFailure) -> float | None:
        name, labels = "leadscore_model_load_failures_total", {"reason": reason.value}
        return metrics.registry.get_sample_value(name, labels)

    assert {reason: failures(reason) for reason in LoadFailure} == {
        reason: float(reason is LoadFailure.CRASHED) for reason in LoadFailure
    }
    assert metrics.registry.get_sample_value("leadscore_model_load_failing") == 1
