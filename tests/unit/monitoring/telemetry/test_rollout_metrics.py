"""Metrics of rollouts: the step, and how rollouts end."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from monitoring.telemetry.declarations import DECLARATIONS
from monitoring.telemetry.rollout_metrics import RolloutMetrics


def test_every_declared_metric_is_shown_from_the_first_step_on() -> None:
    registry = CollectorRegistry()
    metrics = RolloutMetrics(registry, ["errors"])
    assert (
        registry.get_sample_value("leadscore_rollout_rollbacks_total", {"trigger": "errors"}) == 0
    )
    metrics.active(True)
    metrics.share(10)
    metrics.leads("canary", scored=5, dead=2, failed=1)
    metrics.rolled_back("errors")
    metrics.promoted()
    labels = {"model": "canary", "outcome": "dead"}
    assert registry.get_sample_value("leadscore_rollout_leads", labels) == 2
    assert (
        registry.get_sample_value("leadscore_rollout_rollbacks_total", {"trigger": "errors"}) == 1
    )
    shown = generate_latest(registry).decode()
    missing = [at.name for at in DECLARATIONS if at.shown_by == "rollout" and at.name not in shown]
    assert missing == []
