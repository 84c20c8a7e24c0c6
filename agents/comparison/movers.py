"""The leads whose score changes most."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.comparison.scored_pair import ScoredPair
from features.reason_sentence import reason_sentence

__all__ = ["Mover", "Scored", "biggest_movers"]


@dataclass(frozen=True, slots=True)
class Scored:
    """One score of a lead.

    Attributes
    ----------
    score
        The probability, 0 to 1.
    category
        High, Medium or Low.
    reasons
        As the scored event has them: feature, value, contribution.
    """

    score: float
    category: str
    reasons: Sequence[dict[str, Any]]

    @property
    def because(self) -> str:
        """The reasons in one line."""
        return reason_sentence(list(self.reasons))


@dataclass(frozen=True, slots=True)
class Mover:
    """A lead and its two scores.

    Attributes
    ----------
    place
        Where it is: topic/partition/offset, or its row in the file.
    lead_id
        Its id; None if ids are not shown.
    before, after
        The scores.
    """

    place: str
    lead_id: str | None
    before: Scored
    after: Scored

    @property
    def change(self) -> float:
        """Score after minus score before."""
        return self.after.score - self.before.score

    def as_dict(self) -> dict[str, Any]:
        """Return the lead by name, for JSON."""
        return asdict(self)


def biggest_movers(pair: ScoredPair, count: int) -> NDArray[np.int64]:
    """Return the rows of the leads whose score changes most, the largest change first.

    Returns
    -------
    ndarray of int64
        At most ``count`` rows; a lead whose score is equal is none of them. Of equal changes the
        first leads are taken.
    """
    size = np.abs(pair.change)
    order = np.argsort(-size, kind="stable")[:count]
    return order[size[order] > 0].astype(np.int64)
