"""Metrics of the snapshot job."""

from __future__ import annotations

from monitoring.telemetry.declarations.declaration import Declaration

__all__ = [
    "SNAPSHOT_DRIFT_SHARE",
    "SNAPSHOT_DURATION",
    "SNAPSHOT_FAILURES",
    "SNAPSHOT_LAST_SUCCESS",
    "SNAPSHOT_PERIOD",
    "SNAPSHOT_ROWS",
]

SNAPSHOT_LAST_SUCCESS = Declaration(
    "leadscore_snapshot_last_success_timestamp_seconds",
    "gauge",
    "seconds",
    (),
    "When a snapshot was last written, in seconds since 1970; absent before the first.",
    "snapshot",
)
SNAPSHOT_DURATION = Declaration(
    "leadscore_snapshot_duration_seconds",
    "gauge",
    "seconds",
    (),
    "Duration of the last snapshot.",
    "snapshot",
)
SNAPSHOT_ROWS = Declaration(
    "leadscore_snapshot_rows",
    "gauge",
    "leads",
    (),
    "Leads in the last snapshot's sample.",
    "snapshot",
)
SNAPSHOT_DRIFT_SHARE = Declaration(
    "leadscore_snapshot_drift_share_ratio",
    "gauge",
    "ratio",
    (),
    "Share of the fields that have drifted in the last snapshot.",
    "snapshot",
)
SNAPSHOT_PERIOD = Declaration(
    "leadscore_snapshot_period_seconds",
    "gauge",
    "seconds",
    (),
    "Configured time from one snapshot to the next.",
    "snapshot",
)
SNAPSHOT_FAILURES = Declaration(
    "leadscore_snapshot_failures_total",
    "counter",
    "failures",
    (),
    "Snapshots that failed.",
    "snapshot",
)
