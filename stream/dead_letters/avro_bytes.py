"""Reads a value in Avro field by field, and remembers where it was."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from schemas.store import Schema, named_types

__all__ = ["AvroBytes", "BrokenError", "Field"]

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


class BrokenError(ValueError):
    """The bytes from a position on are not of their type.

    Attributes
    ----------
    at
        The position.
    """

    def __init__(self, at: int, reason: str) -> None:
        super().__init__(reason)
        self.at = at


class AvroBytes:
    """Reads Avro's binary encoding (Avro 1.11 specification, "Binary Encoding").

    Parameters
    ----------
    value
        The bytes.
    at
        Where the datum begins.

    Attributes
    ----------
    at
        Position of the byte that is read next.
    """

    def __init__(self, value: bytes, at: int) -> None:
        self.at = at
        self._value = value
        self._named: dict[str, Any] = {}

    def fields(self, schema: Schema) -> Iterator[Field]:
        """Yield the fields of a record.

        Raises
        ------
        BrokenError
            The bytes of the next field are not of its type.
        """
        self._named = named_types(schema.parsed)
        for entry in schema.parsed["fields"]:
            start = self.at
            try:
                type_name, found = self._read(entry["type"])
            except BrokenError as error:
                raise BrokenError(error.at, f"field {entry['name']}: {error}") from None
            yield Field(entry["name"], type_name, start, self.at, found)

    def number(self) -> int:
        """Read a number of variable length.

        Raises
        ------
        BrokenError
            The value ends before it, or it is too long.
        """
        start, value, shift = self.at, 0, 0
        while shift < LONGEST_VARINT:
            byte = self._bytes(1)[0]
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
            shift += 7
        raise BrokenError(start, "a number has more than ten bytes")

    def _read(self, avro_type: Any) -> tuple[str, Any]:
        """Return the name of a type, and its value; of a union those of the branch."""
        if isinstance(avro_type, list):
            start = self.at
            branch = self.number()
            if not 0 <= branch < len(avro_type):
                raise BrokenError(start, f"the union has no branch {branch}")
            return self._read(avro_type[branch])
        if isinstance(avro_type, str):
            if avro_type in self._named:
                return self._read(self._named[avro_type])
            return avro_type, self._primitive(avro_type)
        return self._complex(avro_type)

    def _complex(self, avro_type: Mapping[str, Any]) -> tuple[str, Any]:
        match avro_type["type"]:
            case "record":
                return "record", {e["name"]: self._read(e["type"])[1] for e in avro_type["fields"]}
            case "enum":
                start, symbols = self.at, avro_type["symbols"]
                position = self.number()
                if not 0 <= position < len(symbols):
                    raise BrokenError(start, f"the enum has no symbol {position}")
                return "enum", symbols[position]
            case "fixed":
                return "fixed", self._bytes(avro_type["size"])
            case "array":
                return "array", [self._read(avro_type["items"])[1] for _ in self._items()]
            case "map":
                return "map", {
                    self._primitive("string"): self._read(avro_type["values"])[1]
                    for _ in self._items()
                }
            case primitive:
                return self._read(primitive)

    def _items(self) -> Any:
        """Yield once for each item of the blocks of an array or a map."""
        seen = 0
        while True:
            start = self.at
            count = self.number()
            if not count:
                return
            if count < 0:
                count = -count
                self.number()  # the block's size in bytes
            seen += count
            if seen > MOST_ITEMS:
                raise BrokenError(start, f"more than {MOST_ITEMS} items")
            yield from range(count)

    def _primitive(self, name: str) -> Any:
        match name:
            case "null":
                return None
            case "boolean":
                start = self.at
                byte = self._bytes(1)[0]
                if byte > 1:
                    raise BrokenError(start, f"a boolean is 00 or 01, not {byte:02x}")
                return bool(byte)
            case "int" | "long":
                return self.number()
            case "float" | "double":
                form = FIXED_SIZES[name]
                return struct.unpack(form, self._bytes(struct.calcsize(form)))[0]
            case "bytes" | "string":
                return self._text(name)
        raise BrokenError(self.at, f"its type {name} is not known")

    def _text(self, name: str) -> Any:
        start = self.at
        size = self.number()
        if size < 0 or size > len(self._value) - self.at:
            raise BrokenError(
                start, f"its length is {size}, but {len(self._value) - self.at} bytes follow"
            )
        first = self.at
        found = self._bytes(size)
        if name == "bytes":
            return found
        try:
            return found.decode()
        except UnicodeDecodeError as error:
            raise BrokenError(first + error.start, "the text is not UTF-8") from None

    def _bytes(self, size: int) -> bytes:
        end = self.at + size
        if end > len(self._value):
            raise BrokenError(
                len(self._value), f"the value ends {end - len(self._value)} bytes too early"
            )
        found, self.at = self._value[self.at : end], end
        return found
