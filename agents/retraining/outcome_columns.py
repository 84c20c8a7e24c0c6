"""Outcomes by lead in columns: about 50 bytes each, where objects have ten times as many."""

from __future__ import annotations

from array import array
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from agents.retraining.point_in_time import KEY_BYTES, KnownOutcome

__all__ = ["OutcomeColumns"]


class OutcomeColumns(Mapping[bytes, Sequence[KnownOutcome]]):
    """The outcomes of each lead, by its ``lead_key``, in the order in which they were added."""

    def __init__(self) -> None:
        self._keys = bytearray()
        self._occurred, self._known = array("q"), array("q")
        self._is_success = array("b")
        self._amounts = array("d")
        self._currencies = array("i")
        self._names: list[str | None] = [None]
        self._index: tuple[NDArray[np.uint64], NDArray[np.int64]] | None = None

    def add(self, key: bytes, outcome: KnownOutcome) -> None:
        """Add an outcome of a lead."""
        self._keys += key
        self._occurred.append(outcome.occurred_at)
        self._known.append(outcome.known_at)
        self._is_success.append(outcome.is_success)
        self._amounts.append(np.nan if outcome.amount is None else outcome.amount)
        if outcome.currency not in self._names:
            self._names.append(outcome.currency)
        self._currencies.append(self._names.index(outcome.currency))
        self._index = None

    def __getitem__(self, key: bytes) -> Sequence[KnownOutcome]:
        """Return the outcomes of a lead."""
        halves, order = self._sorted()
        high = np.frombuffer(key, dtype=">u8")[0].astype(np.uint64)
        start, end = (np.searchsorted(halves, high, side=side) for side in ("left", "right"))
        rows = (row for row in order[start:end].tolist() if self._key(row) == key)
        if not (found := [self._outcome(row) for row in rows]):
            raise KeyError(key)
        return found

    def __iter__(self) -> Iterator[bytes]:
        """Yield the key of each lead once."""
        _, order = self._sorted()
        last = None
        for row in order.tolist():
            if (key := self._key(row)) != last:
                yield key
            last = key

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def _key(self, row: int) -> bytes:
        return bytes(self._keys[row * KEY_BYTES : (row + 1) * KEY_BYTES])

    def _outcome(self, row: int) -> KnownOutcome:
        amount = self._amounts[row]
        return KnownOutcome(
            occurred_at=self._occurred[row],
            known_at=self._known[row],
            is_success=bool(self._is_success[row]),
            amount=None if amount != amount else amount,
            currency=self._names[self._currencies[row]],
        )

    def _sorted(self) -> tuple[NDArray[np.uint64], NDArray[np.int64]]:
        """Return the first halves of the keys, ascending, and the rows in that order."""
        if self._index is None:
            # A copy: a bytearray that an array looks at can't grow any more.
            halves = np.frombuffer(bytes(self._keys), dtype=">u8").astype(np.uint64).reshape(-1, 2)
            order = np.lexsort((halves[:, 1], halves[:, 0]))
            self._index = np.ascontiguousarray(halves[order, 0]), order
        return self._index
