"""Metrics of the receiver of webhooks (`leadscore hooks`)."""

from __future__ import annotations

from monitoring.telemetry.declarations.declaration import Declaration

__all__ = ["HOOK_REQUESTS", "HOOK_REQUEST_SECONDS", "HOOK_WEBHOOKS"]

HOOK_REQUESTS = Declaration(
    "leadscore_hook_requests_total",
    "counter",
    "requests",
    ("route", "status"),
    "Requests of the receiver of webhooks, by declared path and HTTP status.",
    "hooks",
)
HOOK_REQUEST_SECONDS = Declaration(
    "leadscore_hook_request_seconds",
    "histogram",
    "seconds",
    ("route",),
    "Time from the head of a webhook's request to the end of its answer, with the time that the CRM"
    " and Kafka take.",
    "hooks",
)
HOOK_WEBHOOKS = Declaration(
    "leadscore_hook_webhooks_total",
    "counter",
    "webhooks",
    ("source", "outcome"),
    "Webhooks that were acknowledged, by sender: written to Kafka, repeated (written before), or"
    " ignored (without a lead).",
    "hooks",
)
