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
from typing import Any

from schemas.avro_code import AvroCode, Block
from schemas.avro_kinds import FRACTIONS, INTEGERS, is_readable
from schemas.errors import ErrorCode, InvalidEventError
from schemas.field_names import REQUIRED
from schemas.fields import FieldKind
from schemas.formats.event_format import DecodedRow
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
from schemas.store import Schema
from schemas.time_reading import PLAIN_TIMES, TimeReading, read_time, time_of_number
from schemas.times import LATEST_MS, iso_ms

__all__ = ["AvroReader", "compile_reader"]

AvroReader = Callable[
    [
        Sequence[bytes | None],
        Sequence[int],
        list[DecodedRow | None],
        dict[int, InvalidEventError],
    ],
    None,
]
"""Reads the values of the given indices; writes the row or the error of each."""

TEXTS_OF_ENVELOPE = ("lead_id", "request_id")
TIME_TO_MS = {"ms": "", "us": " // 1000", "ns": " // 1000000", "days": " * 86400000"}
"""Conversion of a time to milliseconds since 1970, by unit."""
CLOCK_TO_MS = {"ms": "", "us": " / 1000", "ns": " / 1000000"}
"""Conversion of a time of day to milliseconds since midnight, by unit."""


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


class _Generator:
    """Generates the source of a reader."""

    def __init__(
        self, schema: Schema, kinds: Mapping[str, FieldKind], readings: Mapping[str, Reading]
    ) -> None:
        self._schema = schema
        self._kinds = kinds
        self._readings = {**readings, "created_at": PLAIN_TIMES}
        self._can_be_wrong = False
        self._code = AvroCode({"WrongType": _WrongType, "explain": self._explain})

    def reader(self, header_bytes: int) -> AvroReader:
        outputs = {"lead_id": "v_id", "created_at": "v_at", "request_id": "v_request"}
        for i, name in enumerate(self._kinds):
            outputs.setdefault(name, f"v{i}")
        body = Block(3)
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
        names = {**self._code.constants, "error": struct.error}
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

    def _read_field(self, block: Block, name: str, avro_type: Any, output: str) -> None:
        if isinstance(avro_type, list):
            self._code.union(
                block, avro_type, lambda inner, branch: self._read(inner, name, branch, output)
            )
        else:
            self._read(block, name, avro_type, output)

    def _read(self, block: Block, name: str, avro_type: Any, output: str) -> None:
        kind = {
            "lead_id": FieldKind.TEXT,
            "created_at": FieldKind.DATE,
            "request_id": FieldKind.TEXT,
        }.get(name) or self._kinds[name]
        avro_type = self._code.resolved(avro_type)
        meaning, named = meaning_of(avro_type), type_name(avro_type)
        if named == "null":
            block.add(f"{output} = None")
        elif not is_readable(avro_type, kind, name in self._readings) or (
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
                read = self._code.constant(
                    partial(time_of_number, reading=self._time_reading(name))
                )
                block.add(f"{output} = {read}({output})")
                if name not in REQUIRED:
                    block.add(f"if {output} is None:")
                    self._note(block.inner(), name, f"{named} that is no time")
        elif named == "enum":
            symbols = self._code.constant(tuple(avro_type["symbols"]))
            self._code.varint(block, "n")
            block.add("if n & 1: raise ValueError", f"{output} = {symbols}[n >> 1]")
        elif named == "fixed":
            self._code.raw_bytes(block, avro_type)
            block.add(f"{output} = {self._code.constant(uuid_of)}(raw)")
        else:
            self._text(block, name, kind, output)

    def _integer(
        self, block: Block, name: str, kind: FieldKind, meaning: Meaning | None, output: str
    ) -> None:
        self._code.varint(block, "n")
        block.add(f"{output} = (n >> 1) ^ -(n & 1)")
        if kind in (FieldKind.CATEGORY, FieldKind.TEXT):
            block.add(f"{output} = str({output})")
        elif meaning is not None:
            scales = TIME_TO_MS if meaning.what == "time" else CLOCK_TO_MS
            block.add(f"{output} = {output}{scales[meaning.unit]}")
        elif kind is FieldKind.DATE and name in self._readings:
            read = self._code.constant(self._reader_of_counts(name))
            block.add(f"{output} = {read}({output})")

    def _decimal(
        self, block: Block, avro_type: Any, meaning: Meaning, kind: FieldKind, output: str
    ) -> None:
        scale = "scale" if meaning.scale is None else str(meaning.scale)
        if (
            type_name(avro_type) == "record"
        ):  # VariableScaleDecimal of Debezium: the scale, then the bytes
            self._code.varint(block, "n")
            block.add("scale = (n >> 1) ^ -(n & 1)")
            self._code.raw_bytes(block, "bytes")
        else:
            self._code.raw_bytes(block, avro_type)
            if meaning.scale is None:
                block.add(f"{output} = {self._code.constant(scaled_decimal)}(raw)")
                return
        if kind is FieldKind.NUMBER:
            block.add(f"{output} = {self._code.constant(decimal_of)}(raw, {scale})")
        else:
            block.add(f"{output} = str(int.from_bytes(raw, 'big', signed=True))")

    def _text(self, block: Block, name: str, kind: FieldKind, output: str) -> None:
        self._code.length(block)
        block.add(f"{output} = b[p:p + n].decode()", "p += n")
        if kind in (FieldKind.DATE, FieldKind.NUMBER):
            read = self._code.constant(self._reader_of_text(name))
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

    def _refuse(self, block: Block, name: str, avro_type: Any, output: str) -> None:
        """Skip a value of the wrong type; in the envelope it counts as missing."""
        self._code.skip(block, avro_type)
        if name in self._kinds and name not in REQUIRED:
            self._note(block, name, type_label(avro_type))
        else:
            block.add(f"{output} = None")

    def _note(self, block: Block, name: str, found: str) -> None:
        """Record a wrong type; damaged bytes and a wrong envelope take precedence over it."""
        self._can_be_wrong = True
        block.add(f"wrong = wrong or ({name!r}, {found!r})")

    # Skipped fields

    def _enter(self, block: Block, path: str, avro_type: Any, outputs: Mapping[str, str]) -> None:
        """Skip a value, and read the requested fields inside nested records."""
        avro_type = self._code.resolved(avro_type)
        if not any(inner.startswith(f"{path}.") for inner in self._schema.nested):
            self._code.skip(block, avro_type)
        elif isinstance(avro_type, list):
            self._code.union(
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
            self._code.skip(block, avro_type)
