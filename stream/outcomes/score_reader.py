"""Reads scored events by column, as far as the join needs them."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from agents.lead_segments import segments_of
from agents.outcomes.arrivals import ScoredLeads
from agents.records import SourceRecord as Record
from schemas.decode import LeadDecoder
from schemas.fields import FieldKind
from schemas.model_identity import ModelIdentity
from schemas.record_codec import OLDER
from schemas.registered import RegisteredSchemas, framed
from schemas.store import SchemaStore
from schemas.wire import formats_with

__all__ = ["ReadScores", "ScoreReader"]

KINDS = {
    "event_id": FieldKind.CATEGORY,
    "scored_at": FieldKind.DATE,
    "latency_ms": FieldKind.NUMBER,
    "score": FieldKind.NUMBER,
    "category": FieldKind.CATEGORY,
    "model_id": FieldKind.CATEGORY,
    "model_version": FieldKind.CATEGORY,
    "model_sha256": FieldKind.CATEGORY,
    "replay_id": FieldKind.CATEGORY,
}

LONGEST_OFFSET = 18
"""Digits of an offset, which has 64 bits."""


class ReadScores(NamedTuple):
    """Scores of some records.

    Attributes
    ----------
    scores
        Scores of workers: those of replays are left out.
    unusable
        Number of records that are no usable score.
    late
        Number of scores of a shadow that came too long after their leads.
    """

    scores: ScoredLeads
    unusable: int
    late: int = 0


class ScoreReader:
    """Reads scored events of this version and of earlier ones, in any format.

    Parameters
    ----------
    by_creation
        Whether a score counts as known since the lead was created, not since it was scored.
    late_ms
        Milliseconds after a lead in which a shadow's score of it counts; default: at any time.
    registered
        What ids of the schema registry stand for; None: events in Confluent's framing are unusable.
    """

    def __init__(
        self,
        *,
        by_creation: bool,
        late_ms: float = math.inf,
        registered: RegisteredSchemas | None = None,
    ) -> None:
        store = SchemaStore.load()
        for file in sorted(OLDER.glob("lead_scored*.avsc")):
            store.add_file(file)
        self._decoder = LeadDecoder(store, KINDS, formats=formats_with(registered))
        self._reads_framing = registered is not None
        self._by_creation = by_creation
        self._late_ms = late_ms
        self._models: dict[tuple[str | None, ...], ModelIdentity] = {}

    def read(self, records: Sequence[Record], *, is_shadow: bool = False) -> ReadScores:
        """Read records of the live topic, or of the shadow's.

        Nobody waits for a shadow's score: it counts as known since its lead came, as the live one
        does, however much later it was made. Otherwise a shadow that is behind would score leads
        whose outcomes are known already, and they would count as failures.
        """
        found = self._decoder.decode(self._values(records))
        columns = found.columns
        latency = np.nan_to_num(np.asarray(columns["latency_ms"], dtype=np.float64))
        times = self._times(columns["scored_at"], found.created_at, latency, is_shadow=is_shadow)
        scores = np.asarray(columns["score"], dtype=np.float64)
        offsets = np.array([_offset_of(event_id) for event_id in columns["event_id"]], np.int64)
        are_usable = (scores >= 0) & (scores <= 1) & np.isfinite(times) & (offsets >= 0)
        are_live = np.array([replay is None for replay in columns["replay_id"]], np.bool_)
        are_late = latency > (np.inf if self._by_creation or not is_shadow else self._late_ms)
        rows = np.flatnonzero(are_usable & are_live & ~are_late)
        models = (columns[name] for name in ("model_id", "model_version", "model_sha256"))
        leads = ScoredLeads(
            lead_ids=found.lead_ids,
            at=np.nan_to_num(times).astype(np.int64),
            offsets=offsets,
            scores=scores,
            bands=[band or "" for band in columns["category"]],
            models=[self._model(key) for key in zip(*models, strict=True)],
            segments=[segments_of(records[position].headers) for position in found.positions],
            created=found.created_at,
        )
        return ReadScores(
            leads.take(rows),
            len(records) - int(np.count_nonzero(are_usable)),
            int(np.count_nonzero(are_usable & are_live & are_late)),
        )

    def _values(self, records: Sequence[Record]) -> list[bytes | None]:
        if not self._reads_framing:
            return [record.value for record in records]
        return [framed(record.value, record.headers) for record in records]

    def _times(
        self,
        scored_at: object,
        created_at: NDArray[np.int64],
        latency: NDArray[np.float64],
        *,
        is_shadow: bool,
    ) -> NDArray[np.float64]:
        """Return since when scores count as known, in milliseconds since 1970."""
        if self._by_creation:
            return created_at.astype(np.float64)
        times = np.asarray(scored_at, dtype=np.float64)
        return times - latency if is_shadow else times

    def _model(self, key: tuple[str | None, ...]) -> ModelIdentity:
        found = self._models.get(key)
        if found is None:
            found = self._models[key] = ModelIdentity(*(part or "" for part in key))
        return found


def _offset_of(event_id: str | None) -> int:
    """Return the offset that an event's id ends with; -1 if it has none."""
    offset = (event_id or "").rpartition("-")[2]
    is_offset = offset.isascii() and offset.isdigit() and len(offset) <= LONGEST_OFFSET
    return int(offset) if is_offset else -1
