"""Metrics of the lag exporter (`leadscore lag --port`)."""

from __future__ import annotations

from monitoring.telemetry.declarations.declaration import Declaration

__all__ = [
    "GROUP_EXPIRED",
    "GROUP_LAG_AGE",
    "GROUP_LAG_ETA",
    "GROUP_LAG_FAILURES",
    "GROUP_LAG_RECORDS",
    "GROUP_LAG_SECONDS",
    "GROUP_UNKNOWN",
]

GROUP_LAG_RECORDS = Declaration(
    "leadscore_group_lag_records",
    "gauge",
    "records",
    ("group", "topic", "partition"),
    "Visible records of a partition that a consumer group has not committed: an upper bound of a"
    " long backlog; absent without a commit.",
    "lag",
)
GROUP_LAG_SECONDS = Declaration(
    "leadscore_group_lag_seconds",
    "gauge",
    "seconds",
    ("group", "topic", "partition"),
    "Age of the oldest of these records by Kafka's clock; 0 if there is none; absent without a"
    " commit, or if its timestamp is implausible.",
    "lag",
)
GROUP_LAG_ETA = Declaration(
    "leadscore_group_lag_eta_seconds",
    "gauge",
    "seconds",
    ("group", "topic", "partition"),
    "Time until the group has caught up, at the rates of the last minute: +Inf if the backlog does"
    " not shrink; absent before the rates are known.",
    "lag",
)
GROUP_EXPIRED = Declaration(
    "leadscore_group_expired_offsets",
    "gauge",
    "offsets",
    ("group", "topic", "partition"),
    "Offsets between the group's commit and the start of the log: records that were removed"
    " unread. They are no lag.",
    "lag",
)
GROUP_UNKNOWN = Declaration(
    "leadscore_group_lag_unknown_partitions",
    "gauge",
    "partitions",
    ("group", "topic"),
    "Partitions whose lag is unknown: they have records but no commit of the group, or its commit"
    " is beyond the log's end.",
    "lag",
)
GROUP_LAG_AGE = Declaration(
    "leadscore_group_lag_age_seconds",
    "gauge",
    "seconds",
    (),
    "Time since these lags were last read, or since the exporter's start; they are old if it is"
    " above the interval.",
    "lag",
)
GROUP_LAG_FAILURES = Declaration(
    "leadscore_group_lag_failures_total",
    "counter",
    "failures",
    (),
    "Readings of lags that failed: Kafka did not answer, or refused.",
    "lag",
)
