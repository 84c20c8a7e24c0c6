"""Kinds of outcomes: success, failure, or a step on the way."""

from __future__ import annotations

from collections.abc import Iterable
from enum import IntEnum

__all__ = ["OutcomeKind", "OutcomeKinds"]


class OutcomeKind(IntEnum):
    """Kind of an outcome; stored, so the numbers stay."""

    OPEN = 0
    """A step on the way, such as engaged: no final outcome."""
    NEGATIVE = 1
    """A failure."""
    POSITIVE = 2
    """A success."""


class OutcomeKinds:
    """Maps the words of a CRM to kinds.

    Parameters
    ----------
    positive, negative
        Words of success and of failure, in lower case; any other is a step on the way.

    Examples
    --------
    >>> kinds = OutcomeKinds(["won"], ["lost"])
    >>> [kinds.of(word).name for word in ("won", "lost", "engaged")]
    ['POSITIVE', 'NEGATIVE', 'OPEN']
    """

    def __init__(self, positive: Iterable[str], negative: Iterable[str]) -> None:
        self._kinds = dict.fromkeys(negative, OutcomeKind.NEGATIVE)
        self._kinds |= dict.fromkeys(positive, OutcomeKind.POSITIVE)

    def of(self, outcome: str) -> OutcomeKind:
        """Return the kind of an outcome, as ``schemas.lead_outcome`` reads it."""
        return self._kinds.get(outcome, OutcomeKind.OPEN)
