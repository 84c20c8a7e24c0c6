"""The final outcomes of a topic, as columns."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from agents.outcomes.kinds import OutcomeKind, OutcomeKinds
from agents.verdict.known_outcomes import OUTCOME
from schemas.errors import InvalidEventError
from schemas.lead_outcome import OutcomeReader
from schemas.record_time import EARLIEST_MS
from schemas.store import SchemaStore
from stream.consume.partition_progress import Record
from stream.settings import Settings

__all__ = ["FinalOutcomes", "final_outcomes", "key_of"]

KEY_BITS = (1 << 64) - 1


def key_of(lead_id: str) -> int:
    """Return a hash of a lead's id, of 64 bits, that holds within this process."""
    return hash(lead_id) & KEY_BITS


class FinalOutcomes:
    """Gathers final outcomes, 33 bytes each; steps on the way are left out.

    Parameters
    ----------
    reader
        Reads the records.
    kinds
        Which outcomes are final.
    by_creation
        Whether times are those of creation: an outcome then arrives when it occurs.

    Attributes
    ----------
    unreadable
        Number of records that are no outcome.
    """

    def __init__(
        self, reader: OutcomeReader, kinds: OutcomeKinds, *, by_creation: bool = False
    ) -> None:
        self._reader = reader
        self._kinds = kinds
        self._by_creation = by_creation
        self._parts: list[NDArray[np.void]] = []
        self.unreadable = 0

    def add(self, records: Sequence[Record]) -> None:
        """Add the outcomes of some records."""
        found = []
        for record in records:
            if record.value is None and record.key is not None:
                continue  # a tombstone, as of an erasure
            try:
                outcome = self._reader.read(record.value, record.timestamp)
            except InvalidEventError:
                self.unreadable += 1
                continue
            kind = self._kinds.of(outcome.outcome)
            if kind is not OutcomeKind.OPEN:
                lead, at = key_of(outcome.lead_id), outcome.occurred_at
                is_positive = kind is OutcomeKind.POSITIVE
                is_known = record.timestamp >= EARLIEST_MS and not self._by_creation
                arrived = record.timestamp if is_known else at
                found.append((lead, at, arrived, record.offset, is_positive))
        self._parts.append(np.array(found, dtype=OUTCOME))

    @property
    def rows(self) -> NDArray[np.void]:
        """All of them: ``OUTCOME``."""
        return np.concatenate(self._parts) if self._parts else np.zeros(0, dtype=OUTCOME)


def final_outcomes(settings: Settings) -> FinalOutcomes:
    """Return what gathers outcomes, with the schemas and words of the settings."""
    return FinalOutcomes(
        OutcomeReader(
            SchemaStore.load(*settings.schema_folders),
            max_bytes=settings.max_event_bytes,
            earliest_ms=settings.earliest_ms,
            ahead_ms=settings.times_ahead_ms,
        ),
        OutcomeKinds(settings.outcome_positive, settings.outcome_negative),
        by_creation=settings.outcome_time == "created_at",
    )
