"""A uniform sample of a stream whose length is not known before it ends."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor, log, log1p
from random import Random
from typing import Generic, TypeVar

__all__ = ["Reservoir"]

T = TypeVar("T")


class Reservoir(Generic[T]):
    """Keeps a fixed number of items, each of those seen with the same probability.

    Skipped items cost almost nothing: the distance to the next kept item is drawn, rather than one
    random number per item.

    Parameters
    ----------
    size
        Number of items to keep, at least 1.
    random
        Random number generator.

    Attributes
    ----------
    items
        The kept items, in no particular order; all items if at most ``size`` were seen.
    seen
        Number of items so far.

    References
    ----------
    K.-H. Li, "Reservoir-sampling algorithms of time complexity O(n(1 + log(N/n)))", ACM
    Transactions on Mathematical Software 20 (4), 1994: algorithm L.

    Examples
    --------
    >>> reservoir = Reservoir(3, Random(1))
    >>> reservoir.extend(range(1000))
    >>> len(reservoir.items), reservoir.seen
    (3, 1000)
    """

    def __init__(self, size: int, random: Random) -> None:
        self.items: list[T] = []
        self.seen = 0
        self._size = size
        self._random = random
        self._weight = 1.0
        self._next = size - 1
        self._skip()

    def extend(self, values: Sequence[T]) -> None:
        """Add the next items of the stream."""
        start = self.seen
        self.seen += len(values)
        self.items.extend(values[: max(self._size - start, 0)])
        while self._next < self.seen:
            self.items[self._random.randrange(self._size)] = values[self._next - start]
            self._skip()

    def _skip(self) -> None:
        self._weight *= self._chance() ** (1 / self._size)
        self._next += floor(log(self._chance()) / log1p(-self._weight)) + 1

    def _chance(self) -> float:
        """Return a random number in the open interval (0, 1), as its logarithm is a divisor."""
        return min(max(self._random.random(), 1e-300), 1 - 1e-9)
