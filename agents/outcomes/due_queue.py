"""The queue of what is due, in a store: by time, then by lead.

A lead has one entry, with its state. So what is due is read from one range of keys, not lead by
lead, which takes ten times as long.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.outcomes.store import OutcomeStore

__all__ = ["DueQueue", "key_of", "lead_of", "time_of"]

DUE = b"q"
"""First byte of the keys; a time of eight bytes follows, and the lead."""
LAST = DUE + b"\xff" * 8
FIRST_OF_LEAD = 9


class DueQueue:
    """Finds what is due, and makes the entries that are to be written.

    Parameters
    ----------
    store
        Holds the entries.
    """

    def __init__(self, store: OutcomeStore) -> None:
        self._store = store
        self._next_due = 0
        # No entry is before this key: a store takes long to pass many that were deleted.
        self._start = DUE

    def due(self, until: int, most: int) -> Sequence[tuple[bytes, bytes]]:
        """Return keys and states of the first entries up to a time, in milliseconds since 1970.

        They must be deleted before the next call.
        """
        if until < self._next_due:
            return []
        found = self._store.scan(self._start, key_of(until + 1, b""), most)
        if found:
            self._start = found[-1][0]
        else:
            rest = self._store.scan(self._start, LAST, 1)
            self._next_due = time_of(rest[0][0]) if rest else until + 1
        return found

    def key(self, due: int, lead_id: bytes) -> bytes:
        """Return the key of the entry of a lead that is to be written."""
        key = key_of(due, lead_id)
        self._begin_at(due, key)
        return key

    def keys(self, due: NDArray[np.int64], lead_ids: Sequence[bytes]) -> list[bytes]:
        """Return the keys of the entries of leads, given the times, int64, shape (n,)."""
        if not len(due):
            return []
        first = int(due.min())
        self._begin_at(first, key_of(first, b""))
        times = np.maximum(due, 0).astype(">i8").tobytes()
        starts = range(0, len(times), 8)
        return [
            DUE + times[start : start + 8] + lead_id
            for start, lead_id in zip(starts, lead_ids, strict=True)
        ]

    def _begin_at(self, due: int, key: bytes) -> None:
        self._next_due = min(self._next_due, due)
        self._start = min(self._start, key)


def time_of(key: bytes) -> int:
    """Return the time of an entry, in milliseconds since 1970."""
    return int.from_bytes(key[1:FIRST_OF_LEAD], "big")


def lead_of(key: bytes) -> bytes:
    """Return the lead of an entry."""
    return key[FIRST_OF_LEAD:]


def key_of(due: int, lead_id: bytes) -> bytes:
    """Return the key of the entry of a lead."""
    return DUE + max(0, due).to_bytes(8, "big") + lead_id
