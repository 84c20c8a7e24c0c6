"""Gauges whose series are there only while their value is known.

``prometheus_client.Gauge`` without labels shows 0 until it is set, and 0 is a statement: a model
published in 1970, a PSI of no drift. Nothing is what a rule can tell apart from it.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitoring.telemetry.declarations import Declaration

__all__ = ["KnownGauges"]


class KnownGauges(Collector):
    """The values of some gauges, as far as they are known.

    Parameters
    ----------
    declared
        The gauges.
    registry
        Where they are exposed.

    Examples
    --------
    >>> age = Declaration("age_seconds", "gauge", "seconds", ("who",), "An age.")
    >>> registry = CollectorRegistry()
    >>> gauges = KnownGauges([age], registry)
    >>> gauges.set(age, 3.0, "ann")
    >>> registry.get_sample_value("age_seconds", {"who": "ann"})
    3.0
    >>> gauges.set(age, None, "ann")
    >>> registry.get_sample_value("age_seconds", {"who": "ann"}) is None
    True
    """

    def __init__(self, declared: Iterable[Declaration], registry: CollectorRegistry) -> None:
        self._series: dict[Declaration, dict[tuple[str, ...], float]] = {
            metric: {} for metric in declared
        }
        registry.register(self)

    def set(self, metric: Declaration, value: float | None, *labels: str) -> None:
        """Set a series; None takes it away.

        Parameters
        ----------
        metric
            One of those declared.
        value
            What is known.
        labels
            Values of the metric's labels, in their order.
        """
        if value is None:
            self._series[metric].pop(labels, None)
        else:
            self._series[metric][labels] = float(value)

    def drop(self, label: str, value: str) -> None:
        """Take away every series that has this label with this value."""
        for metric, series in self._series.items():
            if label in metric.labels:
                place = metric.labels.index(label)
                for labels in [labels for labels in series if labels[place] == value]:
                    del series[labels]

    def clear(self) -> None:
        """Take away every series."""
        for series in self._series.values():
            series.clear()

    def describe(self) -> Iterable[Metric]:
        """Name the metrics without their values, for the registry's check on duplicates."""
        return map(_family, self._series)

    def collect(self) -> Iterable[Metric]:
        """Return what is known, as Prometheus reads it."""
        for metric, series in self._series.items():
            family = _family(metric)
            for labels, value in series.items():
                family.add_metric(labels, value)
            yield family


def _family(metric: Declaration) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.sentence, labels=metric.labels)
