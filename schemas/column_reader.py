"""Reading of Avro records by column, in C.

Records of primitives, and of records and arrays of them, are read by a loop over the fields that is
compiled when LeadScore is installed. The loop reads only records that are valid in the simplest
way. All others go to the generated reader, which returns the error; without a compiler it reads all
records.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.fields import FieldKind
from schemas.formats.event_format import ReadColumns
from schemas.logical_types import Meaning, meaning_of, type_name
from schemas.nested_objects import DEEPEST
from schemas.readings import Reading
from schemas.store import Schema, named_types, of_name
from schemas.time_reading import FIRST_MS, UNTIL_MS, TimeReading, time_of_number
from schemas.times import LATEST_MS

try:
    from schemas import _compiled
except ImportError:  # there was no compiler
    _compiled = None  # type: ignore[assignment]

__all__ = ["ColumnReader", "column_reader"]

PRIMITIVES = {"string": 0, "int": 1, "long": 1, "double": 2, "float": 3, "boolean": 4}
"""Numbers of the types in the compiled loop."""
ARRAY = 5
"""Number of an array, whose items are skipped."""
MOST_FIELDS = 1000
"""Fields of a schema with those of its records: a type that is used in several places multiplies
them."""
NUMBERS = ("boolean", "int", "long", "float", "double")
EXACT = 2.0**53
"""float64 represents all integers up to this one."""
ENVELOPE = {"lead_id": "string", "created_at": "long", "request_id": "string"}
"""Fields of every lead, and the only types that are read here."""


class _CantReadError(Exception):
    """The loop can't read a type."""


@dataclass(frozen=True, slots=True)
class _Field:
    """A primitive, an array of what is skipped, or a union of null and one of these."""

    name: str | None
    """None: nobody can ask for it, as it is inside another value."""
    primitive: str
    """Empty for an array."""
    null: int | None
    """First byte of a null: twice the index of the branch; None: it is never null."""
    value: int | None
    """First byte of a value."""
    meaning: Meaning | None = None
    """Meaning of its values by their logical type."""
    items: tuple[_Field, ...] = ()
    """Fields of each item of an array."""


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
    try:
        fields = [*_Flattened(schema, {*kinds, *ENVELOPE}).fields()]
    except _CantReadError:
        return None
    if not _is_plain(fields, kinds):
        return None
    return ColumnReader(header or schema.header, fields, kinds, max_bytes, readings or {})


class _Flattened:
    """Finds the fields of a schema, and those of the records in it, in the order of their bytes."""

    def __init__(self, schema: Schema, wanted: Collection[str]) -> None:
        self._schema = schema
        self._wanted = wanted
        self._named = named_types(schema.parsed)
        self._left = MOST_FIELDS

    def fields(self) -> Iterator[_Field]:
        """Yield the fields; raise ``_CantReadError`` at one that the loop can't read."""
        for name, avro_type in self._schema.fields.items():
            yield from self._flat(name, name, avro_type, 1)

    def _flat(self, path: str, name: str | None, avro_type: Any, depth: int) -> Iterator[_Field]:
        null, value, branch = self._branches(avro_type)
        self._left -= 1
        if depth > DEEPEST or self._left < 0:
            raise _CantReadError
        named = type_name(branch)
        if named in PRIMITIVES:
            yield _Field(name, named, null, value, meaning_of(branch))
        elif named == "array":
            # No field has such a path: what is in an array is skipped.
            items = tuple(self._flat(f"{path}[]", None, branch["items"], depth + 1))
            yield _Field(name, "", null, value, items=items)
        elif named == "record" and null is None and name not in self._wanted:
            for entry in branch["fields"]:
                inner = f"{path}.{entry['name']}"
                asked = self._schema.nested.get(inner)
                yield from self._flat(inner, asked, entry["type"], depth + 1)
        else:
            raise _CantReadError

    def _branches(self, avro_type: Any) -> tuple[int | None, int | None, Any]:
        """Return the first bytes of a null and of a value, if there are nulls; and its type."""
        if not isinstance(avro_type, list):
            return None, None, of_name(avro_type, self._named)
        values = [place for place, branch in enumerate(avro_type) if type_name(branch) != "null"]
        if len(values) != 1 or len(avro_type) != 2:
            raise _CantReadError
        [at] = values
        return 2 * (1 - at), 2 * at, of_name(avro_type[at], self._named)


def _is_plain(fields: Sequence[_Field], kinds: Mapping[str, FieldKind]) -> bool:
    known = {field.name: field for field in fields if field.name is not None}
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
        found = {field.name: field for field in fields if field.name in wanted and field.name}
        bare = {name for name, field in found.items() if field.meaning is None}
        self._scaled = {
            name: field.meaning
            for name, field in found.items()
            if field.meaning is not None and field.meaning.unit in ("us", "days")
        }
        self._first_created = FIRST_MS if "created_at" in bare else 0.0
        self._unitless = {
            name: reading
            for name, reading in readings.items()
            if name in bare and isinstance(reading, TimeReading)
        }
        self._strings = [name for name, field in found.items() if field.primitive == "string"]
        self._numbers = [name for name, field in found.items() if field.primitive != "string"]
        places = dict(zip(self._strings, range(len(found)), strict=False))
        places |= dict(zip(self._numbers, range(len(found)), strict=False))
        self._plan = np.array([*_rows_of_plan(fields, places)], np.int16)
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


def _rows_of_plan(
    fields: Sequence[_Field], places: Mapping[str, int]
) -> Iterator[tuple[int, int, int, int]]:
    """Yield the rows of the loop's plan; those of an array's items follow the array."""
    for field in fields:
        null = -1 if field.null is None else field.null
        value = 0 if field.value is None else field.value
        if field.primitive:
            place = -1 if field.name is None else places.get(field.name, -1)
            yield PRIMITIVES[field.primitive], null, value, place
        else:
            items = [*_rows_of_plan(field.items, {})]
            yield ARRAY, null, value, len(items)
            yield from items


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
