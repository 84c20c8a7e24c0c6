"""Events to columns: what the bytes of a batch say of its leads, or why they say nothing.

No byte string makes the decoder raise or hang: each value is a lead or a verdict.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from operator import itemgetter
from typing import Any, TypeVar

import numpy as np
import orjson
from numpy.typing import NDArray

from schemas.avro_reader import AvroReader, Row, compile_reader
from schemas.column_reader import ColumnReader, ReadColumns, column_reader
from schemas.errors import ErrorCode, InvalidEventError
from schemas.field_names import FieldNames, misnamed
from schemas.fields import FieldKind
from schemas.readings import (
    FIRST_MS,
    PLAIN_TIMES,
    UNTIL_MS,
    NumberReading,
    Reading,
    TimeReading,
    read_number,
    read_time,
    time_of_number,
)
from schemas.store import SchemaStore
from schemas.times import LATEST_MS, iso_ms
from schemas.wire import AVRO_MARKER, BYTE_ORDER_MARK, HEADER_BYTES, WireFormat, detect

__all__ = ["Columns", "DecodedLeads", "LeadDecoder"]

Columns = dict[str, NDArray[np.float64] | list[Any]]
T = TypeVar("T")

CREATED_AT = "created_at"
COLUMNS_FROM = 8
"""Records of one schema from which on they are read into columns at once."""

NO_JSON = re.compile(rb"[:,\[]\s*(-?Infinity|NaN)\b")
"""What Python and JavaScript write for numbers that JSON does not have."""
JSON_TYPES = {
    FieldKind.NUMBER: "a number",
    FieldKind.DATE: "milliseconds since 1970 or an ISO 8601 time",
    FieldKind.CATEGORY: "a string, an integer or a boolean",
    FieldKind.TEXT: "a string, an integer or a boolean",
}


@dataclass(frozen=True, slots=True)
class DecodedLeads:
    """The leads of a batch, column by column, and the verdicts on the rest.

    Attributes
    ----------
    positions
        For each lead, the index of its value in the batch, ascending.
    lead_ids, request_ids
        Each lead's id and request id, if it has one, in UTF-8.
    created_at
        int64, shape (n,): times of creation, milliseconds since 1970.
    columns
        For each field that was asked for, n values: numbers and dates as float64, NaN where
        missing, never infinite; categories and texts as str, or as their UTF-8 bytes where that was
        asked for, None where missing.
    errors
        Index and verdict of each value that is no lead, ascending.
    """

    positions: list[int]
    lead_ids: list[bytes]
    created_at: NDArray[np.int64]
    request_ids: list[bytes | None]
    columns: Columns
    errors: list[tuple[int, InvalidEventError]]

    def without(self, verdicts: Mapping[int, InvalidEventError]) -> DecodedLeads:
        """Return the leads without those on which there is a verdict, which is among the errors.

        Parameters
        ----------
        verdicts
            By the lead's place among the leads, from 0.
        """
        errors = [(self.positions[row], verdict) for row, verdict in verdicts.items()]
        errors = sorted((*self.errors, *errors), key=itemgetter(0))
        return replace(_without(self, verdicts), errors=errors)

    def of(self, batch: Sequence[T]) -> Sequence[T]:
        """Take what belongs to the leads out of what belongs to the batch's values."""
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
        The fields to read, and what each must be. ``created_at``, as a date, is the time of
        creation that every lead has.
    max_bytes
        The largest event that is decoded.
    readings
        How numbers and times are written where their type does not say it: numbers as text, times
        as text or as numbers without a unit. A field that is not in it must have a number, or
        milliseconds or ISO 8601.
    names
        What finds the fields in a lead; by default, by the names in ``kinds``.
    keeps_bytes
        Whether categories and texts may be left as they came, as UTF-8 bytes: most of them are
        looked up and never read.
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
    ) -> None:
        self._store = store
        self._kinds = dict(kinds)
        # It is read as part of every lead, so there is no second reading of it.
        self._has_created_at = self._kinds.get(CREATED_AT) is FieldKind.DATE
        if self._has_created_at:
            del self._kinds[CREATED_AT]
        self._max_bytes = max_bytes
        self._keeps_bytes = keeps_bytes
        self._readings = dict(readings or {})
        self._readers: dict[bytes, AvroReader] = {}
        self._column_readers: dict[bytes, ColumnReader | None] = {}
        self._names = names or FieldNames({name: name for name in self._kinds})
        self._json = _JsonReader(self._kinds, self._readings, self._names)

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
        columns, found = self._columns_of_first(values), None
        if columns is not None:
            found = columns.read(values)
            if found.is_read.all():
                return self._as_leads([*left], found)
            left = np.flatnonzero(~found.is_read).tolist()
        rows: list[Row | None] = [None] * len(values)
        errors: dict[int, InvalidEventError] = {}
        avro: dict[bytes, list[int]] = {}
        for i in left:
            value = values[i]
            if value is None or len(value) > self._max_bytes or value[:2] != AVRO_MARKER:
                self._read_other(i, value, rows, errors)
            else:
                avro.setdefault(value[:HEADER_BYTES], []).append(i)
        for header, indices in avro.items():
            reader = self._reader(header)
            if isinstance(reader, InvalidEventError):
                errors.update(dict.fromkeys(indices, reader))
            else:
                reader(values, indices, rows, errors)
        if found is None:
            return self._as_columns(rows, errors)
        return self._joined(found, left, rows, errors)

    def prepare(self) -> None:
        """Make the readers of all known leads' schemas now, not when the first lead comes."""
        for schema in self._store.lead_contracts():
            self._reader(schema.header)

    def schema_of(self, value: bytes | None) -> str | None:
        """Name the schema that a value says it is written with, None where that is not known."""
        if not value or value[:2] != AVRO_MARKER:
            return None
        schema = self._store.by_fingerprint(value[2:HEADER_BYTES])
        return None if schema is None else schema.full_name

    def _columns_of_first(self, values: Sequence[bytes | None]) -> ColumnReader | None:
        """Find the reader of the first record's schema, that of most of a batch."""
        first = values[0] if len(values) >= COLUMNS_FROM else None
        if first is None or isinstance(self._reader(first[:HEADER_BYTES]), InvalidEventError):
            return None
        return self._column_readers[first[:HEADER_BYTES]]

    def _read_other(
        self,
        i: int,
        value: bytes | None,
        rows: list[Row | None],
        errors: dict[int, InvalidEventError],
    ) -> None:
        try:
            if value is not None and len(value) > self._max_bytes:
                raise InvalidEventError(
                    ErrorCode.TOO_LARGE,
                    f"expected at most {self._max_bytes} bytes, got {len(value)}: send less, or"
                    " raise LEADSCORE_MAX_EVENT_BYTES",
                )
            if detect(value) is WireFormat.JSON:
                assert value is not None
                rows[i] = self._json.read(value)
        except InvalidEventError as verdict:
            errors[i] = verdict

    def _reader(self, header: bytes) -> AvroReader | InvalidEventError:
        reader = self._readers.get(header)
        if reader is not None:
            return reader
        try:
            detect(header)
        except InvalidEventError as verdict:
            return verdict
        schema = self._store.by_fingerprint(header[2:])
        if schema is None:
            return InvalidEventError(
                ErrorCode.SCHEMA,
                f"no schema has the fingerprint {header[2:].hex()}: put its .avsc file into the"
                " folder that LEADSCORE_SCHEMA_DIR names, and restart",
            )
        try:
            schema = schema.with_names(self._names)
        except InvalidEventError as verdict:
            return verdict
        self._column_readers[header] = column_reader(
            schema, self._kinds, self._max_bytes, self._readings
        )
        self._readers[header] = compile_reader(schema, self._kinds, self._readings)
        return self._readers[header]

    def _joined(
        self,
        found: ReadColumns,
        others: Sequence[int],
        rows: list[Row | None],
        errors: dict[int, InvalidEventError],
    ) -> DecodedLeads:
        """Put together what was read by column and what was read record by record."""
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
        columns: Columns = dict(found.columns)
        if not self._keeps_bytes:
            for name, values in found.columns.items():
                if isinstance(values, list):
                    columns[name] = [None if v is None else v.decode() for v in values]
        return DecodedLeads(
            positions, found.lead_ids, found.created_at, found.request_ids, columns, []
        )

    def _as_columns(
        self, rows: Sequence[Row | None], errors: dict[int, InvalidEventError]
    ) -> DecodedLeads:
        found = [row for row in rows if row is not None] if errors else rows
        positions = [i for i, row in enumerate(rows) if row is not None] if errors else None
        lists = list(zip(*found, strict=True)) if found else [()] * (3 + len(self._kinds))
        columns: Columns = {}
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
    """Make one of several, in the order of the positions."""
    positions = [position for part in parts for position in part.positions]
    order = sorted(range(len(positions)), key=positions.__getitem__)

    def ordered(lists: Iterable[Sequence[Any]]) -> list[Any]:
        values = [value for given in lists for value in given]
        return [values[row] for row in order]

    columns: Columns = {}
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
    keep = [row for row in range(len(leads.positions)) if row not in rows]
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


class _JsonReader:
    """Reads leads that are JSON objects, the fields' names or their columns' as keys."""

    def __init__(
        self,
        kinds: Mapping[str, FieldKind],
        readings: Mapping[str, Reading],
        names: FieldNames,
    ) -> None:
        self._fields = list(kinds.items())
        self._own_names = frozenset(kinds)
        self._readings = readings
        self._names = names

    def read(self, value: bytes) -> Row:
        try:
            lead = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            if value.startswith(BYTE_ORDER_MARK):
                return self.read(value.removeprefix(BYTE_ORDER_MARK))
            raise InvalidEventError(ErrorCode.DECODE, _why_no_json(value, error)) from None
        lead_id = lead.get("lead_id")
        if not isinstance(lead_id, str) or not lead_id:
            raise InvalidEventError(
                ErrorCode.VALIDATION,
                "expected lead_id to be a string that is not empty, got"
                f" {_found_in(lead, 'lead_id')}"
                f"{': send it as text' if isinstance(lead_id, int | float) else ''}",
            )
        created_at = _time(lead.get("created_at"), PLAIN_TIMES)
        # NaN, for text that means missing, is in no range.
        if created_at is None or not 0 <= created_at < LATEST_MS:
            raise InvalidEventError(
                ErrorCode.VALIDATION,
                "expected created_at to be a time after 1970 (milliseconds, or ISO 8601), got"
                f" {_found_in(lead, 'created_at')}",
            )
        request_id = lead.get("request_id")
        if not isinstance(request_id, str):
            request_id = None
        return (
            lead_id,
            int(created_at),
            request_id or None,
            *self._values(lead),
        )

    def _values(self, lead: dict[str, Any]) -> list[Any]:
        """Read the fields by their own names, and those that are not there by other names."""
        values = [self._value(lead.get(name), name, kind) for name, kind in self._fields]
        if None in values and not lead.keys() >= self._own_names:  # cheap: most leads end here
            found = self._names.find(lead)
            for place, (name, kind) in enumerate(self._fields):
                if found[name] != name:
                    values[place] = self._value(lead.get(found[name]), name, kind)
        return values

    def _value(self, value: Any, name: str, kind: FieldKind) -> Any:
        if value is None:
            return None
        if kind is FieldKind.NUMBER:
            if isinstance(value, int | float):
                return _float(value)
            reading = self._readings.get(name)
            if isinstance(value, str) and isinstance(reading, NumberReading):
                number = read_number(value, reading)
                if number is not None:
                    return None if number != number else number
        elif kind is FieldKind.DATE:
            reading = self._readings.get(name)
            time = _time(value, reading if isinstance(reading, TimeReading) else None)
            if time is not None:
                return None if time != time else time
        elif isinstance(value, str):
            return value
        elif isinstance(value, bool):
            return "true" if value else "false"
        elif isinstance(value, int):
            return str(value)
        raise InvalidEventError(
            ErrorCode.TYPE,
            f"field {name}: expected {JSON_TYPES[kind]}, or null, got {_found(value)}"
            f"{_HOW_WRITTEN if isinstance(value, str) else ''}",
        )


_HOW_WRITTEN = (
    " that is not written as in the training data: send it as a number, or as the training data"
    " have it"
)


def _why_no_json(value: bytes, error: orjson.JSONDecodeError) -> str:
    literal = NO_JSON.search(value)
    if literal is not None:
        return (
            f"expected a JSON object, but {literal[1].decode()} is no JSON: send null where a"
            " number is not known"
        )
    return f"expected a JSON object in UTF-8: {error.msg} at {error.pos}"


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _time(value: Any, reading: TimeReading | None) -> float | None:
    """Return a time as milliseconds since 1970; None where it is none, NaN where it is missing."""
    # Most are milliseconds of these days, or ISO 8601: the quickest ways come first.
    if type(value) is int and FIRST_MS <= value < UNTIL_MS:
        if reading is None or reading.unit is None or reading.unit == "ms":
            return value
    elif isinstance(value, str):
        return iso_ms(value) if reading is None else read_time(value, reading)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    number = _float(value)
    if reading is not None:
        at = time_of_number(number, reading)
        if at is not None:
            return at
    # A number that no unit makes a time is what the contract says: whole milliseconds.
    return number if isinstance(value, int) else None


LONGEST_NAME = 60


def _found_in(lead: Mapping[str, Any], name: str) -> str:
    """Describe what a lead has under a name that must be exact."""
    if name in lead:
        return _found(lead[name])
    other = misnamed(name, lead)
    if other is None:
        return "no field of this name: send one"
    return f"no field of exactly this name: rename {other[:LONGEST_NAME]}"


def _found(value: Any) -> str:
    names = {
        type(None): "null",
        str: "a string",
        bool: "a boolean",
        int: "an integer",
        float: "a number",
        list: "an array",
        dict: "an object",
    }
    if value == "":
        return "an empty string"
    return names.get(type(value), type(value).__name__)
