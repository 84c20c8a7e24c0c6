"""Avro records read column by column: one step for a field of all records of a batch.

Where a schema is flat, as a lead's mostly is, a batch is read with a few NumPy calls a field
instead of Python statements a record. It reads only what is plainly right; a record of which
anything is odd is left to the generated reader, which knows the verdict.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from schemas.fields import FieldKind
from schemas.store import Schema
from schemas.times import LATEST_MS
from schemas.wire import HEADER_BYTES

__all__ = ["ColumnReader", "ReadColumns", "column_reader"]

Flags = NDArray[np.bool_]
Positions = NDArray[np.int64]

MARGIN = 16
"""Zeros after the last record, so that a look past its end stays inside."""
VARINT_BYTES = 10
PRIMITIVES = ("boolean", "int", "long", "float", "double", "string")
NUMBERS = ("boolean", "int", "long", "float", "double")
ENVELOPE = {"lead_id": "string", "created_at": "long", "request_id": "string"}
"""The fields that every lead has, and the only types that are read here."""


@dataclass(frozen=True, slots=True)
class ReadColumns:
    """What a batch's plain records hold.

    Attributes
    ----------
    is_read
        bool, shape (n,): which records these are; the columns are of them alone.
    lead_ids, created_at, request_ids
        The envelope.
    columns
        The fields that were asked for: numbers and dates as float64, NaN where missing; categories
        and texts as UTF-8 bytes, None where missing.
    """

    is_read: Flags
    lead_ids: list[bytes]
    created_at: list[int]
    request_ids: list[bytes | None]
    columns: dict[str, NDArray[np.float64] | list[bytes | None]]


@dataclass(frozen=True, slots=True)
class _Field:
    """A field as it is written: a primitive, or a union of null and one."""

    name: str
    primitive: str
    null: int | None
    """First byte of a null: twice the branch's number; None: it is never null."""
    value: int | None
    """First byte of a value."""


def column_reader(schema: Schema, kinds: Mapping[str, FieldKind]) -> ColumnReader | None:
    """Make the reader of a schema; None where it is not flat, or a field's type needs more care.

    Parameters
    ----------
    schema
        The writer's.
    kinds
        The fields to read. One that the schema lacks is always missing.
    """
    fields = [_field(entry["name"], entry["type"]) for entry in schema.avro["fields"]]
    known = [field for field in fields if field is not None]
    if len(known) != len(fields) or not _is_plain(known, kinds):
        return None
    return ColumnReader(known, kinds)


def _field(name: str, avro_type: Any) -> _Field | None:
    if not isinstance(avro_type, list):
        primitive = _primitive(avro_type)
        return _Field(name, primitive, None, None) if primitive else None
    found = [_primitive(branch) for branch in avro_type]
    if len(found) != 2 or "null" not in avro_type:
        return None
    null = avro_type.index("null")
    primitive = found[1 - null]
    return _Field(name, primitive, 2 * null, 2 * (1 - null)) if primitive else None


def _primitive(avro_type: Any) -> str | None:
    """Name a type; None where it is none of ours, or its logical type says more."""
    if isinstance(avro_type, dict):
        if avro_type.get("logicalType") not in (None, "timestamp-millis"):
            return None
        avro_type = avro_type["type"]
    return avro_type if avro_type in PRIMITIVES else None


def _is_plain(fields: Sequence[_Field], kinds: Mapping[str, FieldKind]) -> bool:
    types = {field.name: field.primitive for field in fields}
    if any(types.get(name, needed) != needed for name, needed in ENVELOPE.items()):
        return False
    if not types.keys() >= {"lead_id", "created_at"}:
        return False
    return all(_reads(types[name], kind) for name, kind in kinds.items() if name in types)


def _reads(primitive: str, kind: FieldKind) -> bool:
    match kind:
        case FieldKind.NUMBER:
            return primitive in NUMBERS
        case FieldKind.DATE:
            return primitive in ("int", "long")
        case _:
            return primitive == "string"


class ColumnReader:
    """Reads batches of records of one schema.

    Parameters
    ----------
    fields
        Of the schema, in its order.
    kinds
        The fields to read.
    """

    def __init__(self, fields: Sequence[_Field], kinds: Mapping[str, FieldKind]) -> None:
        self._fields = tuple(fields)
        self._kinds = dict(kinds)
        self._wanted = {*self._kinds, *ENVELOPE}

    def read(self, values: Sequence[bytes]) -> ReadColumns:
        """Read a batch.

        Parameters
        ----------
        values
            The records, each with its header; n at least 1.
        """
        batch = _Batch(values)
        read = {field.name: self._column(batch, field) for field in self._fields}
        batch.is_plain &= batch.at == batch.ends
        ids, created_at = read["lead_id"], read["created_at"]
        batch.is_plain &= (created_at >= 0) & (created_at < LATEST_MS)
        batch.is_plain &= np.fromiter(map(bool, ids), np.bool_, len(values))
        rows = None if batch.is_plain.all() else np.flatnonzero(batch.is_plain)
        missing = [None] * len(values)
        return ReadColumns(
            is_read=batch.is_plain,
            lead_ids=_of(ids, rows),
            created_at=_of(created_at, rows).astype(np.int64).tolist(),
            request_ids=[given or None for given in _of(read.get("request_id", missing), rows)],
            columns={name: self._asked(name, read, len(values), rows) for name in self._kinds},
        )

    def _column(self, batch: _Batch, field: _Field) -> Any:
        is_there = batch.branch(field)
        if field.primitive == "string":
            return batch.strings(is_there, is_wanted=field.name in self._wanted)
        return _READ[field.primitive](batch, is_there)

    def _asked(
        self, name: str, read: Mapping[str, Any], n: int, rows: NDArray[np.intp] | None
    ) -> Any:
        if name in read:
            return _of(read[name], rows)
        if self._kinds[name] in (FieldKind.NUMBER, FieldKind.DATE):
            return _of(np.full(n, np.nan), rows)
        return _of([None] * n, rows)


def _of(column: Any, rows: NDArray[np.intp] | None) -> Any:
    """Take the rows of a column; None: all of them."""
    if rows is None:
        return column
    return (
        column[rows] if isinstance(column, np.ndarray) else [column[row] for row in rows.tolist()]
    )


class _Batch:
    """The bytes of a batch, one after the other, and how far each record is read.

    Attributes
    ----------
    at, ends
        Each record's position in the bytes, and where it ends.
    is_plain
        Which records have had nothing odd so far; of the others, what is read means nothing.
    """

    def __init__(self, values: Sequence[bytes]) -> None:
        self.bytes = b"".join(values) + bytes(MARGIN)
        # One further than the last record's end: who runs past that one is not at its end.
        self._last = len(self.bytes) - MARGIN + 1
        self._data: NDArray[np.uint8] = np.frombuffer(self.bytes, np.uint8)
        lengths = np.fromiter(map(len, values), np.int64, len(values))
        self.ends: Positions = np.cumsum(lengths)
        self.at: Positions = self.ends - lengths + HEADER_BYTES
        self.is_plain: Flags = np.ones(len(values), np.bool_)

    def _pass(self, lengths: Any) -> None:
        """Go on; a record that would end before is odd, and stays inside the bytes."""
        self.at = np.minimum(self.at + lengths, self._last)

    def branch(self, field: _Field) -> Flags | None:
        """Read which branch of its union a field has; None: all have a value."""
        if field.null is None:
            return None
        branches = self._data[self.at]
        is_there: Flags = branches == field.value
        if not is_there.all():
            self.is_plain &= is_there | (branches == field.null)
        self._pass(1)
        return is_there

    def fractions(self, is_there: Flags | None, dtype: str) -> NDArray[np.float64]:
        """Read floats or doubles; one that is not finite is odd."""
        size = np.dtype(dtype).itemsize
        # A value of every position, as they may begin anywhere.
        every: NDArray[Any] = np.ndarray(
            (len(self.bytes) - size,), dtype, buffer=self.bytes, strides=(1,)
        )
        values: NDArray[np.float64] = every[self.at].astype(np.float64)
        self._pass(size if is_there is None else is_there * size)
        if is_there is not None:
            values[~is_there] = np.nan
        is_finite = np.isfinite(values)
        self.is_plain &= is_finite if is_there is None else is_finite | ~is_there
        return values

    def varints(self, is_there: Flags | None) -> NDArray[np.uint64]:
        """Read variable-length integers, 0 where there is none."""
        first = self._data[self.at]
        more: Flags = first > 127
        numbers: NDArray[np.uint64]
        if is_there is None:
            self._pass(1)
            numbers = (first & 127).astype(np.uint64)
        else:
            self._pass(is_there)
            more &= is_there
            numbers = np.where(is_there, first & 127, 0).astype(np.uint64)
        for place in range(1, VARINT_BYTES):
            if not more.any():
                return numbers
            byte = self._data[self.at]
            self._pass(more)
            numbers |= np.where(more, byte & 127, 0).astype(np.uint64) << np.uint64(7 * place)
            if place == VARINT_BYTES - 1:
                self.is_plain &= ~more | (byte < 2)  # 64 bits, and no byte after the tenth
            more = more & (byte > 127)
        return numbers

    def integers(self, is_there: Flags | None) -> NDArray[np.float64]:
        """Read ints and longs as the nearest float64."""
        numbers = self.varints(is_there)
        signed = (numbers >> np.uint64(1)).astype(np.int64) ^ -(numbers & np.uint64(1)).astype(
            np.int64
        )
        values: NDArray[np.float64] = signed.astype(np.float64)
        if is_there is not None:
            values[~is_there] = np.nan
        return values

    def booleans(self, is_there: Flags | None) -> NDArray[np.float64]:
        """Read booleans as 0 and 1."""
        found = self._data[self.at]
        self._pass(1 if is_there is None else is_there)
        values: NDArray[np.float64] = found.astype(np.float64)
        if is_there is None:
            self.is_plain &= found < 2
        else:
            self.is_plain &= (found < 2) | ~is_there
            values[~is_there] = np.nan
        return values

    def strings(self, is_there: Flags | None, *, is_wanted: bool) -> list[bytes | None]:
        """Read strings; one that is no UTF-8, or longer than its record, is odd."""
        numbers = self.varints(is_there)
        lengths = (numbers >> np.uint64(1)).astype(np.int64)
        fits = (numbers & np.uint64(1) == 0) & (lengths <= self.ends - self.at)
        if not fits.all():
            self.is_plain &= fits
            lengths[~fits] = 0
        starts = self.at
        self._pass(lengths)
        stops = starts + lengths
        if is_there is not None:
            stops[~is_there] = 0  # no string ends there: every record begins with its header
        found = self.bytes
        strings = [
            found[start:stop] if stop else None
            for start, stop in zip(starts.tolist(), stops.tolist(), strict=True)
        ]
        self._check_utf8(strings)
        return strings if is_wanted else []

    def _check_utf8(self, strings: Sequence[bytes | None]) -> None:
        if b"".join(filter(None, strings)).isascii():
            return
        for row, string in enumerate(strings):
            try:
                if string is not None:
                    string.decode()
            except UnicodeDecodeError:
                self.is_plain[row] = False


_READ: Mapping[str, Callable[[_Batch, Flags | None], Any]] = {
    "boolean": _Batch.booleans,
    "int": _Batch.integers,
    "long": _Batch.integers,
    "float": lambda batch, is_there: batch.fractions(is_there, "<f4"),
    "double": lambda batch, is_there: batch.fractions(is_there, "<f8"),
}
