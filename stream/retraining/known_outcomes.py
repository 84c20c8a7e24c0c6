"""The final outcomes of leads in fixed ranges of the topic of outcomes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agents.outcomes.kinds import OutcomeKind, OutcomeKinds
from agents.retraining.outcome_columns import OutcomeColumns
from agents.retraining.point_in_time import KnownOutcome, lead_key
from schemas.errors import InvalidEventError
from schemas.lead_outcome import MONEY_SCALE, OutcomeReader
from schemas.store import SchemaStore
from stream.settings import Settings

__all__ = ["KnownOutcomes"]


@dataclass(slots=True)
class KnownOutcomes:
    """Outcomes by lead, as their records are added.

    Attributes
    ----------
    settings
        Which outcomes are final, and the clock of the data set.
    by_lead
        The final outcomes of each lead, by its ``lead_key``.
    invalid
        Number of records that are no outcome.
    """

    settings: Settings
    by_lead: OutcomeColumns = field(default_factory=OutcomeColumns)
    invalid: int = 0
    _reader: OutcomeReader = field(init=False)
    _kinds: OutcomeKinds = field(init=False)

    def __post_init__(self) -> None:
        settings = self.settings
        self._kinds = OutcomeKinds(settings.outcome_positive, settings.outcome_negative)
        self._reader = OutcomeReader(
            SchemaStore.load(*settings.schema_folders),
            max_bytes=settings.max_event_bytes,
            earliest_ms=settings.earliest_ms,
            ahead_ms=settings.times_ahead_ms,
        )

    def add(self, records: Iterable[Any]) -> None:
        """Add the records of a batch; tombstones and steps on the way are ignored."""
        by_record = self.settings.retrain_time == "record"
        for record in records:
            if record.value is None:
                continue
            try:
                outcome = self._reader.read(record.value, record.timestamp)
            except InvalidEventError:
                self.invalid += 1
                continue
            kind = self._kinds.of(outcome.outcome)
            if kind is OutcomeKind.OPEN:
                continue
            known = KnownOutcome(
                occurred_at=outcome.occurred_at,
                # Outcomes that were loaded afterwards count as known when they occurred.
                known_at=record.timestamp if by_record else outcome.occurred_at,
                is_success=kind is OutcomeKind.POSITIVE,
                amount=None if outcome.money is None else outcome.money / MONEY_SCALE,
                currency=outcome.currency,
            )
            self.by_lead.add(lead_key(outcome.lead_id.encode()), known)
