"""Protocol of the store of a join: ordered bytes, and writes that succeed or fail as a whole."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from heapq import nsmallest
from typing import Protocol

__all__ = ["MemoryStore", "OutcomeStore"]


class OutcomeStore(Protocol):
    """A local store of bytes by key. It is a cache of the logs: it may be deleted at any time."""

    def get(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        """Return the value of each key; None where there is none."""

    def write(self, puts: Mapping[bytes, bytes], deletes: Collection[bytes]) -> None:
        """Delete keys, then put values; all of it, or after a crash nothing."""

    def scan(self, start: bytes, stop: bytes, most: int) -> Sequence[tuple[bytes, bytes]]:
        """Return keys and values with start <= key < stop, ascending, at most a number of them."""

    def close(self) -> None:
        """Release the store."""


class MemoryStore:
    """A store in memory, for tests and small logs; see ``OutcomeStore``."""

    def __init__(self) -> None:
        self._values: dict[bytes, bytes] = {}

    def get(self, keys: Sequence[bytes]) -> Sequence[bytes | None]:
        """Return the value of each key."""
        return [self._values.get(key) for key in keys]

    def write(self, puts: Mapping[bytes, bytes], deletes: Collection[bytes]) -> None:
        """Delete keys, then put values."""
        for key in deletes:
            self._values.pop(key, None)
        self._values.update(puts)

    def scan(self, start: bytes, stop: bytes, most: int) -> Sequence[tuple[bytes, bytes]]:
        """Return keys and values of a range, ascending."""
        found = nsmallest(most, (key for key in self._values if start <= key < stop))
        return [(key, self._values[key]) for key in found]

    def close(self) -> None:
        """Keep everything: another join may be opened on it."""
