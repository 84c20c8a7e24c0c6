"""Metrics of workers that roll out canaries."""

from __future__ import annotations

from monitoring.telemetry.declarations.declaration import Declaration

__all__ = [
    "ROLLOUT_ACTIVE",
    "ROLLOUT_LEADS",
    "ROLLOUT_PROMOTIONS",
    "ROLLOUT_ROLLBACKS",
    "ROLLOUT_SHARE",
]

ROLLOUT_ACTIVE = Declaration(
    "leadscore_rollout_active",
    "gauge",
    "1",
    (),
    "1 in the process that decides on rollouts; 0 on standby.",
    "rollout",
)
ROLLOUT_SHARE = Declaration(
    "leadscore_rollout_share",
    "gauge",
    "percent",
    (),
    "Percentage of the leads that the canary scores by its plan; 0 without one.",
    "rollout",
)
ROLLOUT_LEADS = Declaration(
    "leadscore_rollout_leads",
    "gauge",
    "leads",
    ("model", "outcome"),
    "Leads of the present step that were looked at, by model (production, canary) and outcome"
    " (scored, dead, failed).",
    "rollout",
)
ROLLOUT_ROLLBACKS = Declaration(
    "leadscore_rollout_rollbacks_total",
    "counter",
    "rollouts",
    ("trigger",),
    "Canaries that were removed for harm, by what was found first.",
    "rollout",
)
ROLLOUT_PROMOTIONS = Declaration(
    "leadscore_rollout_promotions_total",
    "counter",
    "rollouts",
    (),
    "Canaries that went into production.",
    "rollout",
)
