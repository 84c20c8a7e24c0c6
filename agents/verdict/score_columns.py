"""The results of one side, scores and dead letters of a partition, in columns by offset."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["DEAD", "SCORED", "Result", "ScoreColumns"]

CHUNK = 1 << 14
"""Offsets of one array: gaps in the offsets cost nothing beyond it."""
SCORED, DEAD = 1, 2

ROW = np.dtype(
    [
        *(("offset", "i8"), ("at", "i8"), ("lead", "u8"), ("score", "f4"), ("coverage", "f4")),
        *(("latency_ms", "f4"), ("model", "i2"), ("band", "i1"), ("state", "i1")),
    ]
)
"""40 bytes, whatever a lead's id and reasons are."""


class Result(NamedTuple):
    """A scored event, of which only this is kept.

    Attributes
    ----------
    offset
        Offset of the lead's record.
    at
        When it was scored, in milliseconds since 1970.
    lead
        Hash of the lead's id.
    score, coverage
        0 to 1.
    latency_ms
        Milliseconds from the lead's record to the score.
    model
        Number of the model.
    band
        Index of the category.
    state
        ``SCORED``.
    """

    offset: int
    at: int
    lead: int
    score: float
    coverage: float
    latency_ms: float
    model: int
    band: int
    state: int = SCORED


class ScoreColumns:
    """Keeps the first result of each offset: after a crash the same one comes again."""

    def __init__(self) -> None:
        self._chunks: dict[int, NDArray[np.void]] = {}

    def put(self, result: Result) -> None:
        """Add a score; one of another model replaces the one before."""
        chunk, place = self._place(result.offset)
        kept = chunk[place]
        if kept["state"] != SCORED or kept["model"] != result.model:
            chunk[place] = result

    def put_dead_letter(self, offset: int) -> None:
        """Add a dead letter, unless the lead has a score."""
        chunk, place = self._place(offset)
        if not chunk[place]["state"]:
            chunk[place]["offset"], chunk[place]["state"] = offset, DEAD

    def _place(self, offset: int) -> tuple[NDArray[np.void], int]:
        number, place = divmod(offset, CHUNK)
        chunk = self._chunks.get(number)
        if chunk is None:
            chunk = self._chunks[number] = np.zeros(CHUNK, dtype=ROW)
        return chunk, place

    def rows(self) -> NDArray[np.void]:
        """Return the results, ascending by offset."""
        found = [chunk[chunk["state"] > 0] for _, chunk in sorted(self._chunks.items())]
        return np.concatenate(found) if found else np.zeros(0, dtype=ROW)
