"""Metrics of a worker that rolls out canaries."""

from __future__ import annotations

from collections.abc import Collection

from prometheus_client import CollectorRegistry, Counter, Gauge

from monitoring.telemetry.declarations import rollout as declared

__all__ = ["RolloutMetrics"]


class RolloutMetrics:
    """Records the step of a rollout, and how rollouts end.

    Parameters
    ----------
    registry
        Where the metrics are exposed.
    triggers
        What may end a rollout: a rate needs the zero before the first.
    """

    def __init__(self, registry: CollectorRegistry, triggers: Collection[str]) -> None:
        active, share = declared.ROLLOUT_ACTIVE, declared.ROLLOUT_SHARE
        self._active = Gauge(active.name, active.sentence, registry=registry)
        self._share = Gauge(share.name, share.sentence, registry=registry)
        leads = declared.ROLLOUT_LEADS
        self._leads = Gauge(leads.name, leads.sentence, leads.labels, registry=registry)
        back, on = declared.ROLLOUT_ROLLBACKS, declared.ROLLOUT_PROMOTIONS
        self._rollbacks = Counter(back.name, back.sentence, back.labels, registry=registry)
        self._promotions = Counter(on.name, on.sentence, registry=registry)
        for trigger in triggers:
            self._rollbacks.labels(trigger)

    def active(self, is_active: bool) -> None:
        """Set whether this process decides."""
        self._active.set(is_active)

    def share(self, percent: float) -> None:
        """Set the percentage of the leads that the canary gets."""
        self._share.set(percent)

    def leads(self, model: str, *, scored: int, dead: int, failed: int) -> None:
        """Set the leads of a model in the present step, by outcome."""
        for outcome, count in (("scored", scored), ("dead", dead), ("failed", failed)):
            self._leads.labels(model, outcome).set(count)

    def rolled_back(self, trigger: str) -> None:
        """Count a canary that was removed."""
        self._rollbacks.labels(trigger).inc()

    def promoted(self) -> None:
        """Count a canary that went into production."""
        self._promotions.inc()
