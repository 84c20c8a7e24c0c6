"""The header of an output that says what scored its lead while there is a canary.

``leadscore.canary: canary;10;1843;5ba2c3d4`` is the arm, the canary's share in percent, the
microseconds that the arm's model took for its part of the batch, and the salt. A share and a salt
belong to one step of one rollout, so a reader needs no clock to know which step an output is of.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum
from typing import NamedTuple, Self

from agents.canary_split import CanarySplit
from schemas.headers import CANARY, Headers

__all__ = ["Arm", "CanaryMark"]


class Arm(StrEnum):
    """The model that scored a lead, and why."""

    PRODUCTION = "production"
    CANARY = "canary"
    FALLBACK = "fallback"
    """The model in production, for a lead of the canary that the canary failed to score."""


class CanaryMark(NamedTuple):
    """Content of the header.

    Attributes
    ----------
    arm
        What scored the lead.
    share, salt
        Share and salt of the split in force: ``CanarySplit``.
    microseconds
        Time in the model, for the arm's part of the batch.
    """

    arm: Arm
    share: float
    microseconds: int
    salt: str

    @classmethod
    def of(cls, arm: Arm, split: CanarySplit, seconds: float) -> Self:
        """Return the mark of an arm."""
        return cls(arm, split.share, round(seconds * 1e6), split.salt)

    def headers(self) -> Headers:
        """Return the header.

        Examples
        --------
        >>> CanaryMark(Arm.CANARY, 10, 1843, "5ba2").headers()
        [('leadscore.canary', b'canary;10;1843;5ba2')]
        """
        return [(CANARY, f"{self.arm};{self.share:g};{self.microseconds};{self.salt}".encode())]

    @classmethod
    def read(cls, headers: Sequence[tuple[str, bytes | None]]) -> Self | None:
        """Return what an output's header says; None if it has none, or another form of it."""
        written = next((value for name, value in headers if name == CANARY), None)
        try:
            arm, share, microseconds, salt = (written or b"").decode().split(";", 3)
            return cls(Arm(arm), float(share), int(microseconds), salt)
        except ValueError:
            return None
