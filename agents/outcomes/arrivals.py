"""Scores and outcomes as they were read."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple, Self, overload

import numpy as np
from numpy.typing import NDArray

from schemas.lead_outcome import LeadOutcome
from schemas.model_identity import ModelIdentity

__all__ = ["ArrivedOutcome", "ScoredLead", "ScoredLeads"]

Segments = tuple[tuple[str, str], ...]


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
    segments: Segments = ()
    created: int | None = None


@dataclass(frozen=True, slots=True, eq=False)
class ScoredLeads(Sequence[ScoredLead]):
    """Scores of n records by column; each of them is a `ScoredLead`, whose attributes these are.

    Attributes
    ----------
    lead_ids, bands, models, segments
        n of each.
    at, offsets, created
        int64, shape (n,).
    scores
        float64, shape (n,).
    """

    lead_ids: list[bytes]
    at: NDArray[np.int64]
    offsets: NDArray[np.int64]
    scores: NDArray[np.float64]
    bands: list[str]
    models: list[ModelIdentity]
    segments: list[Segments]
    created: NDArray[np.int64]

    @classmethod
    def of(cls, scores: Sequence[ScoredLead]) -> Self:
        """Return scores by column; `created` is -1 where it is not known."""
        if isinstance(scores, cls):
            return scores
        ids, at, offsets, values, bands, models, segments, created = (
            zip(*scores, strict=True) if scores else ((),) * len(ScoredLead._fields)
        )
        return cls(
            lead_ids=list(ids),
            at=np.array(at, np.int64),
            offsets=np.array(offsets, np.int64),
            scores=np.array(values, np.float64),
            bands=list(bands),
            models=list(models),
            segments=list(segments),
            created=np.array([-1 if one is None else one for one in created], np.int64),
        )

    def take(self, rows: NDArray[np.integer]) -> Self:
        """Return the scores of some rows."""
        if len(rows) == len(self):
            return self
        places = rows.tolist()
        lists = (self.lead_ids, self.bands, self.models, self.segments)
        ids, bands, models, segments = ([column[row] for row in places] for column in lists)
        return replace(
            self,
            lead_ids=ids,
            at=self.at[rows],
            offsets=self.offsets[rows],
            scores=self.scores[rows],
            bands=bands,
            models=models,
            segments=segments,
            created=self.created[rows],
        )

    def __len__(self) -> int:
        return len(self.lead_ids)

    @overload
    def __getitem__(self, row: int) -> ScoredLead: ...
    @overload
    def __getitem__(self, row: slice) -> list[ScoredLead]: ...
    def __getitem__(self, row: int | slice) -> ScoredLead | list[ScoredLead]:
        if isinstance(row, slice):
            return [self[each] for each in range(len(self))[row]]
        created = int(self.created[row])
        return ScoredLead(
            lead_id=self.lead_ids[row],
            at=int(self.at[row]),
            offset=int(self.offsets[row]),
            score=float(self.scores[row]),
            band=self.bands[row],
            model=self.models[row],
            segments=self.segments[row],
            created=None if created < 0 else created,
        )

    def __iter__(self) -> Iterator[ScoredLead]:
        return (self[row] for row in range(len(self)))


class ArrivedOutcome(NamedTuple):
    """An outcome as it was read, its offset, and when it arrived (milliseconds since 1970)."""

    outcome: LeadOutcome
    offset: int
    arrived: int
