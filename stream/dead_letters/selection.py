"""The dead letters that a command is asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable

from pydantic import BaseModel, ConfigDict

from stream.dead_letters.letter import DeadLetter

__all__ = ["Selection", "SourcePlace", "hashed"]

SourcePlace = tuple[int, int | None]
"""A source partition, and an offset in it; None: all of the partition."""


def hashed(ids: Iterable[str]) -> frozenset[str]:
    """Return the SHA-256 of leads' ids, in hex: a stored plan names no lead."""
    return frozenset(hashlib.sha256(given.encode()).hexdigest() for given in ids)


class Selection(BaseModel):
    """Conditions on dead letters; a letter must meet all of them. Without any, all letters do."""

    model_config = ConfigDict(frozen=True)

    codes: frozenset[str] = frozenset()
    """Error codes."""
    since_ms: int | None = None
    """Start of the range of time in which they were written, included; milliseconds since 1970."""
    until_ms: int | None = None
    """End of that range, not included."""
    keys: frozenset[str] = frozenset()
    """SHA-256 of their keys, in hex; see `hashed`."""
    sources: frozenset[SourcePlace] = frozenset()
    """Places of their source records."""

    def matches(self, letter: DeadLetter) -> bool:
        """Return whether a letter meets the conditions."""
        if self.codes and letter.code not in self.codes:
            return False
        if self.since_ms is not None and letter.timestamp < self.since_ms:
            return False
        if self.until_ms is not None and letter.timestamp >= self.until_ms:
            return False
        partition, offset = letter.source
        if self.sources and not self.sources & {(partition, None), (partition, offset)}:
            return False
        return not self.keys or self._has_key(letter)

    def _has_key(self, letter: DeadLetter) -> bool:
        return letter.key is not None and hashlib.sha256(letter.key).hexdigest() in self.keys
