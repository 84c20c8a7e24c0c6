"""Decoding of batches: from bytes to columns of leads, and errors.

No bytes make the decoder raise or hang: each value becomes a lead or an error.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from schemas.errors import ErrorCode, InvalidEventError
from schemas.field_names import FieldNames
from schemas.fields import FieldKind
from schemas.formats.event_format import DecodedRow, EventFormat, LeadFields, ReadColumns
from schemas.readings import Reading
from schemas.store import SchemaStore
from schemas.wire import FORMATS, WireFormat, detect

__all__ = ["DecodedColumns", "DecodedLeads", "LeadDecoder"]

DecodedColumns = dict[str, NDArray[np.float64] | list[Any]]
T = TypeVar("T")

CREATED_AT = "created_at"


@dataclass(frozen=True, slots=True)
class DecodedLeads:
    """The leads of a batch by column, and the errors of the other values.

    Attributes
    ----------
    positions
        For each lead, the index of its value in the batch, ascending.
    lead_ids, request_ids
        Each lead's id and request id, if it has one, in UTF-8.
    created_at
        int64, shape (n,): times of creation, milliseconds since 1970.
    columns
        For each requested field, n values: numbers and dates as float64, NaN where missing, never
        infinite; categories and texts as str, or as UTF-8 bytes if requested, None where missing.
    errors
        Index and error of each value that is not a lead, ascending.
    """

    positions: list[int]
    lead_ids: list[bytes]
    created_at: NDArray[np.int64]
    request_ids: list[bytes | None]
    columns: DecodedColumns
    errors: list[tuple[int, InvalidEventError]]

    def without(self, verdicts: Mapping[int, InvalidEventError]) -> DecodedLeads:
        """Return the leads without some that are invalid, whose errors are added.

        Parameters
        ----------
        verdicts
            The errors, by the lead's index among the leads.
        """
        errors = [(self.positions[row], verdict) for row, verdict in verdicts.items()]
        errors = sorted((*self.errors, *errors), key=itemgetter(0))
        return replace(_without(self, verdicts), errors=errors)

    def take(self, rows: Sequence[int]) -> DecodedLeads:
        """Return some of the leads, by their indices among the leads, without errors."""
        return _taken(self, rows)

    def of(self, batch: Sequence[T]) -> Sequence[T]:
        """Return those items of a batch that belong to leads."""
        if len(self.positions) == len(batch):
            return batch
        return [batch[i] for i in self.positions]


class LeadDecoder:
    """Decodes batches of events.

    Parameters
    ----------
    store
        The schemas that leads may be written with.
    kinds
        The fields to read, and the kind of each. ``created_at`` as a date is the time of creation
        that every lead has.
    max_bytes
        The largest event that is decoded.
    readings
        Formats of numbers and times whose type does not give it: numbers as text, times as text or
        as numbers without a unit. Other fields must be numbers, or milliseconds or ISO 8601.
    names
        Finds the fields in a lead; default: by the names in ``kinds``.
    keeps_bytes
        Whether categories and texts may stay UTF-8 bytes: most are only looked up in a table.
    formats
        The wire formats; default: those that need no schema registry.
    """

    def __init__(
        self,
        store: SchemaStore,
        kinds: Mapping[str, FieldKind],
        *,
        max_bytes: int = 262_144,
        keeps_bytes: bool = False,
        readings: Mapping[str, Reading] | None = None,
        names: FieldNames | None = None,
        formats: Mapping[WireFormat, EventFormat] = FORMATS,
    ) -> None:
        self._kinds = dict(kinds)
        # Every lead has it: it is not read twice.
        self._has_created_at = self._kinds.get(CREATED_AT) is FieldKind.DATE
        if self._has_created_at:
            del self._kinds[CREATED_AT]
        self._max_bytes = max_bytes
        self._keeps_bytes = keeps_bytes
        fields = LeadFields(
            self._kinds,
            dict(readings or {}),
            names or FieldNames({name: name for name in self._kinds}),
            max_bytes,
        )
        self._readers = {wire: form.lead_reader(store, fields) for wire, form in formats.items()}

    def decode(self, values: Sequence[bytes | None]) -> DecodedLeads:
        """Decode the values of a batch.

        Parameters
        ----------
        values
            The records' values.
        """
        leads = self._read(values)
        if self._has_created_at:
            leads.columns[CREATED_AT] = leads.created_at.astype(np.float64)
        return leads

    def _read(self, values: Sequence[bytes | None]) -> DecodedLeads:
        left: Sequence[int] = range(len(values))
        found = self._read_columns(values)
        if found is not None:
            if found.is_read.all():
                return self._as_leads([*left], found)
            left = np.flatnonzero(~found.is_read).tolist()
        rows: list[DecodedRow | None] = [None] * len(values)
        errors: dict[int, InvalidEventError] = {}
        by_format: dict[WireFormat, list[int]] = {}
        for i in left:
            try:
                by_format.setdefault(self._format_of(values[i]), []).append(i)
            except InvalidEventError as verdict:
                errors[i] = verdict.without_frames()
        for wire, indices in by_format.items():
            self._readers[wire].read_rows(values, indices, rows, errors)
        if found is None:
            return self._as_columns(rows, errors)
        return self._joined(found, left, rows, errors)

    def prepare(self) -> None:
        """Create the readers of all known leads' schemas now, not when the first lead comes."""
        for reader in self._readers.values():
            reader.prepare()

    def schema_of(self, value: bytes | None) -> str | None:
        """Return the name of the schema that a value was written with; None if it is not known."""
        try:
            return self._readers[detect(value)].schema_of(value or b"")
        except InvalidEventError:
            return None

    def _read_columns(self, values: Sequence[bytes | None]) -> ReadColumns | None:
        """Read by column the records in the format of the first one, which most have."""
        try:
            wire = detect(values[0] if values else None)
        except InvalidEventError:
            return None
        return self._readers[wire].read_columns(values)

    def _format_of(self, value: bytes | None) -> WireFormat:
        if value is not None and len(value) > self._max_bytes:
            raise InvalidEventError(
                ErrorCode.TOO_LARGE,
                f"expected at most {self._max_bytes} bytes, got {len(value)}: send less, or"
                " raise LEADSCORE_MAX_EVENT_BYTES",
            )
        return detect(value)

    def _joined(
        self,
        found: ReadColumns,
        others: Sequence[int],
        rows: list[DecodedRow | None],
        errors: dict[int, InvalidEventError],
    ) -> DecodedLeads:
        """Merge the leads read by column with those read one by one."""
        plain = self._as_leads(np.flatnonzero(found.is_read).tolist(), found)
        renumbered = {i: errors[i] for i in others if i in errors}
        rest = self._as_columns(
            [rows[i] for i in others],
            {row: renumbered[i] for row, i in enumerate(others) if i in renumbered},
        )
        rest = replace(
            rest,
            positions=[others[row] for row in rest.positions],
            errors=[(others[row], error) for row, error in rest.errors],
        )
        return _in_order((plain, rest))

    def _as_leads(self, positions: list[int], found: ReadColumns) -> DecodedLeads:
        columns: DecodedColumns = dict(found.columns)
        if not self._keeps_bytes:
            for name, values in found.columns.items():
                if isinstance(values, list):
                    columns[name] = [None if v is None else v.decode() for v in values]
        return DecodedLeads(
            positions, found.lead_ids, found.created_at, found.request_ids, columns, []
        )

    def _as_columns(
        self, rows: Sequence[DecodedRow | None], errors: dict[int, InvalidEventError]
    ) -> DecodedLeads:
        found = [row for row in rows if row is not None] if errors else rows
        positions = [i for i, row in enumerate(rows) if row is not None] if errors else None
        lists = list(zip(*found, strict=True)) if found else [()] * (3 + len(self._kinds))
        columns: DecodedColumns = {}
        bad: dict[int, str] = {}
        for (name, kind), values in zip(self._kinds.items(), lists[3:], strict=True):
            if kind in (FieldKind.NUMBER, FieldKind.DATE):
                numbers = np.array(values, dtype=np.float64)
                wrong = ~np.isfinite(numbers)
                if np.count_nonzero(wrong) != values.count(None):
                    for row in np.flatnonzero(wrong).tolist():
                        if values[row] is not None:
                            bad.setdefault(row, name)
                columns[name] = numbers
            else:
                columns[name] = list(values)
        leads = DecodedLeads(
            positions=list(range(len(rows))) if positions is None else positions,
            lead_ids=[lead_id.encode() for lead_id in lists[0]],
            created_at=np.array(lists[1], dtype=np.int64),
            request_ids=[given.encode() if given else None for given in lists[2]],
            columns=columns,
            errors=[],
        )
        if bad:
            for row, name in bad.items():
                errors[leads.positions[row]] = InvalidEventError(
                    ErrorCode.NOT_FINITE,
                    f"field {name}: expected a finite number or null, got NaN or infinity: send"
                    " null where a number is not known",
                )
            leads = _without(leads, bad)
        leads.errors.extend(sorted(errors.items()))
        return leads


def _in_order(parts: Sequence[DecodedLeads]) -> DecodedLeads:
    """Merge leads in the order of their positions."""
    positions = [position for part in parts for position in part.positions]
    order = sorted(range(len(positions)), key=positions.__getitem__)

    def ordered(lists: Iterable[Sequence[Any]]) -> list[Any]:
        values = [value for given in lists for value in given]
        return [values[row] for row in order]

    columns: DecodedColumns = {}
    for name, first in parts[0].columns.items():
        found: Any = [part.columns[name] for part in parts]
        is_array = isinstance(first, np.ndarray)
        columns[name] = np.concatenate(found)[order] if is_array else ordered(found)
    return DecodedLeads(
        positions=[positions[row] for row in order],
        lead_ids=ordered(part.lead_ids for part in parts),
        created_at=np.concatenate([part.created_at for part in parts])[order],
        request_ids=ordered(part.request_ids for part in parts),
        columns=columns,
        errors=sorted((error for part in parts for error in part.errors), key=itemgetter(0)),
    )


def _without(leads: DecodedLeads, rows: Mapping[int, object]) -> DecodedLeads:
    return _taken(leads, [row for row in range(len(leads.positions)) if row not in rows])


def _taken(leads: DecodedLeads, keep: Sequence[int]) -> DecodedLeads:
    return DecodedLeads(
        positions=[leads.positions[row] for row in keep],
        lead_ids=[leads.lead_ids[row] for row in keep],
        created_at=leads.created_at[keep],
        request_ids=[leads.request_ids[row] for row in keep],
        columns={
            name: values[keep] if isinstance(values, np.ndarray) else [values[r] for r in keep]
            for name, values in leads.columns.items()
        },
        errors=[],
    )
