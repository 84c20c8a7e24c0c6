"""Request for a verdict."""

from __future__ import annotations

from dataclasses import dataclass

from schemas.model_identity import ModelIdentity

__all__ = ["Request"]


@dataclass(frozen=True, slots=True)
class Request:
    """Models to compare, and since when.

    Attributes
    ----------
    live, shadow
        The model of the workers, and the candidate.
    start_ms
        Time stamp of the first scored events to read, in milliseconds since 1970; 0: all that the
        topics have.
    difference
        Difference of the Brier score that would matter.
    """

    live: ModelIdentity
    shadow: ModelIdentity
    start_ms: int
    difference: float
