"""Request for a verdict."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from model.bundle import Bundle
from schemas.model_identity import ModelIdentity

__all__ = ["Request", "learnt_until"]


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
    learnt_until_ms
        Leads created up to this time are in no figure: the candidate may have learnt from them.
        Milliseconds since 1970; 0: none are left out.
    """

    live: ModelIdentity
    shadow: ModelIdentity
    start_ms: int
    difference: float
    learnt_until_ms: int = 0


def learnt_until(candidate: Bundle) -> int:
    """Return the end of the last day from which a model learnt; milliseconds since 1970.

    Returns
    -------
    int
        0 where the training had no times.
    """
    window = candidate.metadata.metrics.get("window")
    if not isinstance(window, list) or len(window) != 2:
        return 0
    last = datetime.fromisoformat(str(window[1])).replace(tzinfo=UTC)
    return round((last + timedelta(days=1)).timestamp() * 1000) - 1
