"""A registry whose samples say which role exposes them."""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import Metric

__all__ = ["RoleRegistry"]


class RoleRegistry(CollectorRegistry):
    """Exposes each sample with the label ``role``.

    For a role that exposes the metrics of another one: alerts and dashboards on the workers leave
    out samples with this label.

    Parameters
    ----------
    role
        Value of the label.
    """

    def __init__(self, role: str) -> None:
        super().__init__()
        self._role = {"role": role}

    def collect(self) -> Iterable[Metric]:
        """Return all metrics for a scrape."""
        for metric in super().collect():
            labelled = Metric(metric.name, metric.documentation, metric.type, metric.unit)
            labelled.samples = [
                sample._replace(labels=sample.labels | self._role) for sample in metric.samples
            ]
            yield labelled
