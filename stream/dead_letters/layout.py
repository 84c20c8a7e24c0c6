"""The fields of a lead's value with their bytes, as far as they can be read.

The workers' readers are compiled and return a value or an error. This one is slow and remembers
where it was: it finds the byte at which a value breaks.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from schemas.errors import InvalidEventError
from schemas.registered import header_of, in_words
from schemas.single_object import HEADER_BYTES
from schemas.store import Schema, SchemaStore
from schemas.wire import WireFormat, detect

__all__ = ["Field", "Layout", "layout_of"]

LONGEST_VARINT = 70
"""Bits: ten bytes of seven."""
FIXED_SIZES = {"float": "<f", "double": "<d"}
MOST_ITEMS = 100_000
"""Most items of an array or a map that are read."""


@dataclass(frozen=True, slots=True)
class Field:
    """A field of a lead.

    Attributes
    ----------
    name, type
        The type as the schema or JSON names it.
    start, end
        Its bytes in the value: start <= position < end.
    value
        As it is on the wire: time stamps are integers.
    """

    name: str
    type: str
    start: int
    end: int
    value: Any


@dataclass(slots=True)
class Layout:
    """The parts of a value that could be read.

    Attributes
    ----------
    wire
        The wire format; None if it is not known.
    schema
        The full name of the writer's schema; None in JSON, and if it is not known.
    fields
        Those that could be read, in the order of the bytes.
    broken_at
        Position of the byte at which reading stopped; None if all of it could be read.
    reason
        Why it stopped there.
    """

    wire: str | None = None
    schema: str | None = None
    fields: list[Field] = field(default_factory=list)
    broken_at: int | None = None
    reason: str | None = None

    def stop(self, at: int, reason: str) -> Layout:
        """Record where reading stopped, and why."""
        self.broken_at, self.reason = at, reason
        return self


class _BrokenError(ValueError):
    """The bytes from a position on are not of their type."""

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(reason)
        self.at = at


def layout_of(value: bytes, store: SchemaStore) -> Layout:
    """Read a value field by field, as far as it goes.

    Parameters
    ----------
    value
        A record's value.
    store
        The schemas that leads may be written with.
    """
    layout = Layout()
    try:
        wire = detect(value)
    except InvalidEventError:
        return layout.stop(0, "the first byte belongs to no wire format")
    layout.wire = str(wire)
    if wire is WireFormat.JSON:
        return _read_json(value, layout)
    if wire is WireFormat.CONFLUENT:
        header = header_of(value) or b""
        return layout.stop(len(header), f"the value has {in_words(header)} of a schema registry")
    if len(value) < HEADER_BYTES:
        return layout.stop(len(value), f"the header has {HEADER_BYTES} bytes")
    schema = store.by_fingerprint(value[2:HEADER_BYTES])
    if schema is None:
        return layout.stop(2, "no schema has the fingerprint in bytes 2 to 9")
    layout.schema = schema.full_name
    return _read_avro(value, schema, layout)


def _read_avro(value: bytes, schema: Schema, layout: Layout) -> Layout:
    reader = _AvroReader(value, schema)
    for entry in schema.parsed["fields"]:
        start = reader.at
        try:
            type_name, found = reader.read(entry["type"])
        except _BrokenError as error:
            return layout.stop(error.at, f"field {entry['name']}: {error}")
        layout.fields.append(Field(entry["name"], type_name, start, reader.at, found))
    if reader.at < len(value):
        return layout.stop(reader.at, f"{len(value) - reader.at} bytes after the last field")
    return layout


class _AvroReader:
    """Reads Avro's binary encoding (Avro 1.11 specification, "Binary Encoding")."""

    def __init__(self, value: bytes, schema: Schema) -> None:
        self.at = HEADER_BYTES
        self._value = value
        self._named: dict[str, Any] = {}
        self._learn(schema.parsed)

    def _learn(self, avro_type: Any) -> None:
        """Collect the named types inside a type."""
        if isinstance(avro_type, list):
            for branch in avro_type:
                self._learn(branch)
        elif isinstance(avro_type, Mapping):
            if "name" in avro_type:
                self._named[avro_type["name"]] = avro_type
            inner = [avro_type[key] for key in ("items", "values") if key in avro_type]
            for part in (*inner, *(entry["type"] for entry in avro_type.get("fields", ()))):
                self._learn(part)

    def read(self, avro_type: Any) -> tuple[str, Any]:
        """Return the name of a type, and of its value; of a union that of the branch."""
        if isinstance(avro_type, list):
            start = self.at
            branch = self._varint()
            if not 0 <= branch < len(avro_type):
                raise _BrokenError(start, f"the union has no branch {branch}")
            return self.read(avro_type[branch])
        if isinstance(avro_type, str):
            if avro_type in self._named:
                return self.read(self._named[avro_type])
            return avro_type, self._primitive(avro_type)
        return self._complex(avro_type)

    def _complex(self, avro_type: Mapping[str, Any]) -> tuple[str, Any]:
        match avro_type["type"]:
            case "record":
                return "record", {e["name"]: self.read(e["type"])[1] for e in avro_type["fields"]}
            case "enum":
                start, symbols = self.at, avro_type["symbols"]
                position = self._varint()
                if not 0 <= position < len(symbols):
                    raise _BrokenError(start, f"the enum has no symbol {position}")
                return "enum", symbols[position]
            case "fixed":
                return "fixed", self._bytes(avro_type["size"])
            case "array":
                return "array", [self.read(avro_type["items"])[1] for _ in self._items()]
            case "map":
                return "map", {
                    self._primitive("string"): self.read(avro_type["values"])[1]
                    for _ in self._items()
                }
            case primitive:
                return self.read(primitive)

    def _items(self) -> Any:
        """Yield once for each item of the blocks of an array or a map."""
        seen = 0
        while True:
            start = self.at
            count = self._varint()
            if not count:
                return
            if count < 0:
                count = -count
                self._varint()  # the block's size in bytes
            seen += count
            if seen > MOST_ITEMS:
                raise _BrokenError(start, f"more than {MOST_ITEMS} items")
            yield from range(count)

    def _primitive(self, name: str) -> Any:
        match name:
            case "null":
                return None
            case "boolean":
                start = self.at
                byte = self._bytes(1)[0]
                if byte > 1:
                    raise _BrokenError(start, f"a boolean is 00 or 01, not {byte:02x}")
                return bool(byte)
            case "int" | "long":
                return self._varint()
            case "float" | "double":
                form = FIXED_SIZES[name]
                return struct.unpack(form, self._bytes(struct.calcsize(form)))[0]
            case "bytes" | "string":
                return self._text(name)
        raise _BrokenError(self.at, f"its type {name} is not known")

    def _text(self, name: str) -> Any:
        start = self.at
        size = self._varint()
        if size < 0 or size > len(self._value) - self.at:
            raise _BrokenError(
                start, f"its length is {size}, but {len(self._value) - self.at} bytes follow"
            )
        first = self.at
        found = self._bytes(size)
        if name == "bytes":
            return found
        try:
            return found.decode()
        except UnicodeDecodeError as error:
            raise _BrokenError(first + error.start, "the text is not UTF-8") from None

    def _bytes(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self._value):
            raise _BrokenError(
                len(self._value), f"the value ends {end - len(self._value)} bytes too early"
            )
        found, self.at = self._value[self.at : end], end
        return found

    def _varint(self) -> int:
        start, value, shift = self.at, 0, 0
        while shift < LONGEST_VARINT:
            byte = self._bytes(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
            shift += 7
        raise _BrokenError(start, "a number has more than ten bytes")


def _read_json(value: bytes, layout: Layout) -> Layout:
    """Read the members of the outermost object one by one."""
    try:
        text = value.decode("utf-8")
    except UnicodeDecodeError as error:
        read = _read_members(value[: error.start].decode("utf-8"), layout)
        return read.stop(error.start, "the text is not UTF-8")
    return _read_members(text, layout)


def _read_members(text: str, layout: Layout) -> Layout:
    decoder = json.JSONDecoder()
    at = _after_space(text, 1 if text.startswith("\ufeff") else 0) + 1
    while True:
        at = _after_space(text, at)
        if text[at : at + 1] == "}" and not layout.fields:
            return _end_of_json(text, at + 1, layout)
        start = at
        try:
            name, at = decoder.raw_decode(text, at)
            if not isinstance(name, str):
                return layout.stop(_bytes_before(text, start), "a name was expected")
            at = _after_space(text, at)
            if text[at : at + 1] != ":":
                return layout.stop(_bytes_before(text, at), f"field {name}: ':' was expected")
            found, at = decoder.raw_decode(text, _after_space(text, at + 1))
        except (json.JSONDecodeError, RecursionError) as error:
            position = error.pos if isinstance(error, json.JSONDecodeError) else start
            reason = error.msg if isinstance(error, json.JSONDecodeError) else "nested too deeply"
            return layout.stop(_bytes_before(text, position), reason)
        layout.fields.append(
            Field(
                name, _json_type(found), _bytes_before(text, start), _bytes_before(text, at), found
            )
        )
        at = _after_space(text, at)
        if text[at : at + 1] == "}":
            return _end_of_json(text, at + 1, layout)
        if text[at : at + 1] != ",":
            return layout.stop(_bytes_before(text, at), "',' or '}' was expected")
        at += 1


def _end_of_json(text: str, at: int, layout: Layout) -> Layout:
    rest = _after_space(text, at)
    if rest < len(text):
        return layout.stop(_bytes_before(text, rest), "bytes after the object")
    return layout


def _after_space(text: str, at: int) -> int:
    while at < len(text) and text[at] in " \t\r\n":
        at += 1
    return at


def _bytes_before(text: str, position: int) -> int:
    return len(text[:position].encode("utf-8", "surrogatepass"))


def _json_type(value: Any) -> str:
    names = {bool: "boolean", type(None): "null", str: "string", dict: "object", list: "array"}
    return names.get(type(value), "number")
