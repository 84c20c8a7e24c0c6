"""A plain reader of leads: slow, and as the Avro specification reads; the decoder's oracle.

It shares no code with the generated readers. Where it accepts bytes, fastavro must read the same.
"""

from __future__ import annotations

import math
import struct
from collections.abc import Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from schemas.errors import ErrorCode
from schemas.fields import FieldKind
from schemas.store import Schema
from schemas.time_reading import read_time

Outcome = ErrorCode | tuple[Any, ...]
"""A verdict, or lead_id, created_at, request_id and the fields in the order of their kinds."""

LATEST_MS = 253_402_300_800_000
YEAR_1990, YEAR_2100 = 631_152_000_000, 4_102_444_800_000
"""Milliseconds since 1970."""
NULL = ("null", None)
TIMES = {
    "date": 1,
    **{
        f"{local}timestamp-{unit}": per_ms
        for local in ("", "local-")
        for unit, per_ms in (("millis", 1), ("micros", 1000), ("nanos", 1_000_000))
    },
}
CLOCKS = {"time-millis": 1, "time-micros": 1000}
NUMERIC = ("int", "long", "float", "double", "boolean")
TEXTUAL = ("string", "enum", "boolean", "int", "long")


class MalformedError(Exception):
    """The bytes are not of the schema."""


def plain_outcome(schema: Schema, kinds: Mapping[str, FieldKind], value: bytes) -> Outcome:
    """Read a lead, or tell the code of its verdict."""
    try:
        fields = read_fields(schema, value)
    except MalformedError:
        return ErrorCode.DECODE
    lead_type, lead_id = fields.get("lead_id", NULL)
    if said_of(lead_type) == "uuid" and type_of(lead_type) == "fixed":
        lead_id = as_uuid(lead_id)
    elif type_of(lead_type) != "string":
        lead_id = None
    if not lead_id:
        return ErrorCode.VALIDATION
    try:
        created_at = _created(*fields.get("created_at", NULL))
    except TypeError:
        return ErrorCode.VALIDATION
    if created_at is None or not 0 <= created_at < LATEST_MS:
        return ErrorCode.VALIDATION
    request_type, request_id = fields.get("request_id", NULL)
    try:
        row = [convert(kind, *fields.get(name, NULL)) for name, kind in kinds.items()]
    except TypeError:
        return ErrorCode.TYPE
    if any(isinstance(cell, float) and not math.isfinite(cell) for cell in row):
        return ErrorCode.NOT_FINITE
    return (
        lead_id,
        created_at,
        request_id if type_of(request_type) == "string" and request_id else None,
        *row,
    )


def read_fields(schema: Schema, value: bytes) -> dict[str, tuple[Any, Any]]:
    """Read each field's type (of a union: its branch's) and value; raise where bytes are wrong."""
    reader = _Reader(value[10:], named_types(schema.parsed))
    fields = {entry["name"]: reader.read_typed(entry["type"]) for entry in schema.parsed["fields"]}
    if reader.rest:
        raise MalformedError("trailing bytes")
    return fields


def named_types(avro_type: Any) -> dict[str, Any]:
    """Find the definitions inside a type, by name."""
    if isinstance(avro_type, list):
        parts = avro_type
    elif isinstance(avro_type, dict):
        fields = [entry["type"] for entry in avro_type.get("fields", ())]
        parts = [avro_type[key] for key in ("type", "items", "values") if key in avro_type] + fields
    else:
        return {}
    found = {avro_type["name"]: avro_type} if "name" in avro_type else {}
    for part in parts:
        found |= named_types(part)
    return found


def type_of(avro_type: Any) -> str:
    return str(avro_type["type"] if isinstance(avro_type, dict) else avro_type)


def said_of(avro_type: Any) -> str | None:
    """Name the logical type of a branch, if it has one."""
    return avro_type.get("logical") if isinstance(avro_type, dict) else None


def as_uuid(raw: bytes) -> str:
    text = raw.hex()
    return "-".join((text[:8], text[8:12], text[12:16], text[16:20], text[20:]))


def convert(kind: FieldKind, avro_type: Any, value: Any) -> Any:
    """Turn a value into what its column holds; TypeError where it can't be."""
    named, said = type_of(avro_type), said_of(avro_type)
    if named == "null":
        return None
    if said == "decimal" and named in ("bytes", "fixed"):
        unscaled = int.from_bytes(value, "big", signed=True)
        if kind is FieldKind.NUMBER:
            return float(Decimal(unscaled).scaleb(-avro_type.get("scale", 0)))
        if kind is FieldKind.DATE or avro_type.get("scale", 0):
            raise TypeError
        return str(unscaled)
    if said == "uuid" and named == "fixed":
        if kind not in (FieldKind.CATEGORY, FieldKind.TEXT):
            raise TypeError
        return as_uuid(value)
    if kind is FieldKind.DATE:
        return float(_date(avro_type, value))
    if kind is FieldKind.NUMBER:
        if named not in NUMERIC:
            raise TypeError
        if said in CLOCKS:
            return value / CLOCKS[said]
        return float(_date(avro_type, value)) if said in TIMES else float(value)
    if named not in TEXTUAL or said in TIMES or said in CLOCKS:
        raise TypeError
    return ("true" if value else "false") if named == "boolean" else str(value)


def _created(avro_type: Any, value: Any) -> float | None:
    """Read a time of creation: text as any column of times has it, a number by its size."""
    named = type_of(avro_type)
    if named == "null":
        return None
    if named == "string":
        return read_time(value)
    if named in ("int", "long") and said_of(avro_type) is None:
        for unit in (1000, 1, 1 / 1000, 1 / 1_000_000):
            if YEAR_1990 <= value * unit < YEAR_2100:
                milliseconds: float = round(value * unit)
                return milliseconds
    return _date(avro_type, value)


def _date(avro_type: Any, value: Any) -> int:
    named, said = type_of(avro_type), said_of(avro_type)
    if named in ("int", "long") and said not in CLOCKS:
        return int(value * 86_400_000 if said == "date" else value // TIMES.get(said or "", 1))
    if named != "string":
        raise TypeError
    try:
        moment = datetime.fromisoformat(value)
        moment = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
        return round(moment.timestamp() * 1000)
    except (ValueError, OverflowError):
        raise TypeError from None


class _Reader:
    def __init__(self, rest: bytes, named: Mapping[str, Any]) -> None:
        self.rest = rest
        self._named = named

    def read_typed(self, avro_type: Any) -> tuple[Any, Any]:
        if isinstance(avro_type, list):
            return self.read_typed(self._pick(avro_type))
        if isinstance(avro_type, str) and avro_type in self._named:
            avro_type = self._named[avro_type]
        return avro_type, getattr(self, f"_{type_of(avro_type)}")(avro_type)

    def _read(self, avro_type: Any) -> Any:
        return self.read_typed(avro_type)[1]

    def _take(self, size: int) -> bytes:
        if not 0 <= size <= len(self.rest):
            raise MalformedError("length")
        taken, self.rest = self.rest[:size], self.rest[size:]
        return taken

    def _varint(self) -> int:
        groups = []
        while True:
            (byte,) = self._take(1)
            groups.append(byte & 127)
            if byte < 128:
                break
        number = sum(group << 7 * i for i, group in enumerate(groups))
        if len(groups) > 10 or number >= 1 << 64:
            raise MalformedError("more than 64 bits")
        return number // 2 if number % 2 == 0 else -(number // 2) - 1

    def _pick(self, choices: list[Any]) -> Any:
        index = self._varint()
        if not 0 <= index < len(choices):
            raise MalformedError("no such branch or symbol")
        return choices[index]

    def _null(self, _: Any) -> None:
        return None

    def _boolean(self, _: Any) -> bool:
        byte = self._take(1)
        if byte not in (b"\0", b"\1"):
            raise MalformedError("boolean")
        return byte == b"\1"

    def _int(self, _: Any) -> int:
        return self._varint()

    _long = _int

    def _float(self, _: Any) -> float:
        return float(struct.unpack("<f", self._take(4))[0])

    def _double(self, _: Any) -> float:
        return float(struct.unpack("<d", self._take(8))[0])

    def _bytes(self, _: Any) -> bytes:
        return self._take(self._varint())

    def _string(self, _: Any) -> str:
        try:
            return self._take(self._varint()).decode()
        except UnicodeDecodeError:
            raise MalformedError("UTF-8") from None

    def _fixed(self, avro_type: Any) -> bytes:
        return self._take(avro_type["size"])

    def _enum(self, avro_type: Any) -> Any:
        return self._pick(avro_type["symbols"])

    def _record(self, avro_type: Any) -> dict[str, Any]:
        return {entry["name"]: self._read(entry["type"]) for entry in avro_type["fields"]}

    def _array(self, avro_type: Any) -> list[Any]:
        return [self._read(avro_type["items"]) for _ in self._items()]

    def _map(self, avro_type: Any) -> dict[str, Any]:
        return {self._string(None): self._read(avro_type["values"]) for _ in self._items()}

    def _items(self) -> Any:
        while left := self._varint():
            if left < 0:
                left = -left
                self._varint()
            # Lazily: a claimed count is believed only as far as there are bytes.
            for _ in range(left):
                yield
