"""Metrics of a replay."""

from __future__ import annotations

from collections.abc import Mapping

from prometheus_client import CollectorRegistry, Gauge

from monitoring.telemetry.declarations import Declaration
from monitoring.telemetry.declarations import replay as declared

__all__ = ["ReplayMetrics"]


class ReplayMetrics:
    """Gauges of the progress of one process of a replay.

    Parameters
    ----------
    registry
        Where the metrics are exposed.
    """

    def __init__(self, registry: CollectorRegistry) -> None:
        self._offsets = _gauge(declared.REPLAY_OFFSETS, registry)
        self._remaining = _gauge(declared.REPLAY_REMAINING, registry)
        self._yields = _gauge(declared.REPLAY_YIELDS, registry)

    def show(self, account: Mapping[str, int], remaining: int, *, yields: bool) -> None:
        """Set the gauges.

        Parameters
        ----------
        account
            Offsets that are done, by outcome.
        remaining
            Offsets that are not done.
        yields
            Whether the replay is slowed down for the workers.
        """
        for outcome, count in account.items():
            self._offsets.labels(outcome).set(count)
        self._remaining.set(remaining)
        self._yields.set(yields)


def _gauge(metric: Declaration, registry: CollectorRegistry) -> Gauge:
    return Gauge(metric.name, metric.sentence, metric.labels, registry=registry)
