"""The records of leads that are candidates for a data set, by column."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.retraining.point_in_time import Cut
from model.bundle import Bundle
from schemas.decode import LeadDecoder
from schemas.registered import framed
from schemas.store import SchemaStore
from schemas.wire import formats_with
from stream.schema_registry.opened import asked_schemas
from stream.settings import Settings

__all__ = ["LeadRows"]


class LeadRows:
    """Leads as they were scored, by the fields of the model in production.

    Other fields of the leads are not read: a field that was left out on purpose, because it is
    known only after the outcome, must not come back by itself.

    Parameters
    ----------
    bundle
        The model in production.
    settings
        The folders of schemas, and the clock of the data set.
    cut
        Records outside its window are counted, not kept.

    Attributes
    ----------
    lead_ids
        The lead of each record that is kept, in UTF-8.
    too_old, immature, invalid
        Number of records that are not kept: before the window, after it, and no lead.
    """

    def __init__(self, bundle: Bundle, settings: Settings, cut: Cut) -> None:
        spec = bundle.metadata.spec
        store = SchemaStore.load(*settings.schema_folders)
        store.add(bundle.metadata.contract, f"the contract of model {bundle.name}")
        self._decoder = LeadDecoder(
            store,
            spec.kinds,
            max_bytes=settings.max_event_bytes,
            readings=spec.readings,
            names=spec.names,
            formats=formats_with(asked_schemas(settings)),
        )
        self._by_record = settings.retrain_time == "record"
        self._cut = cut
        self._columns: dict[str, list[Any]] = {name: [] for name in spec.kinds}
        self._times: list[NDArray[np.int64]] = []
        self._created: list[NDArray[np.int64]] = []
        self._places: list[NDArray[np.int64]] = []
        self.lead_ids: list[bytes] = []
        self.too_old = self.immature = self.invalid = 0

    def __len__(self) -> int:
        return len(self.lead_ids)

    def add(self, records: Sequence[Any]) -> None:
        """Add the records of a batch of one partition, in its order."""
        leads = self._decoder.decode([framed(r.value, r.headers) for r in records])
        self.invalid += len(leads.errors)
        own = leads.of(records)
        stamps = np.array([record.timestamp for record in own], dtype=np.int64)
        times = stamps if self._by_record else leads.created_at
        is_old, is_young = times < self._cut.first, times > self._cut.last
        self.too_old += int(is_old.sum())
        self.immature += int((is_young & ~is_old).sum())
        kept = np.flatnonzero(~is_old & ~is_young)
        chosen = kept.tolist()
        self.lead_ids += [leads.lead_ids[row] for row in chosen]
        self._times.append(times[kept])
        self._created.append(leads.created_at[kept])
        places = np.array([(r.partition, r.offset) for r in own], dtype=np.int64).reshape(-1, 2)
        self._places.append(places[kept])
        for name, values in leads.columns.items():
            is_array = isinstance(values, np.ndarray)
            self._columns[name].append(values[kept] if is_array else [values[i] for i in chosen])

    @property
    def times(self) -> NDArray[np.int64]:
        """Time of each record, by the clock of the data set; milliseconds since 1970."""
        return _joined(self._times)

    @property
    def created_at(self) -> NDArray[np.int64]:
        """Time of creation of each record's lead, milliseconds since 1970."""
        return _joined(self._created)

    @property
    def places(self) -> NDArray[np.int64]:
        """Partition and offset of each record, shape (n, 2)."""
        return np.concatenate([*self._places, np.empty((0, 2), dtype=np.int64)])

    def column(self, name: str, rows: NDArray[np.int64]) -> Any:
        """Return the values of a field for some rows: float64, or a list of texts."""
        parts = self._columns[name]
        if parts and isinstance(parts[0], np.ndarray):
            return np.concatenate(parts)[rows]
        values = [value for part in parts for value in part]
        return [values[row] for row in rows.tolist()]


def _joined(parts: Sequence[NDArray[np.int64]]) -> NDArray[np.int64]:
    return np.concatenate([*parts, np.empty(0, dtype=np.int64)])
