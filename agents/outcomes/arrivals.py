"""Scores and outcomes as they were read."""

from __future__ import annotations

from typing import NamedTuple

from schemas.lead_outcome import LeadOutcome
from schemas.model_identity import ModelIdentity

__all__ = ["ArrivedOutcome", "ScoredLead"]


class ScoredLead(NamedTuple):
    """A score as it was read.

    Attributes
    ----------
    lead_id
        In UTF-8.
    at
        Since when it counts as known, in milliseconds since 1970.
    offset
        Offset of the lead's record.
    score, band, model
        What was scored.
    segments
        Fields, and the lead's segment of each.
    created
        Creation of the lead, in milliseconds since 1970; None if it is not known.
    """

    lead_id: bytes
    at: int
    offset: int
    score: float
    band: str
    model: ModelIdentity
    segments: tuple[tuple[str, str], ...] = ()
    created: int | None = None


class ArrivedOutcome(NamedTuple):
    """An outcome as it was read, its offset, and when it arrived (milliseconds since 1970)."""

    outcome: LeadOutcome
    offset: int
    arrived: int
