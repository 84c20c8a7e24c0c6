"""Why a lead has no score that can be explained."""

from __future__ import annotations

from enum import IntEnum

from schemas.errors import LeadScoreError

__all__ = ["NoScore", "NoScoreError"]


class NoScore(IntEnum):
    """The reason; its value is the exit code of `leadscore explain` (docs/adr/0010)."""

    NOT_FOUND = 5
    """No record of the lead is in the range."""
    DEAD_LETTER = 6
    """The lead became a dead letter."""
    EXPIRED = 7
    """The lead's record was removed by retention."""
    UNSCORED = 8
    """The lead's record has no scored event in the range."""


class NoScoreError(LeadScoreError):
    """There is no score to explain.

    Parameters
    ----------
    reason
        The reason.
    message
        One sentence: what was expected, what was found, what to do.
    """

    def __init__(self, reason: NoScore, message: str) -> None:
        super().__init__(message)
        self.reason = reason
