"""A queue of what is due, in a store: by time, then by lead.

A lead has one entry.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.outcomes.store import OutcomeStore

__all__ = ["DueQueue", "lead_of", "time_of"]

FIRST_OF_TIME, FIRST_OF_LEAD = 1, 9
"""Where the parts of a key begin."""
LATEST = 2**62
"""A time when nothing is due any more."""


class DueQueue:
    """Finds what is due, and makes the entries that are to be written.

    Parameters
    ----------
    store
        Holds the entries.
    first
        First byte of their keys.

    Attributes
    ----------
    next_due
        Nothing is due before this time, in milliseconds since 1970.
    """

    def __init__(self, store: OutcomeStore, first: bytes) -> None:
        self.next_due = 0
        self._store = store
        self._first = first
        # No entry is before this key: a store takes long to pass many that were deleted.
        self._start = first

    def due(self, until: int, most: int) -> Sequence[tuple[bytes, bytes]]:
        """Return keys and values of the first entries up to a time, in milliseconds since 1970.

        They must be deleted before the next call.
        """
        if until < self.next_due:
            return []
        found = self._store.scan(self._start, self.old_key(until + 1, b""), most)
        if found:
            self._start = found[-1][0]
        else:
            rest = self._store.scan(self._start, self.old_key(LATEST, b""), 1)
            self.next_due = time_of(rest[0][0]) if rest else LATEST
        return found

    def key(self, due: int, lead_id: bytes) -> bytes:
        """Return the key of the entry of a lead that is to be written."""
        key = self.old_key(due, lead_id)
        self._begin_at(due, key)
        return key

    def old_key(self, due: int, lead_id: bytes) -> bytes:
        """Return the key of the entry of a lead that is to be deleted."""
        return self._first + max(0, due).to_bytes(8, "big") + lead_id

    def keys(self, due: NDArray[np.int64], lead_ids: Sequence[bytes]) -> list[bytes]:
        """Return the keys of the entries of leads, given the times, int64, shape (n,)."""
        if not len(due):
            return []
        earliest = int(due.min())
        self._begin_at(earliest, self.old_key(earliest, b""))
        times = np.maximum(due, 0).astype(">i8").tobytes()
        starts = range(0, len(times), 8)
        return [
            self._first + times[start : start + 8] + lead_id
            for start, lead_id in zip(starts, lead_ids, strict=True)
        ]

    def _begin_at(self, due: int, key: bytes) -> None:
        self.next_due = min(self.next_due, due)
        self._start = min(self._start, key)


def time_of(key: bytes) -> int:
    """Return the time of an entry, in milliseconds since 1970."""
    return int.from_bytes(key[FIRST_OF_TIME:FIRST_OF_LEAD], "big")


def lead_of(key: bytes) -> bytes:
    """Return the lead of an entry."""
    return key[FIRST_OF_LEAD:]
