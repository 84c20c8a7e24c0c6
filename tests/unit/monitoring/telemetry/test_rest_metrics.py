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


def test_written_leads_look_ups_and_readiness_are_shown() -> None:
    registry = CollectorRegistry()
    metrics = RestMetrics(registry)
    value = registry.get_sample_value
    assert value("leadscore_lead_store_up") is None
    metrics.lead_store_up(False)
    metrics.looked_up_leads(found=3, unknown=1, seconds=0.002)
    metrics.wrote_leads(5, True)
    metrics.wrote_leads(2, False)
    metrics.dropped_lines(4)
    states = [True, False]
    metrics.show_ready(lambda: states.pop())
    assert value("leadscore_lead_store_up") == 0
    assert value("leadscore_lead_store_ids_total", {"result": "found"}) == 3
    assert value("leadscore_lead_store_ids_total", {"result": "unknown"}) == 1
    assert value("leadscore_lead_store_seconds_count") == 1
    assert value("leadscore_http_written_leads_total", {"outcome": "acknowledged"}) == 5
    assert value("leadscore_http_written_leads_total", {"outcome": "failed"}) == 2
    assert value("leadscore_http_log_dropped_lines_total") == 4
    assert (value("leadscore_ready"), value("leadscore_ready")) == (0, 1)
