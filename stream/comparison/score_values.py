"""Scores as values of scored events: those of the live topic, and those that a model gives here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from agents.comparison.movers import Scored
from agents.comparison.scored_pair import ScoredPair, Side
from schemas.scored_event import CATEGORIES
from schemas.scored_event_reader import UnframedEventReader

__all__ = ["EventReader", "PairedRows", "ScoredSide", "pair_sides"]


class EventReader(UnframedEventReader):
    """Reads scored events, and what a comparison needs of them."""

    def created_ms(self, value: bytes | None) -> float:
        """Read when the lead of an event was created, milliseconds since 1970."""
        at = self.read(value)["created_at"]
        return at.timestamp() * 1000 if isinstance(at, datetime) else float(at)

    def scored(self, value: bytes | None) -> Scored:
        """Read the score of an event with its reasons."""
        event = self.read(value)
        return Scored(event["score"], event["category"], event["reasons"])


@dataclass(frozen=True, slots=True)
class ScoredSide:
    """The scores of one side.

    Attributes
    ----------
    name
        What scored the leads, for people.
    values
        The scored event of each of the n leads; None where there is none. An event of a file has
        only the fields that follow from the score.
    """

    name: str
    values: Sequence[bytes | None]


@dataclass(frozen=True, slots=True)
class PairedRows:
    """The leads that both sides have scored.

    Attributes
    ----------
    rows
        int64, shape (n,): their indices, ascending.
    pair
        Their scores.
    only_before, only_after, neither
        How many others one side has scored, or none.
    """

    rows: NDArray[np.int64]
    pair: ScoredPair
    only_before: int
    only_after: int
    neither: int


def pair_sides(before: ScoredSide, after: ScoredSide) -> PairedRows:
    """Read the scores of the leads that both sides have scored.

    Raises
    ------
    ValueError
        A value is no scored event.
    """
    has = np.array(
        [[value is not None for value in side.values] for side in (before, after)], dtype=bool
    ).reshape(2, -1)
    rows = np.flatnonzero(has.all(axis=0))
    return PairedRows(
        rows=rows,
        pair=ScoredPair(*(_scores(side, rows) for side in (before, after))),
        only_before=int((has[0] & ~has[1]).sum()),
        only_after=int((~has[0] & has[1]).sum()),
        neither=int((~has.any(axis=0)).sum()),
    )


def _scores(side: ScoredSide, rows: NDArray[np.int64]) -> Side:
    reader = EventReader()
    scores, bands = np.empty(len(rows)), np.empty(len(rows), dtype=np.int8)
    for i, row in enumerate(rows.tolist()):
        event = reader.read(side.values[row])
        scores[i], bands[i] = event["score"], CATEGORIES.index(event["category"])
    return Side(scores, bands)
