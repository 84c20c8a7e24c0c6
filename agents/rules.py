"""Rules for leads that can be read and still may become dead letters, and their verdicts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from features.matrix import Features
from schemas.errors import ErrorCode, InvalidEventError
from schemas.headers import (
    LeadHeaders,
)

__all__ = ["Rules", "is_too_large"]


@dataclass(frozen=True, slots=True)
class Rules:
    """Rules for leads with low coverage, and for dead letters that are sent again.

    Parameters
    ----------
    min_coverage
        Lowest coverage, 0 to 1, by number and by importance of the fields: the share of the fields
        that a typical training lead has.
    low_coverage
        "flag": a lead below is scored and its event says so; "refuse": it becomes a dead letter.
    max_attempts
        After this many attempts a record becomes a dead letter with the code ATTEMPTS.
    """

    min_coverage: float = 0.6
    low_coverage: Literal["flag", "refuse"] = "flag"
    max_attempts: int = 10

    def is_little_known(self, features: Features) -> NDArray[np.bool_]:
        """Return which leads have low coverage: bool, shape (n,)."""
        # As float32, the type of the shares: 0.6 of five fields is not below 0.6.
        least = np.float32(self.min_coverage)
        return (features.coverage < least) | (features.known < least)

    def too_little_known(
        self, features: Features, low_coverage: NDArray[np.bool_]
    ) -> Mapping[int, InvalidEventError]:
        """Return the verdict on each lead with low coverage by its row; none if they are scored."""
        if self.low_coverage == "flag":
            return {}
        return {
            row: InvalidEventError(
                ErrorCode.FEATURES,
                f"expected at least {self.min_coverage:.0%} of what a typical training lead"
                " has of the model's fields, by number and by importance, got"
                f" {features.coverage[row]:.0%} and {features.known[row]:.0%}: send more fields, or"
                " set LEADSCORE_LOW_COVERAGE=flag",
            )
            for row in np.flatnonzero(low_coverage).tolist()
        }

    def processed_too_often(
        self, headers: Sequence[LeadHeaders]
    ) -> Mapping[int, InvalidEventError]:
        """Return the verdict on each record that has used up its attempts, by its position."""
        return {
            position: InvalidEventError(
                ErrorCode.ATTEMPTS,
                f"expected a record to be processed at most {self.max_attempts} times, this one was"
                f" {found.attempts} times: end what copies scored events or dead letters to"
                " the leads' topic; to send the lead again, remove its headers that begin with"
                " leadscore.",
            )
            for position, found in enumerate(headers)
            if found.attempts >= self.max_attempts
        }


def is_too_large() -> InvalidEventError:
    """Return the verdict on a lead whose scored event is too large for its topic."""
    return InvalidEventError(
        ErrorCode.OUTPUT_TOO_LARGE,
        "the scored event is larger than its topic takes: shorten the lead's ids and headers, or"
        " raise the topic's max.message.bytes",
    )
