"""The records of leads that are candidates for a data set: on disk, but for key and time."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from agents.retraining.point_in_time import KEY_BYTES, Cut, lead_key
from features.spec import CREATED_AT
from model.bundle import Bundle
from schemas.decode import DecodedLeads, LeadDecoder
from schemas.fields import FieldKind
from schemas.registered import framed
from schemas.store import SchemaStore
from schemas.wire import formats_with
from stream.archive.rows import load_pyarrow
from stream.retraining.row_spool import RowSpool
from stream.schema_registry.opened import asked_schemas
from stream.settings import Settings

__all__ = ["PLACE", "SPOOL", "TIME", "LeadRows"]

TIME = "leadscore_time"
PLACE = ("leadscore_partition", "leadscore_offset")
SPOOL = "leads.arrow"


class LeadRows:
    """Leads as they were scored, by the fields of the model in production.

    Other fields of the leads are not read: a field that was left out on purpose, because it is
    known only after the outcome, must not come back without a decision.

    Parameters
    ----------
    bundle
        The model in production.
    settings
        The folders of schemas, and the clock of the data set.
    cut
        Records outside its window are counted, not kept.
    folder
        Where the records are while the data set is made, as ``leads.arrow``.

    Attributes
    ----------
    too_old, immature, invalid
        Number of records that are not kept: before the window, after it, and no lead.
    """

    def __init__(self, bundle: Bundle, settings: Settings, cut: Cut, folder: Path) -> None:
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
        self._kinds = spec.kinds
        self._sources = spec.sources
        self._pa = load_pyarrow()
        self._spool = RowSpool(folder / SPOOL)
        self._keys: list[NDArray[np.uint8]] = []
        self._times: list[NDArray[np.int64]] = []
        self.too_old = self.immature = self.invalid = 0

    def __len__(self) -> int:
        return sum(map(len, self._times))

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
        keys = b"".join(lead_key(leads.lead_ids[row]) for row in kept.tolist())
        self._keys.append(np.frombuffer(keys, dtype=np.uint8).reshape(-1, KEY_BYTES))
        self._times.append(times[kept])
        self._spool.append(self._batch(leads, times, own, kept))

    def _batch(
        self,
        leads: DecodedLeads,
        times: NDArray[np.int64],
        own: Sequence[Any],
        kept: NDArray[np.intp],
    ) -> Any:
        """Return some leads as a batch of Arrow, with the columns of the data set's file."""
        pa = self._pa
        columns = {CREATED_AT: _moments(pa, leads.created_at[kept])}
        for name, kind in self._kinds.items():
            if name != CREATED_AT:
                values = _values(pa, kind, leads.columns[name], kept)
                columns[self._sources.get(name, name)] = values
        places = np.array([(r.partition, r.offset) for r in own], dtype=np.int64).reshape(-1, 2)
        columns[TIME] = _moments(pa, times[kept])
        columns |= dict(zip(PLACE, (pa.array(places[kept, i]) for i in (0, 1)), strict=True))
        return pa.RecordBatch.from_pydict(columns)

    @property
    def keys(self) -> NDArray[np.uint8]:
        """Key of each record's lead, shape (n, 16)."""
        return np.concatenate([*self._keys, np.empty((0, KEY_BYTES), dtype=np.uint8)])

    @property
    def times(self) -> NDArray[np.int64]:
        """Time of each record, by the clock of the data set; milliseconds since 1970."""
        return np.concatenate([*self._times, np.empty(0, dtype=np.int64)])

    def take(self, rows: NDArray[np.int64]) -> Any:
        """Return some of the records as a ``pyarrow.Table``; none can be added any more.

        Parameters
        ----------
        rows
            int64: at least one.
        """
        return self._spool.take(rows)


def _values(pa: Any, kind: FieldKind, values: Any, rows: NDArray[np.intp]) -> Any:
    if kind is FieldKind.DATE:
        return _moments(pa, values[rows])
    if kind is FieldKind.NUMBER:
        return pa.array(values[rows], pa.float64(), mask=np.isnan(values[rows]))
    return pa.array([values[row] for row in rows.tolist()], pa.string())


def _moments(pa: Any, ms: NDArray[Any]) -> Any:
    missing = np.isnan(ms.astype(np.float64))
    whole = np.where(missing, 0, ms).astype(np.int64)
    return pa.array(whole, pa.timestamp("ms", tz="UTC"), mask=missing)
