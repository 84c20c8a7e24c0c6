"""A Prometheus histogram that observes whole arrays.

``prometheus_client.Histogram`` observes one value per call and loops over its buckets in Python:
about 1 µs a lead. This one buffers observations and counts them with three NumPy calls, when the
buffer is full or on a scrape, so a small batch costs a few list appends. It is exposed as a custom
collector, the client's public interface for own metrics.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import isfinite
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["ArrayHistogram", "Tally"]

GATHERED = 64
"""Observations, of a value or an array, that are buffered and then counted together."""


class Tally:
    """Counts of values by bucket, and their sum.

    Parameters
    ----------
    bounds
        Inclusive upper bounds of the buckets, ascending; a last bucket without bound is added.

    Raises
    ------
    ValueError
        When the bounds are empty, not finite or not ascending.

    Examples
    --------
    >>> tally = Tally((1, 10))
    >>> tally.observe_many(np.array([0.5, 1.0, 7.0]))
    >>> tally.observe(99.0)
    >>> tally.read()
    ([2, 1, 1], 107.5)
    """

    def __init__(self, bounds: Sequence[float]) -> None:
        if (
            not bounds
            or not all(map(isfinite, bounds))
            or any(low >= high for low, high in pairwise(bounds))
        ):
            raise ValueError(f"expected ascending finite bounds, got {tuple(bounds)}")
        # Bounds in both types, so that searchsorted converts neither. The float32 bound for 0.7 is
        # the float32 nearest to 0.7, like a float32 score of 0.7: the bound stays inclusive.
        self._bounds64: NDArray[np.float64] = np.asarray(bounds, dtype=np.float64)
        self._bounds32 = self._bounds64.astype(np.float32)
        self._counts = np.zeros(len(bounds) + 1, dtype=np.int64)
        self._sum = 0.0
        self._values: list[float] = []
        self._arrays: list[NDArray[Any]] = []
        self._lock = Lock()  # other threads scrape it, and may add to it

    def observe(self, value: float) -> None:
        """Add a value; NaN and infinity are ignored."""
        with self._lock:
            self._values.append(value)
            if len(self._values) >= GATHERED:
                self._count()

    def observe_many(self, values: NDArray[np.float32] | NDArray[np.float64]) -> None:
        """Add an array of values, shape (n,), which the caller must not change afterwards.

        All arrays must have the same type. NaN and infinite values are ignored.
        """
        with self._lock:
            self._arrays.append(values)
            if len(self._arrays) >= GATHERED:
                self._count()

    def read(self) -> tuple[list[int], float]:
        """Return the number of values by bucket (not cumulative) and the sum of all values."""
        with self._lock:
            self._count()
            return self._counts.tolist(), self._sum

    def _count(self) -> None:
        if self._values:
            self._add(np.array(self._values, dtype=np.float64))
            self._values.clear()
        if self._arrays:
            self._add(np.concatenate(self._arrays))
            self._arrays.clear()

    def _add(self, values: NDArray[Any]) -> None:
        if not isfinite(total := float(values.sum(dtype=np.float64))):
            # A single NaN would make the sum NaN until the process ends.
            values = values[np.isfinite(values)]
            total = float(values.sum(dtype=np.float64))
        bounds = self._bounds32 if values.dtype == np.float32 else self._bounds64
        self._counts += np.bincount(bounds.searchsorted(values), minlength=len(self._counts))
        self._sum += total


class ArrayHistogram(Collector):
    """Exposes tallies as a histogram.

    Parameters
    ----------
    name, sentence
        Name and help text as exposed.
    bounds
        Bounds of all tallies; see ``Tally``.
    registry
        Where the histogram is exposed.
    label, values
        A label and its possible values, with one tally each; without a label there is one tally.

    Examples
    --------
    >>> stages = ArrayHistogram(
    ...     "stage_seconds", "Seconds.", (1, 10), CollectorRegistry(), "stage", ("read", "write")
    ... )
    >>> stages.of("read").observe(0.5)
    """

    def __init__(
        self,
        name: str,
        sentence: str,
        bounds: Sequence[float],
        registry: CollectorRegistry,
        label: str | None = None,
        values: Sequence[str] = (),
    ) -> None:
        self._name = name
        self._sentence = sentence
        self._labels = [] if label is None else [label]
        self._tallies = {value: Tally(bounds) for value in (values if label else [""])}
        self._bounds = [*(repr(float(bound)) for bound in bounds), "+Inf"]
        registry.register(self)

    def of(self, value: str = "") -> Tally:
        """Return the tally of a label's value, or the only one if there is no label."""
        return self._tallies[value]

    def describe(self) -> Iterable[Metric]:
        """Return the metric without values, for the registry's duplicate check."""
        return [self._family()]

    def collect(self) -> Iterable[Metric]:
        """Return the metric for a scrape: cumulative counts and the sum."""
        family = self._family()
        for value, tally in self._tallies.items():
            counts, total = tally.read()
            buckets = list(zip(self._bounds, np.cumsum(counts).tolist(), strict=True))
            family.add_metric([value] if self._labels else [], buckets, total)
        return [family]

    def _family(self) -> HistogramMetricFamily:
        return HistogramMetricFamily(self._name, self._sentence, labels=self._labels)
