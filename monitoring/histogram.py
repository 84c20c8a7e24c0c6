"""A Prometheus histogram that takes whole arrays.

``prometheus_client.Histogram`` observes one value a call, a Python loop over its buckets: about
1 µs a lead. This one adds an array with three NumPy calls, and is exposed through the client's
documented way for own metrics, a custom collector.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from math import isfinite
from threading import Lock

import numpy as np
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry
from prometheus_client.metrics_core import HistogramMetricFamily, Metric
from prometheus_client.registry import Collector

__all__ = ["ArrayHistogram"]


class ArrayHistogram(Collector):
    """Counts of values by bucket, and their sum.

    Parameters
    ----------
    name, sentence
        As exposed.
    bounds
        Upper bounds of the buckets, ascending, each inclusive; ``+Inf`` is added.
    registry
        Where the histogram is exposed.

    Raises
    ------
    ValueError
        When the bounds are empty, not finite or not ascending.

    Examples
    --------
    >>> histogram = ArrayHistogram("size_bytes", "Sizes.", (1, 10), CollectorRegistry())
    >>> histogram.observe_many(np.array([0.5, 1.0, 7.0, 99.0]))
    >>> histogram.counts
    (2, 1, 1)
    """

    def __init__(
        self, name: str, sentence: str, bounds: Sequence[float], registry: CollectorRegistry
    ) -> None:
        if (
            not bounds
            or not all(map(isfinite, bounds))
            or any(low >= high for low, high in pairwise(bounds))
        ):
            raise ValueError(
                f"Histogram {name}: expected ascending finite bounds, got {tuple(bounds)}"
            )
        self._name = name
        self._sentence = sentence
        # Two sets of bounds, so that neither type of values is converted by searchsorted. A float32
        # bound is the float32 nearest to 0.7, as a float32 score of 0.7 is: it stays inclusive.
        self._bounds64: NDArray[np.float64] = np.asarray(bounds, dtype=np.float64)
        self._bounds32 = self._bounds64.astype(np.float32)
        self._labels = [*(repr(float(bound)) for bound in bounds), "+Inf"]
        self._counts = np.zeros(len(bounds) + 1, dtype=np.int64)
        self._sum = 0.0
        self._lock = Lock()  # NumPy may let go of the GIL between the counts and the sum
        registry.register(self)

    @property
    def counts(self) -> tuple[int, ...]:
        """Values by bucket, not cumulated; the last bucket has no upper bound."""
        with self._lock:
            return tuple(self._counts.tolist())

    @property
    def sum(self) -> float:
        """Sum of all values."""
        return self._sum

    def observe_many(self, values: NDArray[np.float32] | NDArray[np.float64]) -> None:
        """Add an array of values, of shape (n,); NaN and infinite ones are left out."""
        if not isfinite(total := float(values.sum(dtype=np.float64))):
            # One NaN in the sum would stay there until the process ends.
            values = values[np.isfinite(values)]
            total = float(values.sum(dtype=np.float64))
        bounds = self._bounds32 if values.dtype == np.float32 else self._bounds64
        added = np.bincount(bounds.searchsorted(values), minlength=len(self._labels))
        with self._lock:
            self._counts += added
            self._sum += total

    def describe(self) -> Iterable[Metric]:
        """Name the metric without its values, for the registry's check on duplicates."""
        return [HistogramMetricFamily(self._name, self._sentence)]

    def collect(self) -> Iterable[Metric]:
        """Return the state as Prometheus reads it: cumulated counts and the sum."""
        with self._lock:
            cumulated, total = self._counts.cumsum().tolist(), self._sum
        buckets = list(zip(self._labels, cumulated, strict=True))
        return [HistogramMetricFamily(self._name, self._sentence, buckets=buckets, sum_value=total)]
