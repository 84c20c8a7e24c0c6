"""JSON: a lead or an event is an object."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from typing import Any

import orjson
from fastavro.validation import validate

from schemas.errors import ErrorCode, InvalidEventError
from schemas.field_names import FieldNames, misnamed
from schemas.fields import FieldKind
from schemas.formats.event_format import DecodedRow, LeadFields
from schemas.nested_objects import flattened, path_to
from schemas.number_reading import NumberReading, read_number
from schemas.readings import Reading
from schemas.scored_event import ScoredEvent, ScoredModel, ScoredRows
from schemas.store import Schema, SchemaStore
from schemas.time_reading import (
    FIRST_MS,
    PLAIN_TIMES,
    UNTIL_MS,
    TimeReading,
    read_time,
    time_of_number,
)
from schemas.times import LATEST_MS, iso_ms

__all__ = ["JsonObjects"]

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Byte order mark of UTF-8, which some senders on Windows write."""
JSON = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*\{")
BRACE = ord("{")

NO_JSON = re.compile(rb"[:,\[]\s*(-?Infinity|NaN)\b")
"""Tokens of Python and JavaScript for numbers that JSON does not have."""
JSON_TYPES = {
    FieldKind.NUMBER: "a number",
    FieldKind.DATE: "milliseconds since 1970 or an ISO 8601 time",
    FieldKind.CATEGORY: "a string, an integer or a boolean",
    FieldKind.TEXT: "a string, an integer or a boolean",
}


class JsonObjects:
    """The wire format "json"; see ``EventFormat``."""

    content_type = b"application/json"
    first_bytes = b"{ \t\r\n" + BYTE_ORDER_MARK[:1]

    def recognises(self, value: bytes) -> bool:
        """Return whether a value begins with ``{``, behind white space or a byte-order mark."""
        return value[0] == BRACE or JSON.match(value) is not None

    def lead_reader(self, store: SchemaStore, fields: LeadFields) -> JsonLeadReader:
        """Return a reader of leads; JSON names no schema."""
        return JsonLeadReader(fields)

    def write_lead(
        self, record: Mapping[str, Any], written: Mapping[str, Any], schema: Schema
    ) -> bytes:
        """Write a lead as it is read, once it is known to fit the schema."""
        validate(written, schema.parsed)
        return orjson.dumps(record)

    def scored_writer(self, event: ScoredEvent, model: ScoredModel) -> JsonEventWriter:
        """Return a writer of scored events."""
        return JsonEventWriter(event, model)


class JsonEventWriter:
    """Writes the scored events of one model; see ``ScoredWriter``."""

    def __init__(self, event: ScoredEvent, model: ScoredModel) -> None:
        self._event = event
        self._model = model

    def write(self, rows: ScoredRows) -> list[bytes]:
        """Write a batch."""
        return [*map(orjson.dumps, self._event.of_rows(rows, self._model))]


class JsonLeadReader:
    """Reads leads, their fields' names or their columns' as keys; see ``LeadReader``."""

    def __init__(self, fields: LeadFields) -> None:
        self._fields = list(fields.kinds.items())
        self._own_names = frozenset(fields.kinds)
        self._readings: Mapping[str, Reading] = fields.readings
        self._names: FieldNames = fields.names

    def read_columns(self, values: Sequence[bytes | None]) -> None:
        """Return None: objects are read one by one."""

    def read_rows(
        self,
        values: Sequence[bytes | None],
        indices: Sequence[int],
        rows: list[DecodedRow | None],
        errors: dict[int, InvalidEventError],
    ) -> None:
        """Read objects."""
        for i in indices:
            value = values[i]
            assert value is not None
            try:
                rows[i] = self._read(value)
            except InvalidEventError as verdict:
                errors[i] = verdict.without_frames()

    def prepare(self) -> None:
        """Do nothing: there is nothing to prepare."""

    def schema_of(self, value: bytes) -> None:
        """Return None: JSON names no schema."""

    def _read(self, value: bytes) -> DecodedRow:
        try:
            lead = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            if value.startswith(BYTE_ORDER_MARK):
                return self._read(value.removeprefix(BYTE_ORDER_MARK))
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
            if self._names.has_paths and dict in map(type, lead.values()):
                lead = flattened(lead)
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
            f"expected a JSON object, but {literal[1].decode()} is not valid JSON: send null where"
            " a number is not known"
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
    outer = path_to(name, lead)
    if outer is not None:
        return (
            f"no such field of the lead itself, but one inside {outer[:LONGEST_NAME]}: send that"
            " object as the lead"
        )
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
