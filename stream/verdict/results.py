"""Results of one side of a partition, read from its topics of scores and of dead letters."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from agents.verdict.score_columns import Result, ScoreColumns
from schemas.errors import InvalidEventError
from schemas.headers import SourceOf
from schemas.registered import framed
from schemas.scored_event import CATEGORIES
from schemas.scored_event_reader import ScoredEventReader
from stream.consume.partition_progress import Record
from stream.outcomes.final_outcomes import key_of

__all__ = ["MODELS", "Results"]

MODELS = (1, 2)
"""Numbers of the live model and of the candidate; other models have larger ones."""


@dataclass(slots=True)
class Results:
    """Gathers the results of a partition of one side.

    Parameters
    ----------
    topic, partition
        Where the leads come from: results of other sources are left out, as are those of replays.
    number_of
        Returns the number of a model, given its hash.
    by_creation
        Whether a score counts as known since the lead was created, not since it was scored.
    learnt_until_ms
        Leads created up to this time are left out; 0: none are.
    reader
        Reads scored events.

    Attributes
    ----------
    columns
        The results.
    unreadable
        Number of values that are no scored event.
    learnt
        Number of scores of leads that are left out as the candidate may have learnt from them.
    earliest
        Time stamp of the earliest of these leads, in milliseconds since 1970; 0 where that is not
        known, None before the first.
    """

    topic: str
    partition: int
    number_of: Callable[[str], int]
    by_creation: bool = False
    learnt_until_ms: int = 0
    reader: ScoredEventReader = field(default_factory=ScoredEventReader)
    columns: ScoreColumns = field(default_factory=ScoreColumns)
    unreadable: int = 0
    learnt: int = 0
    earliest: int | None = None

    def add_scores(self, records: Sequence[Record]) -> None:
        """Add scored events."""
        for record in records:
            try:
                self._add(self.reader.read(framed(record.value, record.headers)))
            except (InvalidEventError, ValueError, KeyError, TypeError):
                self.unreadable += 1

    def add_dead_letters(self, records: Sequence[Record]) -> None:
        """Add dead letters."""
        source_of = SourceOf(self.topic, self.partition, None)
        for record in records:
            if (offset := source_of(record.headers)) is not None:
                self.columns.put_dead_letter(offset)

    def _add(self, event: Any) -> None:
        source = event["source"]
        is_ours = source["topic"] == self.topic and source["partition"] == self.partition
        if not is_ours or event.get("replay_id") is not None:
            return
        if self.learnt_until_ms and event["created_at"] <= self.learnt_until_ms:
            self.learnt += 1
            return
        at, latency = event["scored_at"], event["latency_ms"]
        since = event["created_at"] if self.by_creation else at
        self.columns.put(
            Result(
                source["offset"],
                since,
                key_of(event["lead_id"]),
                event["score"],
                event["feature_coverage"],
                latency,
                self.number_of(event["model_sha256"]),
                CATEGORIES.index(event["category"]),
            )
        )
        came = at - latency if latency else 0  # 0: the time stamp of the lead is no time
        self.earliest = came if self.earliest is None else min(self.earliest, came)
