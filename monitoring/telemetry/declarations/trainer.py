"""Metrics of workers that retrain the model."""

from __future__ import annotations

from monitoring.telemetry.declarations.declaration import Declaration

__all__ = [
    "RETRAININGS",
    "RETRAINING_RUNNING",
    "RETRAIN_CANDIDATE_WAITING",
    "RETRAIN_REQUESTS",
    "RETRAIN_REQUESTS_IGNORED",
]

RETRAIN_REQUESTS = Declaration(
    "leadscore_retrain_requests_total",
    "counter",
    "requests",
    ("trigger",),
    "Retrainings that this worker has asked for, by their trigger.",
    "trainer",
)
RETRAIN_REQUESTS_IGNORED = Declaration(
    "leadscore_retrain_requests_ignored_total",
    "counter",
    "requests",
    ("trigger",),
    "Requests that were not followed: repeated, within the cool-down, or without data. The log"
    " says why.",
    "trainer",
)
RETRAININGS = Declaration(
    "leadscore_retrainings_total",
    "counter",
    "retrainings",
    ("outcome",),
    "Retrainings that have ended: passed, rejected (by the gate), refused (too few leads) or"
    " failed.",
    "trainer",
)
RETRAINING_RUNNING = Declaration(
    "leadscore_retraining_running",
    "gauge",
    "1",
    (),
    "1 while a retraining runs; else 0.",
    "trainer",
)
RETRAIN_CANDIDATE_WAITING = Declaration(
    "leadscore_retrain_candidate_waiting_timestamp_seconds",
    "gauge",
    "seconds",
    (),
    "When the candidate that waits for an approval became the shadow, in seconds since 1970; 0"
    " without one.",
    "trainer",
)
