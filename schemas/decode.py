"""Events to columns: what the bytes of a batch say of its leads, or why they say nothing.

No byte string makes the decoder raise or hang: each value is a lead or a verdict.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import orjson
from numpy.typing import NDArray

from schemas.avro_reader import AvroReader, Row, compile_reader
from schemas.errors import ErrorCode, InvalidEventError
from schemas.fields import FieldKind
from schemas.store import SchemaStore
from schemas.times import LATEST_MS, iso_ms
from schemas.wire import AVRO_MARKER, HEADER_BYTES, WireFormat, detect

__all__ = ["Columns", "DecodedLeads", "LeadDecoder"]

Columns = dict[str, NDArray[np.float64] | list[str | None]]

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
    lead_ids, created_at, request_ids
        Each lead's id, time of creation (milliseconds since 1970) and request id, if it has one.
    columns
        For each field that was asked for, n values: numbers and dates as float64, NaN where
        missing, never infinite; categories and texts as str, None where missing.
    errors
        Index and verdict of each value that is no lead, ascending.
    """

    positions: list[int]
    lead_ids: list[str]
    created_at: list[int]
    request_ids: list[str | None]
    columns: Columns
    errors: list[tuple[int, InvalidEventError]]


class LeadDecoder:
    """Decodes batches of events.

    Parameters
    ----------
    store
        The schemas that leads may be written with.
    kinds
        The fields to read, and what each must be.
    max_bytes
        The largest event that is decoded.
    """

    def __init__(
        self, store: SchemaStore, kinds: Mapping[str, FieldKind], *, max_bytes: int = 262_144
    ) -> None:
        self._store = store
        self._kinds = dict(kinds)
        self._max_bytes = max_bytes
        self._readers: dict[bytes, AvroReader] = {}
        self._json = _JsonReader(self._kinds)

    def decode(self, values: Sequence[bytes | None]) -> DecodedLeads:
        """Decode the values of a batch.

        Parameters
        ----------
        values
            The records' values.
        """
        rows: list[Row | None] = [None] * len(values)
        errors: dict[int, InvalidEventError] = {}
        avro: dict[bytes, list[int]] = {}
        for i, value in enumerate(values):
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
        return self._as_columns(rows, errors)

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
        self._readers[header] = compile_reader(schema, self._kinds)
        return self._readers[header]

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
            lead_ids=list(lists[0]),
            created_at=list(lists[1]),
            request_ids=list(lists[2]),
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


def _without(leads: DecodedLeads, rows: Mapping[int, object]) -> DecodedLeads:
    keep = [row for row in range(len(leads.positions)) if row not in rows]
    return DecodedLeads(
        positions=[leads.positions[row] for row in keep],
        lead_ids=[leads.lead_ids[row] for row in keep],
        created_at=[leads.created_at[row] for row in keep],
        request_ids=[leads.request_ids[row] for row in keep],
        columns={
            name: values[keep] if isinstance(values, np.ndarray) else [values[r] for r in keep]
            for name, values in leads.columns.items()
        },
        errors=[],
    )


class _JsonReader:
    """Reads leads that are JSON objects, field names as keys."""

    def __init__(self, kinds: Mapping[str, FieldKind]) -> None:
        self._fields = list(kinds.items())

    def read(self, value: bytes) -> Row:
        try:
            lead = orjson.loads(value)
        except orjson.JSONDecodeError as error:
            raise InvalidEventError(
                ErrorCode.DECODE, f"expected a JSON object in UTF-8: {error.msg} at {error.pos}"
            ) from None
        lead_id = lead.get("lead_id")
        if not isinstance(lead_id, str) or not lead_id:
            raise InvalidEventError(
                ErrorCode.VALIDATION,
                f"expected lead_id to be a string that is not empty, got {_found(lead_id)}",
            )
        created_at = _time(lead.get("created_at"))
        if created_at is None or not 0 <= created_at < LATEST_MS:
            raise InvalidEventError(
                ErrorCode.VALIDATION,
                "expected created_at to be milliseconds since 1970 or an ISO 8601 time, got"
                f" {_found(lead.get('created_at'))}",
            )
        request_id = lead.get("request_id")
        if not isinstance(request_id, str):
            request_id = None
        return (
            lead_id,
            created_at,
            request_id or None,
            *(self._value(lead.get(name), name, kind) for name, kind in self._fields),
        )

    @staticmethod
    def _value(value: Any, name: str, kind: FieldKind) -> Any:
        if value is None:
            return None
        if kind is FieldKind.NUMBER and isinstance(value, int | float):
            return _float(value)
        if kind is FieldKind.DATE:
            time = _time(value)
            if time is not None:
                return _float(time)
        if kind in (FieldKind.CATEGORY, FieldKind.TEXT):
            if isinstance(value, str):
                return value
            if isinstance(value, bool):
                return "true" if value else "false"
            if isinstance(value, int):
                return str(value)
        raise InvalidEventError(
            ErrorCode.TYPE,
            f"field {name}: expected {JSON_TYPES[kind]}, or null, got {_found(value)}",
        )


def _float(value: float) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf


def _time(value: Any) -> int | None:
    """Read a time as milliseconds since 1970; None where it is none."""
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return iso_ms(value) if isinstance(value, str) else None


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
