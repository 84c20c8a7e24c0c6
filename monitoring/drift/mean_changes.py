"""Changes of the mean of one stream, as one of river's detectors finds them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Any, NamedTuple

from river.base import BinaryDriftDetector, DriftDetector

__all__ = ["MeanChange", "MeanChanges"]


class MeanChange(NamedTuple):
    """A change of the mean.

    Attributes
    ----------
    row
        Index of the value at which it was found.
    before
        Mean of the values since the change before, without the latest; None if there are no others.
    after
        Mean of the latest values.
    """

    row: int
    before: float | None
    after: float


class MeanChanges:
    """One detector on one stream; it is reset after each change.

    Parameters
    ----------
    detector
        A detector of river.
    recent
        Number of latest values whose mean is ``after``.
    """

    def __init__(self, detector: DriftDetector | BinaryDriftDetector, recent: int) -> None:
        self._detector = detector
        self._size = recent
        self._begin()

    def update(self, values: Iterable[float], first: int = 0) -> Iterator[MeanChange]:
        """Read values, and yield the changes.

        Parameters
        ----------
        values
            In the order of the stream.
        first
            Index of the first value.
        """
        detector = self._detector
        # HDDM is declared to take booleans; an error of a label is 0.0 or 1.0.
        read: Callable[[Any], Any] = detector.update
        for row, value in enumerate(values, start=first):
            read(value)
            self._recent.append(value)
            self._sum += value
            self._count += 1
            if detector.drift_detected:
                yield self._change(row)
                self._begin()

    def _begin(self) -> None:
        self._recent: deque[float] = deque(maxlen=self._size)
        self._sum = 0.0
        self._count = 0

    def _change(self, row: int) -> MeanChange:
        recent, others = sum(self._recent), self._count - len(self._recent)
        before = (self._sum - recent) / others if others else None
        return MeanChange(row, before, recent / len(self._recent))
