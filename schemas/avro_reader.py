"""Readers of Avro records, generated once for each writer's schema.

A generated reader walks through the bytes of a record once, and creates Python objects only for the
requested fields. It follows the binary encoding of the Avro 1.11 specification; tests compare it
with fastavro.

Bounds: reading a byte past the end raises IndexError. A string whose length is beyond the end moves
the position past the end, which the next read or the end of the record detects. Nothing is
allocated by a length in the data.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import count
from typing import Any

from schemas.errors import ErrorCode, InvalidEventError
from schemas.field_names import REQUIRED
from schemas.fields import FieldKind
from schemas.formats.event_format import Row
from schemas.logical_types import (
    Meaning,
    decimal_of,
    meaning_of,
    scaled_decimal,
    type_label,
    type_name,
    uuid_of,
)
from schemas.number_reading import NumberReading, read_number
from schemas.readings import Reading
from schemas.single_object import HEADER_BYTES
from schemas.store import Schema, of_name
from schemas.time_reading import PLAIN_TIMES, TimeReading, read_time, time_of_number
from schemas.times import LATEST_MS, iso_ms

__all__ = ["AvroReader", "compile_reader", "mismatches"]

AvroReader = Callable[
    [
        Sequence[bytes | None],
        Sequence[int],
        list[Row | None],
        dict[int, InvalidEventError],
    ],
    None,
]
"""Reads the values of the given indices; writes the row or the error of each."""

TEXTS_OF_ENVELOPE = ("lead_id", "request_id")
INTEGERS = ("int", "long")
FRACTIONS = ("float", "double")
TIME_TO_MS = {"ms": "", "us": " // 1000", "ns": " // 1000000", "days": " * 86400000"}
"""Conversion of a time to milliseconds since 1970, by unit."""
CLOCK_TO_MS = {"ms": "", "us": " / 1000", "ns": " / 1000000"}
"""Conversion of a time of day to milliseconds since midnight, by unit."""

READABLE: Mapping[FieldKind, tuple[str, ...]] = {
    FieldKind.NUMBER: (*INTEGERS, *FRACTIONS, "boolean"),
    FieldKind.DATE: (*INTEGERS, "string"),
    FieldKind.CATEGORY: ("string", "enum", "boolean", *INTEGERS),
    FieldKind.TEXT: ("string", "enum", "boolean", *INTEGERS),
}
"""Avro types that can be read as each kind."""


class _WrongType(Exception):  # noqa: N818 - never leaves this module
    """A value of a type that can't be read as its field's kind."""


def compile_reader(
    schema: Schema,
    kinds: Mapping[str, FieldKind],
    readings: Mapping[str, Reading] | None = None,
    *,
    header_bytes: int = HEADER_BYTES,
) -> AvroReader:
    """Generate the reader of a schema.

    Parameters
    ----------
    schema
        The writer's.
    kinds
        The fields to read. A field that the schema lacks is always missing.
    readings
        Formats of numbers and times whose type does not give it; see ``LeadDecoder``.
    header_bytes
        Length of the header before the datum; default: that of a single-object encoding.
    """
    return _Generator(schema, kinds, readings or {}).reader(header_bytes)


def mismatches(
    schema: Schema, kinds: Mapping[str, FieldKind], readings: Mapping[str, Reading] | None = None
) -> list[str]:
    """Return the fields that a schema lacks, or has with a type that can't be read as their kind.

    Parameters
    ----------
    schema
        A lead's schema.
    kinds
        The fields that are read.
    readings
        Fields whose numbers and times may be text; see ``LeadDecoder``.

    Returns
    -------
    list of str
        A phrase for each.
    """
    wrong = []
    inner = {field: schema.inner_fields[path] for path, field in schema.nested.items()}
    types = {**schema.fields, **inner}
    for name, kind in kinds.items():
        if name not in types:
            wrong.append(f"{name} is not in it")
            continue
        branches = _branches(types[name])
        if not any(_is_readable(branch, kind, name in (readings or {})) for branch in branches):
            found = " or ".join(map(type_label, branches))
            wrong.append(f"{name} is {found}, but the model reads a {kind}")
    return wrong


def _is_readable(avro_type: Any, kind: FieldKind, has_reading: bool) -> bool:
    """Return whether a type, not a union, can be read as a kind.

    Parameters
    ----------
    avro_type
        As parsed, and not a name.
    kind
        The field's.
    has_reading
        Whether the format of the field's numbers and times is known.
    """
    named, meaning = type_name(avro_type), meaning_of(avro_type)
    what = None if meaning is None else meaning.what
    if what == "decimal":
        is_whole = meaning is not None and meaning.scale == 0
        return kind is FieldKind.NUMBER or (is_whole and kind is not FieldKind.DATE)
    if what == "uuid" and named == "fixed":
        return kind in (FieldKind.CATEGORY, FieldKind.TEXT)
    if what == "clock":
        return kind is FieldKind.NUMBER
    if what == "time":
        return kind in (FieldKind.DATE, FieldKind.NUMBER)
    is_text_of_number = kind is FieldKind.NUMBER and named == "string"
    is_fraction_of_time = kind is FieldKind.DATE and named in FRACTIONS
    if is_text_of_number or is_fraction_of_time:
        return has_reading
    return named in READABLE[kind]


class _Generator:
    """Generates the source of a reader."""

    def __init__(
        self, schema: Schema, kinds: Mapping[str, FieldKind], readings: Mapping[str, Reading]
    ) -> None:
        self._schema = schema
        self._kinds = kinds
        self._readings = {**readings, "created_at": PLAIN_TIMES}
        self._named: dict[str, Any] = {}
        self._can_be_wrong = False
        self._constants: dict[str, Any] = {
            "unpack_double": struct.Struct("<d").unpack_from,
            "unpack_float": struct.Struct("<f").unpack_from,
            "varint": _varint,
            "WrongType": _WrongType,
            "explain": self._explain,
        }
        self._names = count()

    def reader(self, header_bytes: int) -> AvroReader:
        outputs = {"lead_id": "v_id", "created_at": "v_at", "request_id": "v_request"}
        for i, name in enumerate(self._kinds):
            outputs.setdefault(name, f"v{i}")
        body = _Block(3)
        present = self._schema.fields
        for name, output in outputs.items():
            if name not in present:
                body.add(f"{output} = None")
        for name, avro_type in present.items():
            if name in outputs:
                self._read_field(body, name, avro_type, outputs[name])
            else:
                self._enter(body, name, avro_type, outputs)
        fields = "".join(f", {outputs[name]}" for name in self._kinds)
        source = "\n".join(
            [
                "def read(values, indices, rows, errors):",
                "    for i in indices:",
                "        b = values[i]",
                f"        p = {header_bytes}",
                "        try:",
                *(["            wrong = None"] if self._can_be_wrong else []),
                *body.lines,
                "            if p != len(b): raise ValueError('end')",
                "            if not v_id: raise ValueError('lead_id')",
                f"            if v_at is None or not 0 <= v_at < {LATEST_MS}:",
                "                raise ValueError('created_at')",
                *(["            if wrong: raise WrongType(*wrong)"] if self._can_be_wrong else []),
                f"            rows[i] = (v_id, v_at, v_request or None{fields})",
                "        except (IndexError, ValueError, OverflowError, error, WrongType) as why:",
                "            errors[i] = explain(why)",
            ]
        )
        names = {**self._constants, "error": struct.error}
        exec(compile(source, f"<reader of {self._schema.full_name!a}>", "exec"), names)
        reader: AvroReader = names["read"]
        return reader

    def _explain(self, why: Exception) -> InvalidEventError:
        name = self._schema.full_name
        if isinstance(why, _WrongType):
            field, avro_type = why.args
            return InvalidEventError(
                ErrorCode.TYPE,
                f"field {field} of {name}: expected a {self._kinds[field]}, got {avro_type}",
            )
        if why.args == ("lead_id",):
            return InvalidEventError(
                ErrorCode.VALIDATION,
                f"{name}: expected lead_id to be a string that is not empty",
            )
        if why.args == ("created_at",):
            return InvalidEventError(
                ErrorCode.VALIDATION, f"{name}: expected created_at to be a time since 1970"
            )
        return InvalidEventError(
            ErrorCode.DECODE,
            f"expected the bytes of one record of {name}, got others: the writer's schema differs,"
            " or the event was cut",
        )

    # Requested fields

    def _read_field(self, block: _Block, name: str, avro_type: Any, output: str) -> None:
        if isinstance(avro_type, list):
            self._union(
                block, avro_type, lambda inner, branch: self._read(inner, name, branch, output)
            )
        else:
            self._read(block, name, avro_type, output)

    def _read(self, block: _Block, name: str, avro_type: Any, output: str) -> None:
        kind = {
            "lead_id": FieldKind.TEXT,
            "created_at": FieldKind.DATE,
            "request_id": FieldKind.TEXT,
        }.get(name) or self._kinds[name]
        avro_type = self._resolved(avro_type)
        meaning, named = meaning_of(avro_type), type_name(avro_type)
        if named == "null":
            block.add(f"{output} = None")
        elif not _is_readable(avro_type, kind, name in self._readings) or (
            name in TEXTS_OF_ENVELOPE
            and named != "string"
            and (meaning is None or meaning.what != "uuid")
        ):
            self._refuse(block, name, avro_type, output)
        elif meaning is not None and meaning.what == "decimal":
            self._decimal(block, avro_type, meaning, kind, output)
        elif named == "boolean":
            block.add(f"{output} = b[p]", "p += 1", f"if {output} > 1: raise ValueError")
            if kind is not FieldKind.NUMBER:
                block.add(f"{output} = 'true' if {output} else 'false'")
        elif named in INTEGERS:
            self._integer(block, name, kind, meaning, output)
        elif named in FRACTIONS:
            size = 8 if named == "double" else 4
            block.add(f"{output} = unpack_{named}(b, p)[0]", f"p += {size}")
            if kind is FieldKind.DATE:
                read = self._constant(partial(time_of_number, reading=self._time_reading(name)))
                block.add(f"{output} = {read}({output})")
                if name not in REQUIRED:
                    block.add(f"if {output} is None:")
                    self._note(block.inner(), name, f"{named} that is no time")
        elif named == "enum":
            symbols = self._constant(tuple(avro_type["symbols"]))
            self._varint(block, "n")
            block.add("if n & 1: raise ValueError", f"{output} = {symbols}[n >> 1]")
        elif named == "fixed":
            self._bytes(block, avro_type)
            block.add(f"{output} = {self._constant(uuid_of)}(raw)")
        else:
            self._text(block, name, kind, output)

    def _integer(
        self, block: _Block, name: str, kind: FieldKind, meaning: Meaning | None, output: str
    ) -> None:
        self._varint(block, "n")
        block.add(f"{output} = (n >> 1) ^ -(n & 1)")
        if kind in (FieldKind.CATEGORY, FieldKind.TEXT):
            block.add(f"{output} = str({output})")
        elif meaning is not None:
            scales = TIME_TO_MS if meaning.what == "time" else CLOCK_TO_MS
            block.add(f"{output} = {output}{scales[meaning.unit]}")
        elif kind is FieldKind.DATE and name in self._readings:
            read = self._constant(self._reader_of_counts(name))
            block.add(f"{output} = {read}({output})")

    def _decimal(
        self, block: _Block, avro_type: Any, meaning: Meaning, kind: FieldKind, output: str
    ) -> None:
        scale = "scale" if meaning.scale is None else str(meaning.scale)
        if (
            type_name(avro_type) == "record"
        ):  # VariableScaleDecimal of Debezium: the scale, then the bytes
            self._varint(block, "n")
            block.add("scale = (n >> 1) ^ -(n & 1)")
            self._bytes(block, "bytes")
        else:
            self._bytes(block, avro_type)
            if meaning.scale is None:
                block.add(f"{output} = {self._constant(scaled_decimal)}(raw)")
                return
        if kind is FieldKind.NUMBER:
            block.add(f"{output} = {self._constant(decimal_of)}(raw, {scale})")
        else:
            block.add(f"{output} = str(int.from_bytes(raw, 'big', signed=True))")

    def _bytes(self, block: _Block, avro_type: Any) -> None:
        """Read bytes or a fixed into ``raw``."""
        if type_name(avro_type) == "fixed":
            block.add(f"n = {avro_type['size']}")
        else:
            self._length(block)
        # A slice beyond the end is shortened without an error.
        block.add("raw = b[p:p + n]", "p += n", "if p > len(b): raise ValueError")

    def _text(self, block: _Block, name: str, kind: FieldKind, output: str) -> None:
        self._length(block)
        block.add(f"{output} = b[p:p + n].decode()", "p += n")
        if kind in (FieldKind.DATE, FieldKind.NUMBER):
            read = self._constant(self._reader_of_text(name))
            block.add(f"{output} = {read}({output})")
            if name not in REQUIRED:
                block.add(f"if {output} is None:")
                self._note(block.inner(), name, f"string that is no {kind} as they are written")
            block.add(f"if {output} != {output}: {output} = None")

    def _time_reading(self, name: str) -> TimeReading:
        reading = self._readings[name]
        assert isinstance(reading, TimeReading)
        return reading

    def _reader_of_counts(self, name: str) -> Callable[[int], float]:
        """Return the function that reads a time from a number without a unit."""
        reading = self._time_reading(name)

        def read(value: int) -> float:
            at = time_of_number(value, reading)
            return value if at is None else at

        return read

    def _reader_of_text(self, name: str) -> Callable[[str], float | None]:
        """Return the function that reads a number or a time from text; NaN is missing."""
        reading = self._readings.get(name)
        if isinstance(reading, NumberReading):
            return partial(read_number, reading=reading)
        if isinstance(reading, TimeReading):
            return partial(read_time, reading=reading)
        return iso_ms

    def _refuse(self, block: _Block, name: str, avro_type: Any, output: str) -> None:
        """Skip a value of the wrong type; in the envelope it counts as missing."""
        self._skip(block, avro_type)
        if name in self._kinds and name not in REQUIRED:
            self._note(block, name, type_label(avro_type))
        else:
            block.add(f"{output} = None")

    def _note(self, block: _Block, name: str, found: str) -> None:
        """Record a wrong type; damaged bytes and a wrong envelope take precedence over it."""
        self._can_be_wrong = True
        block.add(f"wrong = wrong or ({name!r}, {found!r})")

    # Skipped fields

    def _enter(self, block: _Block, path: str, avro_type: Any, outputs: Mapping[str, str]) -> None:
        """Skip a value, and read the requested fields inside of nested records."""
        avro_type = self._resolved(avro_type)
        if not any(inner.startswith(f"{path}.") for inner in self._schema.nested):
            self._skip(block, avro_type)
        elif isinstance(avro_type, list):
            self._union(
                block, avro_type, lambda inner, branch: self._enter(inner, path, branch, outputs)
            )
        elif type_name(avro_type) == "record":
            block.add("pass")
            for entry in avro_type["fields"]:
                inner = f"{path}.{entry['name']}"
                name = self._schema.nested.get(inner)
                if name is None:
                    self._enter(block, inner, entry["type"], outputs)
                else:
                    self._read_field(block, name, entry["type"], outputs[name])
        else:
            self._skip(block, avro_type)

    def _skip(self, block: _Block, avro_type: Any) -> None:
        avro_type = self._resolved(avro_type)
        if isinstance(avro_type, list):
            self._union(block, avro_type, self._skip)
            return
        match type_name(avro_type):
            case "null":
                block.add("pass")
            case "boolean":
                block.add("n = b[p]", "p += 1", "if n > 1: raise ValueError")
            case "int" | "long":
                self._varint(block, "n")
            case "float":
                block.add("p += 4")
            case "double":
                block.add("p += 8")
            case "fixed":
                block.add(f"p += {avro_type['size']}")
            case "enum":
                self._varint(block, "n")
                block.add(f"if n & 1 or n >> 1 >= {len(avro_type['symbols'])}: raise ValueError")
            case "string":
                self._length(block)
                block.add("b[p:p + n].decode()", "p += n")
            case "bytes":
                self._length(block)
                block.add("p += n")
            case "record":
                block.add("pass")
                for entry in avro_type["fields"]:
                    self._skip(block, entry["type"])
            case _:
                self._skip_blocks(block, avro_type)

    def _skip_blocks(self, block: _Block, avro_type: Any) -> None:
        """Skip an array or a map: blocks of items up to an empty block."""
        left = f"left{next(self._names)}"
        block.add("while True:")
        loop = block.inner()
        self._varint(loop, "n")
        loop.add(f"{left} = (n >> 1) ^ -(n & 1)", f"if not {left}: break")
        # A negative count is followed by the block's size in bytes. The items are still read,
        # to detect invalid ones.
        loop.add(f"if {left} < 0:")
        sized = loop.inner()
        sized.add(f"{left} = -{left}")
        self._varint(sized, "n")
        loop.add(f"for _ in range({left}):")
        items = loop.inner()
        if type_name(avro_type) == "map":
            self._skip(items, "string")
            self._skip(items, avro_type["values"])
        else:
            self._skip(items, avro_type["items"])
        # Numbers are skipped without a check of the end: a wrong count could loop for long.
        items.add("if p > len(b): raise ValueError")

    # Building blocks

    def _union(self, block: _Block, branches: list[Any], read: Callable[..., None]) -> None:
        self._varint(block, "n")
        for i, branch in enumerate(branches):
            block.add(f"{'el' if i else ''}if n == {2 * i}:")
            read(block.inner(), branch)
        block.add("else: raise ValueError")

    def _varint(self, block: _Block, name: str) -> None:
        block.add(f"{name} = b[p]", "p += 1")
        block.add(f"if {name} > 127: {name}, p = varint(b, {name}, p)")

    def _length(self, block: _Block) -> None:
        self._varint(block, "n")
        block.add("if n & 1: raise ValueError", "n >>= 1")

    def _constant(self, value: Any) -> str:
        name = f"constant{next(self._names)}"
        self._constants[name] = value
        return name

    def _resolved(self, avro_type: Any) -> Any:
        if isinstance(avro_type, dict) and avro_type["type"] in ("record", "enum", "fixed"):
            self._named[avro_type["name"]] = avro_type
        return of_name(avro_type, self._named)


class _Block:
    """Lines with the same indentation; inner blocks append to the same list."""

    def __init__(self, depth: int, lines: list[str] | None = None) -> None:
        self.lines: list[str] = [] if lines is None else lines
        self._depth = depth

    def add(self, *lines: str) -> None:
        self.lines.extend("    " * self._depth + line for line in lines)

    def inner(self) -> _Block:
        return _Block(self._depth + 1, self.lines)


def _varint(b: bytes, first: int, p: int) -> tuple[int, int]:
    """Read a varint from its second byte on; return the unsigned number and the position."""
    n = first & 127
    for shift in range(7, 70, 7):
        byte = b[p]
        p += 1
        n |= (byte & 127) << shift
        if byte < 128:
            if n >> 64:
                break
            return n, p
    raise ValueError("varint")


def _branches(avro_type: Any) -> list[Any]:
    return avro_type if isinstance(avro_type, list) else [avro_type]
