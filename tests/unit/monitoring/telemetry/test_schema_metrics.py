"""Metrics of the lookups of schema ids."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from monitoring.telemetry.schema_metrics import SchemaMetrics


def test_each_request_counts_under_its_outcome_and_all_outcomes_are_there_from_the_start() -> None:
    registry = CollectorRegistry()
    metrics = SchemaMetrics(registry)
    metrics.requested("failed")
    metrics.found_in_cache(3)
    metrics.waiting(2)
    name = "leadscore_schema_registry_requests_total"
    found = {
        outcome: registry.get_sample_value(name, {"outcome": outcome})
        for outcome in ("answered", "not_found", "failed")
    }
    assert found == {"answered": 0, "not_found": 0, "failed": 1}
    assert registry.get_sample_value("leadscore_schema_cache_hits_total") == 3
    assert registry.get_sample_value("leadscore_schema_waiting_partitions") == 2
