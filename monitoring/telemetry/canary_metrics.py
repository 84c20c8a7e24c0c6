"""Metrics of the canary in a scoring worker."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge

from monitoring.telemetry.declarations import score as declared

__all__ = ["ARMS", "CanaryMetrics"]

ARMS = ("production", "canary", "fallback")


class CanaryMetrics:
    """Records the share of the canary, what scored the leads, and whether it can be loaded.

    Parameters
    ----------
    registry
        Where the metrics are exposed.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        share, failing = declared.CANARY_SHARE, declared.CANARY_LOAD_FAILING
        self._share = Gauge(share.name, share.sentence, registry=registry)
        self._failing = Gauge(failing.name, failing.sentence, registry=registry)
        leads = declared.CANARY_LEADS
        counter = Counter(leads.name, leads.sentence, leads.labels, registry=registry)
        self._leads = {arm: counter.labels(arm) for arm in ARMS}

    def share(self, percent: float) -> None:
        """Set the percentage of the leads that the canary gets."""
        self._share.set(percent)

    def scored(self, arm: str, leads: int) -> None:
        """Count leads by what scored them."""
        self._leads[arm].inc(leads)

    def failing(self, is_failing: bool) -> None:
        """Set whether the canary can't be loaded."""
        self._failing.set(is_failing)
