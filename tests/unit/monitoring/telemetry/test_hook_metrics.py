"""Metrics of the receiver of webhooks."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from monitoring.telemetry.declarations import DECLARATIONS
from monitoring.telemetry.hook_metrics import HookMetrics


def test_requests_and_webhooks_are_counted() -> None:
    registry = CollectorRegistry()
    metrics = HookMetrics(registry, ("generic",))
    value = registry.get_sample_value
    of_sender = {"source": "generic", "outcome": "written"}
    assert value("leadscore_hook_webhooks_total", of_sender) == 0
    assert value("leadscore_hook_webhooks_total", {**of_sender, "source": "hubspot"}) is None
    metrics.received("generic", {"written": 3, "repeated": 1})
    metrics.answered("/hooks/generic", 200, 0.02)
    assert value("leadscore_hook_webhooks_total", of_sender) == 3
    labels = {"route": "/hooks/generic", "status": "200"}
    assert value("leadscore_hook_requests_total", labels) == 1
    assert value("leadscore_hook_request_seconds_count", {"route": "/hooks/generic"}) == 1


def test_all_declared_metrics_are_shown() -> None:
    registry = CollectorRegistry()
    HookMetrics(registry)
    shown = {metric.name for metric in registry.collect()}
    declared = {at.name.removesuffix("_total") for at in DECLARATIONS if at.shown_by == "hooks"}
    assert declared == shown
