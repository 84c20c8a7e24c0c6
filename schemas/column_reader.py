"""Reading of Avro records by column, in C.

Records of a flat schema, as leads mostly have, are read by a loop over the fields that is compiled
when LeadScore is installed. The loop reads only records that are valid in the simplest way. All
others go to the generated reader, which returns the error; without a compiler it reads all records.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.fields import FieldKind
from schemas.formats.event_format import ReadColumns
from schemas.logical_types import Meaning, meaning_of, type_name
from schemas.readings import Reading
from schemas.store import Schema
from schemas.time_reading import FIRST_MS, UNTIL_MS, TimeReading, time_of_number
from schemas.times import LATEST_MS

try:
    from schemas import _compiled
except ImportError:  # there was no compiler
    _compiled = None  # type: ignore[assignment]

__all__ = ["ColumnReader", "column_reader"]

PRIMITIVES = {"string": 0, "int": 1, "long": 1, "double": 2, "float": 3, "boolean": 4}
"""Numbers of the types in the compiled loop."""
NUMBERS = ("boolean", "int", "long", "float", "double")
EXACT = 2.0**53
"""float64 represents all integers up to this one."""
ENVELOPE = {"lead_id": "string", "created_at": "long", "request_id": "string"}
"""Fields of every lead, and the only types that are read here."""


@dataclass(frozen=True, slots=True)
class _Field:
    """A field that is a primitive, or a union of null and a primitive."""

    name: str
    primitive: str
    null: int | None
    """First byte of a null: twice the index of the branch; None: it is never null."""
    value: int | None
    """First byte of a value."""
    meaning: Meaning | None = None
    """Meaning of its values by their logical type."""


def column_reader(
    schema: Schema,
    kinds: Mapping[str, FieldKind],
    max_bytes: int,
    readings: Mapping[str, Reading] | None = None,
    *,
    header: bytes | None = None,
) -> ColumnReader | None:
    """Return the reader of a schema.

    None without a compiler, if the schema is not flat, or if the loop can't read a field's type.

    Parameters
    ----------
    schema
        The writer's.
    kinds
        The fields to read. A field that the schema lacks is always missing.
    max_bytes
        The largest record that is read.
    readings
        Formats of times without a unit; see ``LeadDecoder``.
    header
        The header of its records; None: that of a single-object encoding.
    """
    if _compiled is None:
        return None
    fields = [_field(entry["name"], entry["type"]) for entry in schema.avro["fields"]]
    known = [field for field in fields if field is not None]
    if len(known) != len(fields) or not _is_plain(known, kinds):
        return None
    return ColumnReader(header or schema.header, known, kinds, max_bytes, readings or {})


def _field(name: str, avro_type: Any) -> _Field | None:
    if not isinstance(avro_type, list):
        primitive = _primitive(avro_type)
        return _Field(name, primitive, None, None, meaning_of(avro_type)) if primitive else None
    found = [_primitive(branch) for branch in avro_type]
    if len(found) != 2 or "null" not in avro_type:
        return None
    null = avro_type.index("null")
    primitive = found[1 - null]
    if primitive is None:
        return None
    return _Field(name, primitive, 2 * null, 2 * (1 - null), meaning_of(avro_type[1 - null]))


def _primitive(avro_type: Any) -> str | None:
    """Return the name of a type; None if the loop can't read it."""
    named = type_name(avro_type)
    return named if named in PRIMITIVES else None


def _is_plain(fields: Sequence[_Field], kinds: Mapping[str, FieldKind]) -> bool:
    known = {field.name: field for field in fields}
    if not known.keys() >= {"lead_id", "created_at"}:
        return False
    if not _reads(known["created_at"], FieldKind.DATE):
        return False
    if any(known[name].primitive != needed for name, needed in ENVELOPE.items() if name in known):
        return False
    return all(_reads(known[name], kind) for name, kind in kinds.items() if name in known)


def _reads(field: _Field, kind: FieldKind) -> bool:
    what = None if field.meaning is None else field.meaning.what
    if field.meaning is not None and field.meaning.unit == "ns":  # float64 has not enough digits
        return False
    match kind:
        case FieldKind.NUMBER:
            return field.primitive in NUMBERS
        case FieldKind.DATE:
            return field.primitive in ("int", "long") and what != "clock"
        case _:
            return field.primitive == "string"


class ColumnReader:
    """Reads batches of records of one schema.

    Parameters
    ----------
    header
        The header of its records.
    fields
        All fields of the schema, in order.
    kinds
        The fields to read.
    max_bytes
        The largest record that is read.
    readings
        Formats of times without a unit.
    """

    def __init__(
        self,
        header: bytes,
        fields: Sequence[_Field],
        kinds: Mapping[str, FieldKind],
        max_bytes: int,
        readings: Mapping[str, Reading],
    ) -> None:
        self._header = header
        self._max_bytes = max_bytes
        self._kinds = dict(kinds)
        wanted = {*self._kinds, *ENVELOPE}
        found = [field for field in fields if field.name in wanted]
        bare = {field.name for field in found if field.meaning is None}
        self._scaled = {
            field.name: field.meaning
            for field in found
            if field.meaning is not None and field.meaning.unit in ("us", "days")
        }
        self._first_created = FIRST_MS if "created_at" in bare else 0.0
        self._unitless = {
            name: reading
            for name, reading in readings.items()
            if name in bare and isinstance(reading, TimeReading)
        }
        self._strings = [field.name for field in found if field.primitive == "string"]
        self._numbers = [field.name for field in found if field.primitive != "string"]
        places = dict(zip(self._strings, range(len(found)), strict=False))
        places |= dict(zip(self._numbers, range(len(found)), strict=False))
        rows = [
            (
                PRIMITIVES[field.primitive],
                -1 if field.null is None else field.null,
                0 if field.value is None else field.value,
                places.get(field.name, -1),
            )
            for field in fields
        ]
        self._plan = np.array(rows, np.int16)
        self._known: list[list[bytes | None] | None] = [
            None if name in ENVELOPE else [None] * _compiled.CACHED_STRINGS
            for name in self._strings
        ]

    def read(self, values: Sequence[bytes | None]) -> ReadColumns:
        """Read a batch.

        Parameters
        ----------
        values
            n records, also of other schemas.
        """
        n = len(values)
        strings: list[list[bytes | None]] = [[None] * n for _ in self._strings]
        numbers = np.empty((len(self._numbers), n))
        is_plain = np.empty(n, np.bool_)
        _compiled.read_records(
            list(values),
            self._header,
            self._max_bytes,
            self._plan,
            strings,
            self._known,
            numbers,
            is_plain.view(np.uint8),
        )
        read: dict[str, Any] = dict(zip(self._strings, strings, strict=True))
        read |= dict(zip(self._numbers, numbers, strict=True))
        for name, meaning in self._scaled.items():
            is_plain &= ~(np.abs(read[name]) > EXACT)
            read[name] = _scaled(read[name], meaning)
        ids, created_at = read["lead_id"], read["created_at"]
        # A smaller number without a unit may be seconds: left to the generated reader.
        is_plain &= (created_at >= self._first_created) & (created_at < LATEST_MS)
        for name, reading in self._unitless.items():
            read[name] = _in_ms(read[name], reading)
        is_plain &= np.fromiter(map(bool, ids), np.bool_, n)
        rows = None if is_plain.all() else np.flatnonzero(is_plain)
        missing = [None] * n
        return ReadColumns(
            is_read=is_plain,
            lead_ids=_rows_of(ids, rows),
            created_at=_rows_of(created_at, rows).astype(np.int64),
            request_ids=[
                given or None for given in _rows_of(read.get("request_id", missing), rows)
            ],
            columns={name: self._asked(name, read, n, rows) for name in self._kinds},
        )

    def _asked(
        self, name: str, read: Mapping[str, Any], n: int, rows: NDArray[np.intp] | None
    ) -> Any:
        if name in read:
            return _rows_of(read[name], rows)
        if self._kinds[name] in (FieldKind.NUMBER, FieldKind.DATE):
            return _rows_of(np.full(n, np.nan), rows)
        return _rows_of([None] * n, rows)


def _scaled(numbers: NDArray[np.float64], meaning: Meaning) -> NDArray[np.float64]:
    """Return times in milliseconds, NaN where missing."""
    if meaning.unit == "days":
        return numbers * 86_400_000.0
    return np.floor_divide(numbers, 1000.0) if meaning.what == "time" else numbers / 1000


def _in_ms(numbers: NDArray[np.float64], reading: TimeReading) -> NDArray[np.float64]:
    """Return times without a unit as milliseconds since 1970, NaN where missing."""
    if reading.unit in (None, "ms"):
        is_ms = (numbers >= FIRST_MS) & (numbers < UNTIL_MS)
        if (is_ms | np.isnan(numbers)).all():
            return numbers
    read = (time_of_number(number, reading) for number in numbers.tolist())
    found = [
        number if at is None else at for number, at in zip(numbers.tolist(), read, strict=True)
    ]
    return np.array(found, dtype=np.float64)


def _rows_of(column: Any, rows: NDArray[np.intp] | None) -> Any:
    """Return some rows of a column; all of them for None."""
    if rows is None:
        return column
    return (
        column[rows] if isinstance(column, np.ndarray) else [column[row] for row in rows.tolist()]
    )
