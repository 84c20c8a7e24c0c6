"""Metrics of workers that join outcomes, roll out canaries and retrain, and of their quality."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
from prometheus_client import CollectorRegistry

from monitoring.quality.assessment import QualityFigures, assess
from monitoring.quality.counts import QualityCounts
from monitoring.telemetry.canary_metrics import CanaryMetrics
from monitoring.telemetry.outcome_metrics import OutcomeMetrics
from monitoring.telemetry.quality_gauges import QualityGauges
from monitoring.telemetry.retrain_metrics import RetrainMetrics
from monitoring.telemetry.rollout_metrics import RolloutMetrics
from schemas.errors import ErrorCode
from tests.unit.monitoring.quality.drawn_leads import drawn

__all__ = [
    "a_canary",
    "a_model_whose_scores_are_worthless",
    "a_retraining",
    "a_rollout",
    "an_outcome_worker",
    "good_figures",
]

LEADS = 4000


def good_figures() -> QualityFigures:
    """Return the figures of scores that are right."""
    return assess(QualityCounts.count(drawn(LEADS, unknown=0.1)))


def _worthless_figures() -> QualityFigures:
    """Return the figures of leads that convert rarely, whatever their score."""
    leads = drawn(LEADS, seed=1)
    random = np.random.default_rng(2)
    outcomes = (random.random(LEADS) < 0.02).astype(np.int8)
    return assess(QualityCounts.count(replace(leads, outcomes=outcomes)))


def a_model_whose_scores_are_worthless() -> CollectorRegistry:
    """Metrics of `leadscore quality --port`: right before, worthless now."""
    registry = CollectorRegistry()
    gauges = QualityGauges(registry)
    gauges.show("live", "3", "before", good_figures())
    gauges.show("live", "3", "latest", _worthless_figures())
    gauges.show_changes("live", "3", {"bias": 1})
    return registry


def an_outcome_worker() -> tuple[CollectorRegistry, OutcomeMetrics]:
    """Metrics of a worker whose outcomes are in other partitions than their leads."""
    registry = CollectorRegistry()
    outcomes = OutcomeMetrics(registry)
    outcomes.misplaced(True)
    outcomes.dead_letter(ErrorCode.DECODE)
    outcomes.records_lost("leads.scored", 0, "retention", 5)
    outcomes.watch_lags(lambda: [("leads.outcomes", 0, 5)])
    return registry, outcomes


def a_canary(*, is_failing: bool) -> CollectorRegistry:
    """Metrics of a worker with a canary."""
    registry = CollectorRegistry()
    canary = CanaryMetrics(registry)
    canary.share(10)
    canary.scored("canary", 5)
    canary.failing(is_failing)
    return registry


def a_rollout() -> tuple[CollectorRegistry, RolloutMetrics]:
    """Metrics of a rollout agent."""
    registry = CollectorRegistry()
    rollout = RolloutMetrics(registry, ("errors",))
    rollout.active(True)
    rollout.share(10)
    rollout.leads("canary", scored=5, dead=1, failed=0)
    rollout.promoted()
    return registry, rollout


def a_retraining(outcome: str = "rejected") -> CollectorRegistry:
    """Metrics of a trainer."""
    registry = CollectorRegistry()
    retraining = RetrainMetrics(registry)
    retraining.requested("drift")
    retraining.ignored("drift")
    retraining.ended(outcome)
    retraining.running(True)
    retraining.waiting(datetime.now(UTC) - timedelta(days=2))
    return registry
