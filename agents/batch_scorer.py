"""Protocol of what scores batches in a worker: one model, or two that share the leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from agents.dead_letters import DeadLetter
from agents.drift import CountedLeads, Counting
from agents.read_batch import ReadBatch
from agents.records import SourceRecord
from agents.scored_batch import ScoredBatch
from agents.scoring import TooLarge
from schemas.errors import InvalidEventError

__all__ = ["BatchScorer"]


class BatchScorer(Protocol):
    """Scores batches in four steps; see ``agents.scoring.Scorer``.

    What ``features`` and ``predict`` return is the scorer's own: the caller hands it back.
    """

    @property
    def counting(self) -> Counting | None:
        """How its leads are counted for drift; None: they are not."""

    @property
    def headers(self) -> int:
        """Number of headers of a scored event whose lead brings no trace."""

    def decode(
        self,
        records: Sequence[SourceRecord],
        verdicts: Mapping[int, InvalidEventError] | None = None,
    ) -> ReadBatch:
        """Read the leads of a batch."""

    def features(self, batch: ReadBatch) -> Any:
        """Compute what ``predict`` needs; its ``matrix`` has a row a lead."""

    def predict(self, features: Any) -> Any:
        """Score. Safe in a thread."""

    def to_count(self, batch: ReadBatch, features: Any) -> ReadBatch:
        """Return the part of a batch whose leads ``counted`` returns."""

    def counted(self, batch: ReadBatch, features: Any, prediction: Any) -> CountedLeads:
        """Return the leads to count for drift."""

    def counted_again(self, records: Sequence[SourceRecord]) -> CountedLeads:
        """Return the leads to count of records that were scored before."""

    def outputs(
        self,
        batch: ReadBatch,
        features: Any,
        prediction: Any,
        *,
        scored_at: int,
        too_large: TooLarge,
    ) -> ScoredBatch:
        """Write the scored events and the dead letters of a batch."""

    def dead_letter(
        self, record: SourceRecord, position: int, error: InvalidEventError
    ) -> DeadLetter:
        """Return a dead letter of a record."""
