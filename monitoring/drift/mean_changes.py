"""Changes of the mean of one stream, as a detector of changes finds them."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple, Protocol

__all__ = ["Detector", "MeanChange", "MeanChanges"]


class Detector(Protocol):
    """A detector of changes, such as those of river."""

    @property
    def drift_detected(self) -> bool:
        """Whether the latest value is that at which a change was found."""

    def update(self, value: float, /) -> Any:
        """Read the next value."""


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
    """One detector on one stream; it begins anew after each change.

    Parameters
    ----------
    detector
        The detector.
    recent
        Number of latest values whose mean is ``after``.
    """

    def __init__(self, detector: Detector, recent: int) -> None:
        self._detector = detector
        self._size = recent
        self._begin()

    def update(self, values: Sequence[float], first: int = 0) -> Iterator[MeanChange]:
        """Read values, and yield the changes.

        Parameters
        ----------
        values
            In the order of the stream.
        first
            Index of the first value.
        """
        detector, read, start = self._detector, self._detector.update, 0
        for place, value in enumerate(values):
            read(value)
            if detector.drift_detected:
                self._add(values[start : place + 1])
                start = place + 1
                yield self._change(first + place)
                self._begin()
        self._add(values[start:])

    def _add(self, values: Sequence[float]) -> None:
        for value in values:  # one by one: the sum is the same however the values are divided
            self._sum += value
        self._count += len(values)
        self._recent.extend(values)

    def _begin(self) -> None:
        self._recent: deque[float] = deque(maxlen=self._size)
        self._sum = 0.0
        self._count = 0

    def _change(self, row: int) -> MeanChange:
        recent, others = sum(self._recent), self._count - len(self._recent)
        before = (self._sum - recent) / others if others else None
        return MeanChange(row, before, recent / len(self._recent))
