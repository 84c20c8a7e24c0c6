"""Metrics of the REST server (`leadscore serve`)."""

from __future__ import annotations

from monitoring.telemetry.declarations.declaration import Declaration

__all__ = [
    "HTTP_BATCH_LEADS",
    "HTTP_LOG_DROPPED",
    "HTTP_REQUESTS",
    "HTTP_REQUEST_SECONDS",
    "HTTP_WRITTEN_LEADS",
    "LEAD_STORE_IDS",
    "LEAD_STORE_SECONDS",
    "LEAD_STORE_UP",
    "PREDICTION_CACHE",
]

HTTP_REQUESTS = Declaration(
    "leadscore_http_requests_total",
    "counter",
    "requests",
    ("route", "status"),
    "Requests of the REST server, by declared path and HTTP status.",
    "rest",
)
HTTP_REQUEST_SECONDS = Declaration(
    "leadscore_http_request_seconds",
    "histogram",
    "seconds",
    ("route",),
    "Time from the head of a request to the end of its answer.",
    "rest",
)
HTTP_BATCH_LEADS = Declaration(
    "leadscore_http_batch_leads",
    "histogram",
    "leads",
    (),
    "Leads that the REST server scores in one call of the model.",
    "rest",
)
PREDICTION_CACHE = Declaration(
    "leadscore_prediction_cache_total",
    "counter",
    "look-ups",
    ("result",),
    "Look-ups in the prediction cache of the REST server: hit or miss.",
    "rest",
)
HTTP_WRITTEN_LEADS = Declaration(
    "leadscore_http_written_leads_total",
    "counter",
    "leads",
    ("outcome",),
    "Leads of requests that were to be written to Kafka: acknowledged, or failed (answered with"
    " 503).",
    "rest",
)
HTTP_LOG_DROPPED = Declaration(
    "leadscore_http_log_dropped_lines_total",
    "counter",
    "lines",
    (),
    "Lines of requests and predictions that the disk did not take (LEADSCORE_REST_LOG).",
    "rest",
)
LEAD_STORE_UP = Declaration(
    "leadscore_lead_store_up",
    "gauge",
    "1",
    (),
    "1 when the lead store answered the last time; else 0. Absent without a lead store.",
    "rest",
)
LEAD_STORE_IDS = Declaration(
    "leadscore_lead_store_ids_total",
    "counter",
    "leads",
    ("result",),
    "Ids that were looked up in the lead store: found or unknown.",
    "rest",
)
LEAD_STORE_SECONDS = Declaration(
    "leadscore_lead_store_seconds",
    "histogram",
    "seconds",
    (),
    "Time of a look-up in the lead store, of all ids of a request.",
    "rest",
)
