"""Metrics of the REST server."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from monitoring.telemetry.rest_metrics import RestMetrics


def test_requests_batches_and_look_ups_are_counted() -> None:
    registry = CollectorRegistry()
    metrics = RestMetrics(registry)
    value = registry.get_sample_value
    assert value("leadscore_prediction_cache_total", {"result": "hit"}) == 0
    metrics.answered("/score-lead", 200, 0.002)
    metrics.answered("/score-lead", 422, 0.2)
    metrics.scored_batch(3)
    metrics.looked_up(True)
    metrics.looked_up(False)
    of_route = {"route": "/score-lead"}
    assert value("leadscore_http_requests_total", {**of_route, "status": "422"}) == 1
    assert value("leadscore_http_request_seconds_count", of_route) == 2
    assert value("leadscore_http_request_seconds_bucket", {**of_route, "le": "0.0025"}) == 1
    assert value("leadscore_http_batch_leads_sum") == 3
    assert value("leadscore_prediction_cache_total", {"result": "hit"}) == 1
