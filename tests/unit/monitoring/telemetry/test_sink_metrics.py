"""Metrics of a sink: the declared ones, and what they count."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, generate_latest

from monitoring.telemetry.declarations import DECLARATIONS
from monitoring.telemetry.sink_metrics import OUTCOMES, SinkMetrics
from schemas.errors import ErrorCode
from stream.sinks.sink import WriteResult


def made() -> tuple[SinkMetrics, CollectorRegistry]:
    registry = CollectorRegistry()
    return SinkMetrics(registry, name="crm", kind="sql", content="scores"), registry


def test_all_metrics_of_sinks_are_exposed_from_the_start() -> None:
    shown = generate_latest(made()[1]).decode()
    missing = [at.name for at in DECLARATIONS if at.shown_by == "sink" and at.name not in shown]
    assert missing == []


def test_outcomes_are_those_of_the_protocol() -> None:
    assert {outcome.value for outcome in WriteResult} == set(OUTCOMES)


def test_writes_retries_and_dead_letters_are_counted() -> None:
    metrics, registry = made()
    metrics.wrote(["written", "written", "retry"], 0.3)
    metrics.target_unavailable()
    metrics.dead_letter(ErrorCode.SINK_REFUSED)

    def value(name: str, **labels: str) -> float | None:
        return registry.get_sample_value(f"leadscore_sink_{name}", labels)

    assert value("records_total", outcome="written") == 2
    assert value("retries_total", reason="record") == 1
    assert value("retries_total", reason="away") == 1
    assert value("dead_letters_total", code="SINK_REFUSED") == 1
    assert value("write_duration_seconds_count") == 1
    assert value("target_up") == 0
    metrics.target_reached()
    assert value("target_up") == 1
