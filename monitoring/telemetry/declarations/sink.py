"""Metrics of workers that write to a sink."""

from __future__ import annotations

from monitoring.telemetry.declarations.declaration import Declaration

__all__ = [
    "SINK_DEAD_LETTERS",
    "SINK_INFO",
    "SINK_RECORDS",
    "SINK_RETRIES",
    "SINK_TARGET_UP",
    "SINK_WRITES",
]

SINK_RECORDS = Declaration(
    "leadscore_sink_records_total",
    "counter",
    "records",
    ("outcome",),
    "Verdicts of the target on records: written, skipped, refused (a dead letter) or retry.",
    "sink",
)
SINK_DEAD_LETTERS = Declaration(
    "leadscore_sink_dead_letters_total",
    "counter",
    "records",
    ("code",),
    "Records delivered to the dead-letter topic of the sinks, by error code.",
    "sink",
)
SINK_WRITES = Declaration(
    "leadscore_sink_write_duration_seconds",
    "histogram",
    "seconds",
    (),
    "Time of a write that the target answered; the count is the number of batches.",
    "sink",
)
SINK_RETRIES = Declaration(
    "leadscore_sink_retries_total",
    "counter",
    "attempts",
    ("reason",),
    "Writes that are tried again: the target was unavailable, or it asked so for some records.",
    "sink",
)
SINK_TARGET_UP = Declaration(
    "leadscore_sink_target_up",
    "gauge",
    "1",
    (),
    "1 when the target answered the last attempt; else 0.",
    "sink",
)
SINK_INFO = Declaration(
    "leadscore_sink_info",
    "info",
    "1",
    ("name", "kind", "content"),
    "The sink: its name, its kind and what it writes (scores, leads or overdue).",
    "sink",
)
