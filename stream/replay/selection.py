"""Which records of a range a replay scores: a filter on fields, and a sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from features.spec import FeatureSpec
from model.bundle import describe_bundle
from model.registry import Registry
from schemas.decode import DecodedLeads, LeadDecoder
from schemas.errors import ErrorCode, InputError
from schemas.fields import FieldKind
from schemas.registered import RegisteredSchemas, framed
from schemas.store import SchemaStore
from schemas.wire import formats_with
from stream.consume.partition_progress import Record
from stream.process.model_trial import Trials
from stream.replay.plan import ReplayPlan
from stream.schema_registry.opened import asked_schemas
from stream.settings import Settings

__all__ = ["Selection", "lead_filter", "load_selection", "sampled"]

NO_OFFSETS = np.empty(0, np.int64)
LEAD_ID = "lead_id"
SPREAD = 0x9E3779B97F4A7C15
"""The constants of SplitMix64 (Steele, Lea, Flood 2014), whose output is equidistributed."""
FIRST_MIX, SECOND_MIX = 0xBF58476D1CE4E5B9, 0x94D049BB133111EB


def sampled(partition: int, offsets: Sequence[int], share: float) -> NDArray[np.bool_]:
    """Return which records are in a sample: a function of their place alone.

    So a replay that is resumed or split draws the same sample.

    Parameters
    ----------
    partition, offsets
        The records.
    share
        Share of all records, 0 to 1.

    Returns
    -------
    ndarray of bool, shape (n,)
    """
    with np.errstate(over="ignore"):
        mixed = (np.asarray(offsets, np.uint64) + np.uint64(partition << 48)) * np.uint64(SPREAD)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(FIRST_MIX)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(SECOND_MIX)
        mixed ^= mixed >> np.uint64(31)
    return (mixed >> np.uint64(11)) * 2.0**-53 < share


class _LeadFilter:
    """Compares fields of leads with values.

    A record that can't be decoded passes: it becomes a dead letter, and is not left out in silence.
    """

    def __init__(
        self, decoder: LeadDecoder, wanted: Mapping[str, str | float], *, is_framed: bool
    ) -> None:
        self._decoder = decoder
        self._is_framed = is_framed
        self._wanted = wanted

    def kept(self, records: Sequence[Record]) -> NDArray[np.bool_]:
        values = [record.value for record in records]
        if self._is_framed:
            values = [framed(record.value, record.headers) for record in records]
        leads = self._decoder.decode(values)
        kept = np.zeros(len(records), np.bool_)
        is_like = np.ones(len(leads.positions), np.bool_)
        for field, value in self._wanted.items():
            is_like &= _equals(leads, field, value)
        kept[leads.positions] = is_like
        # A field of another type than the filter's has another value, too.
        kept[[at for at, error in leads.errors if error.code is not ErrorCode.TYPE]] = True
        return kept


def _equals(leads: DecodedLeads, field: str, value: str | float) -> NDArray[np.bool_]:
    if field == LEAD_ID:
        wanted = str(value).encode()
        return np.array([lead_id == wanted for lead_id in leads.lead_ids], np.bool_)
    column = leads.columns[field]
    return np.array([found == value for found in column], np.bool_)


def lead_filter(
    filters: Sequence[tuple[str, str]],
    spec: FeatureSpec,
    store: SchemaStore,
    max_bytes: int,
    registered: RegisteredSchemas | None = None,
) -> _LeadFilter | None:
    """Return the filter of a replay; None where there are no conditions.

    Parameters
    ----------
    filters
        Field and value of each condition; ``lead_id`` is a field, too.
    spec
        The model's fields: a number is compared as a number. Other fields are texts.
    store
        The schemas that leads may be written with.
    max_bytes
        The largest event that is decoded.
    registered
        The schemas of the schema registry; None: there is none.

    Raises
    ------
    InputError
        A value is no number where the field is one, or the field is a date.
    """
    if not filters:
        return None
    wanted: dict[str, str | float] = {}
    kinds: dict[str, FieldKind] = {}
    for field, value in filters:
        kind = spec.kinds.get(field, FieldKind.CATEGORY)
        if kind is FieldKind.DATE or field == "created_at":
            raise InputError(
                f"--filter {field}: expected a field that is no date: give --from, --to"
            )
        try:
            wanted[field] = float(value) if kind is FieldKind.NUMBER else value
        except ValueError:
            raise InputError(f"--filter {field}: expected a number, not {value!r}") from None
        if field != LEAD_ID:
            kinds[field] = kind
    decoder = LeadDecoder(
        store,
        kinds,
        max_bytes=max_bytes,
        readings={name: given for name, given in spec.readings.items() if name in kinds},
        formats=formats_with(registered),
    )
    return _LeadFilter(decoder, wanted, is_framed=registered is not None)


class Selection:
    """Selects records by their places, a sample and a filter.

    Parameters
    ----------
    share
        Share of the records in the sample.
    matches
        The filter; None: there is none.
    places
        int64, ascending: the offsets of each partition that may be scored; None: all.
    """

    def __init__(
        self,
        share: float = 1.0,
        matches: _LeadFilter | None = None,
        places: Mapping[int, NDArray[np.int64]] | None = None,
    ) -> None:
        self._share = share
        self._matches = matches
        self._places = places

    def at(self, places: Mapping[int, NDArray[np.int64]]) -> Selection:
        """Return the same selection of records at some places only."""
        return Selection(self._share, self._matches, places)

    def kept(self, partition: int, records: Sequence[Record]) -> Sequence[Record]:
        """Return the records of a partition that are scored."""
        if self._places is not None:
            found = _contains(
                self._places.get(partition, NO_OFFSETS), [record.offset for record in records]
            )
            records = [records[row] for row in np.flatnonzero(found).tolist()]
        if self._share < 1.0:
            drawn = sampled(partition, [record.offset for record in records], self._share)
            records = [records[row] for row in np.flatnonzero(drawn).tolist()]
        if self._matches is not None and records:
            rows = np.flatnonzero(self._matches.kept(records)).tolist()
            records = [records[row] for row in rows]
        return records


def _contains(ascending: NDArray[np.int64], offsets: Sequence[int]) -> NDArray[np.bool_]:
    """Return which offsets are among others; np.isin would read all of these."""
    wanted = np.asarray(offsets, np.int64)
    at = np.searchsorted(ascending, wanted)
    is_inside = at < len(ascending)
    is_inside[is_inside] = ascending[at[is_inside]] == wanted[is_inside]
    return is_inside


def load_selection(plan: ReplayPlan, settings: Settings) -> Selection:
    """Return the selection of a plan; its filter knows the kinds of the model's fields."""
    if not plan.filters:
        return Selection(plan.sample)
    registry = Registry(settings.registry)
    name = f"{plan.model_id}/{plan.model_version}"
    metadata = describe_bundle(registry.resolve(name), Trials()).metadata
    store = SchemaStore.load(*settings.schema_folders)
    store.add(metadata.contract, f"the contract of model {plan.model_id}")
    matches = lead_filter(
        *(plan.filters, metadata.spec, store, settings.max_event_bytes),
        registered=asked_schemas(settings),
    )
    return Selection(plan.sample, matches)
