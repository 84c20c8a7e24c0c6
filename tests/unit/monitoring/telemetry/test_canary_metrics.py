"""Metrics of the canary: its share, what scored the leads, and failed loads."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from monitoring.telemetry.canary_metrics import CanaryMetrics


def test_share_arms_and_failed_loads_are_shown() -> None:
    registry = CollectorRegistry()
    metrics = CanaryMetrics(registry)
    assert registry.get_sample_value("leadscore_canary_leads_total", {"arm": "fallback"}) == 0
    metrics.share(12.5)
    metrics.scored("canary", 3)
    metrics.scored("canary", 4)
    metrics.failing(True)
    assert registry.get_sample_value("leadscore_canary_share") == 12.5
    assert registry.get_sample_value("leadscore_canary_leads_total", {"arm": "canary"}) == 7
    assert registry.get_sample_value("leadscore_canary_load_failing") == 1
    metrics.failing(False)
    assert registry.get_sample_value("leadscore_canary_load_failing") == 0
