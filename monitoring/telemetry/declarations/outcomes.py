"""Metrics of workers that join outcomes to scores."""

from __future__ import annotations

from monitoring.telemetry.declarations.declaration import Declaration

__all__ = [
    "OUTCOMES",
    "OUTCOMES_MISPLACED",
    "OUTCOME_DEAD_LETTERS",
    "OUTCOME_LAG_RECORDS",
    "OUTCOME_LOST_RECORDS",
    "OUTCOME_SCORES",
    "OVERDUE_LEADS",
]

OUTCOMES = Declaration(
    "leadscore_outcomes_total",
    "counter",
    "outcomes",
    ("treatment",),
    "Outcomes by their treatment (docs/outcomes.md): joined, contradictory, repeated, open,"
    " waiting, beyond_horizon, late, orphaned, invalid; and scores without one: missing.",
    "outcomes",
)
OUTCOME_SCORES = Declaration(
    "leadscore_outcome_scores_total",
    "counter",
    "scores",
    ("channel", "result"),
    "Scored events of the live topic and of the shadow's that were read: joined, unusable, or late,"
    " as a shadow scored them too long after their leads.",
    "outcomes",
)
OUTCOME_DEAD_LETTERS = Declaration(
    "leadscore_outcome_dead_letters_total",
    "counter",
    "records",
    ("code",),
    "Records delivered to the dead-letter topic of outcomes, by error code.",
    "outcomes",
)
OUTCOME_LAG_RECORDS = Declaration(
    "leadscore_outcome_lag_records",
    "gauge",
    "records",
    ("topic", "partition"),
    "Records of scores and outcomes that are left to read, of the assigned partitions.",
    "outcomes",
)
OUTCOME_LOST_RECORDS = Declaration(
    "leadscore_outcome_lost_records_total",
    "counter",
    "records",
    ("topic", "partition", "reason"),
    "Offsets of scored events that were removed before they were read.",
    "outcomes",
)
OVERDUE_LEADS = Declaration(
    "leadscore_overdue_leads_total",
    "counter",
    "leads",
    ("timer", "result"),
    "Leads that nobody contacted in time: published, or too_late for an event.",
    "outcomes",
)
OUTCOMES_MISPLACED = Declaration(
    "leadscore_outcomes_misplaced",
    "gauge",
    "1",
    (),
    "1 if outcomes don't come in the partitions of their leads, so that few can be joined; else 0.",
    "outcomes",
)
