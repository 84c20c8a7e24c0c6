"""Reads scored events by column, as far as the join needs them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from agents.outcomes.partition_join import ScoredLead
from agents.records import SourceRecord as Record
from schemas.decode import LeadDecoder
from schemas.fields import FieldKind
from schemas.model_identity import ModelIdentity
from schemas.record_codec import OLDER
from schemas.store import SchemaStore

__all__ = ["ScoreReader"]

KINDS = {
    "event_id": FieldKind.CATEGORY,
    "scored_at": FieldKind.DATE,
    "score": FieldKind.NUMBER,
    "category": FieldKind.CATEGORY,
    "model_id": FieldKind.CATEGORY,
    "model_version": FieldKind.CATEGORY,
    "model_sha256": FieldKind.CATEGORY,
    "replay_id": FieldKind.CATEGORY,
}


class ScoreReader:
    """Reads scored events of this version and of earlier ones, in Avro and JSON.

    Parameters
    ----------
    by_creation
        Whether a score counts as known since the lead was created, not since it was scored.
    """

    def __init__(self, *, by_creation: bool) -> None:
        store = SchemaStore.load()
        for file in sorted(OLDER.glob("lead_scored*.avsc")):
            store.add_file(file)
        self._decoder = LeadDecoder(store, KINDS)
        self._by_creation = by_creation
        self._models: dict[tuple[str, str, str], ModelIdentity] = {}

    def read(self, records: Sequence[Record]) -> tuple[list[ScoredLead], int]:
        """Read records.

        Returns
        -------
        scores
            Of workers: those of replays are left out.
        others
            Number of records that are no usable score.
        """
        found = self._decoder.decode([record.value for record in records])
        columns = found.columns
        times = found.created_at if self._by_creation else columns["scored_at"]
        scores = np.asarray(columns["score"], dtype=np.float64)
        are_usable = (scores >= 0) & (scores <= 1) & np.isfinite(np.asarray(times, np.float64))
        read, others = [], len(records) - len(found.lead_ids)
        texts = (columns[name] for name in ("event_id", "category", "replay_id"))
        models = (columns[name] for name in ("model_id", "model_version", "model_sha256"))
        rows = zip(found.lead_ids, times, scores.tolist(), are_usable, *texts, *models, strict=True)
        for lead_id, at, score, is_usable, event_id, band, replay, *model in rows:
            offset = (event_id or "").rpartition("-")[2]
            if not is_usable or not (offset.isascii() and offset.isdigit()) or len(offset) > 18:
                others += 1
            elif replay is None:
                read.append(
                    ScoredLead(
                        lead_id, int(at), int(offset), score, band or "", self._model(*model)
                    )
                )
        return read, others

    def _model(self, name: str | None, version: str | None, sha256: str | None) -> ModelIdentity:
        key = name or "", version or "", sha256 or ""
        if key not in self._models:
            self._models[key] = ModelIdentity(*key)
        return self._models[key]
