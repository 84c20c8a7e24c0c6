"""The metrics of a replay are those that are declared."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from monitoring.telemetry.declarations import DECLARATIONS
from monitoring.telemetry.replay_metrics import ReplayMetrics


def test_all_that_is_declared_is_shown() -> None:
    registry = CollectorRegistry()
    metrics = ReplayMetrics(registry)
    metrics.show({"scored": 7, "expired": 2}, 5, yields=True)
    assert registry.get_sample_value("leadscore_replay_offsets", {"outcome": "scored"}) == 7
    assert registry.get_sample_value("leadscore_replay_remaining_offsets") == 5
    assert registry.get_sample_value("leadscore_replay_yields") == 1
    shown = generate_latest(registry).decode()
    for metric in DECLARATIONS:
        assert (metric.name in shown) == (metric.shown_by == "replay")
