"""Gauges whose series exist only while their value is known.

``prometheus_client.Gauge`` without labels exposes 0 until it is set, and 0 has a meaning: a model
published in 1970, a PSI without drift. An alert rule can distinguish an absent series from 0.
"""

from __future__ import annotations

from collections.abc import Iterable

from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from monitoring.telemetry.declarations import Declaration

__all__ = ["SparseGauges"]


class SparseGauges(Collector):
    """Exposes those of the declared gauges whose value is known.

    Parameters
    ----------
    declared
        The gauges.
    registry
        Registry that exposes them.

    Examples
    --------
    >>> age = Declaration("age_seconds", "gauge", "seconds", ("who",), "An age.")
    >>> registry = CollectorRegistry()
    >>> gauges = SparseGauges([age], registry)
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
        """Set a series; None removes it.

        Parameters
        ----------
        metric
            One of the declared gauges.
        value
            The value; None if it is not known.
        labels
            Values of the metric's labels, in their order.
        """
        if value is None:
            self._series[metric].pop(labels, None)
        else:
            self._series[metric][labels] = float(value)

    def set_all(self, values: Iterable[tuple[Declaration, float | None]], *labels: str) -> None:
        """Set series of several metrics with the same labels; None removes one.

        Parameters
        ----------
        values
            Metrics, each with its value.
        labels
            As above.
        """
        for metric, value in values:
            self.set(metric, value, *labels)

    def drop(self, label: str, value: str) -> None:
        """Remove every series that has this label with this value."""
        for metric, series in self._series.items():
            if label in metric.labels:
                place = metric.labels.index(label)
                for labels in [labels for labels in series if labels[place] == value]:
                    del series[labels]

    def clear(self) -> None:
        """Remove every series."""
        for series in self._series.values():
            series.clear()

    def describe(self) -> Iterable[Metric]:
        """Return the metrics without values, for the registry's duplicate check."""
        return map(_family, self._series)

    def collect(self) -> Iterable[Metric]:
        """Return the known values for a scrape."""
        for metric, series in self._series.items():
            family = _family(metric)
            for labels, value in series.items():
                family.add_metric(labels, value)
            yield family


def _family(metric: Declaration) -> GaugeMetricFamily:
    return GaugeMetricFamily(metric.name, metric.sentence, labels=metric.labels)
