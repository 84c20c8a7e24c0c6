"""The fields of a lead's value with their bytes, as far as they can be read.

The workers' readers are compiled and return a value or an error. This one is slow and remembers
where it was: it finds the byte at which a value breaks.
"""

from __future__ import annotations

import json
from dataclasses import dataclass, field, replace
from typing import Any

from schemas.errors import InvalidEventError
from schemas.registered import (
    JsonText,
    RegisteredAvro,
    RegisteredSchemas,
    header_of,
    in_words,
)
from schemas.single_object import HEADER_BYTES
from schemas.store import Schema, SchemaStore
from schemas.wire import WireFormat, detect
from stream.dead_letters.avro_bytes import AvroBytes, BrokenError, Field
from stream.settings import PREFIX

__all__ = ["Layout", "layout_of"]

REGISTRY = f"{PREFIX}SCHEMA_REGISTRY_URL"


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

    def behind(self, count: int) -> Layout:
        """Add a number of bytes to all positions: those before the part that was read."""
        self.fields = [
            replace(found, start=found.start + count, end=found.end + count)
            for found in self.fields
        ]
        if self.broken_at is not None:
            self.broken_at += count
        return self


def layout_of(
    value: bytes,
    store: SchemaStore,
    registered: RegisteredSchemas | None = None,
    *,
    framing: bytes = b"",
) -> Layout:
    """Read a value field by field, as far as it goes.

    Parameters
    ----------
    value
        A record's value.
    store
        The schemas that leads may be written with.
    registered
        Meanings of the ids of a schema registry; None: no registry is set.
    framing
        Schema id of the value, if the record has that in a header; positions are those in the value
        alone.
    """
    layout = Layout()
    try:
        wire = detect(framing + value)
    except InvalidEventError:
        return layout.stop(0, "the first byte belongs to no wire format")
    layout.wire = str(wire)
    if wire is WireFormat.JSON:
        return _read_json(value, layout)
    if wire is WireFormat.CONFLUENT:
        return _read_framed(value, framing, registered, layout)
    if len(value) < HEADER_BYTES:
        return layout.stop(len(value), f"the header has {HEADER_BYTES} bytes")
    schema = store.by_fingerprint(value[2:HEADER_BYTES])
    if schema is None:
        return layout.stop(2, "no schema has the fingerprint in bytes 2 to 9")
    return _read_avro(AvroBytes(value, HEADER_BYTES), len(value), schema, layout)


def _read_framed(
    value: bytes, framing: bytes, registered: RegisteredSchemas | None, layout: Layout
) -> Layout:
    """Read a value behind the id of its schema in a registry."""
    header = framing or header_of(value) or b""
    start = 0 if framing else len(header)
    match meaning := None if registered is None else registered.get(header):
        case RegisteredAvro():
            return _read_registered(AvroBytes(value, start), len(value), meaning, layout)
        case JsonText():
            return _read_json(value[start:], layout).behind(start)
        case InvalidEventError():
            return layout.stop(start, meaning.message)
    return layout.stop(
        start, f"the value has {in_words(header)}: set {REGISTRY} to read its fields"
    )


def _read_registered(
    reader: AvroBytes, end: int, meaning: RegisteredAvro, layout: Layout
) -> Layout:
    start = reader.at
    try:
        branch = reader.number() if meaning.is_union else 0
    except BrokenError as error:
        return layout.stop(error.at, f"the branch of the union: {error}")
    if not 0 <= branch < len(meaning.branches):
        return layout.stop(start, f"the union has no branch {branch}")
    schema = meaning.branches[branch]
    if isinstance(schema, InvalidEventError):
        return layout.stop(start, schema.message)
    return _read_avro(reader, end, schema, layout)


def _read_avro(reader: AvroBytes, end: int, schema: Schema, layout: Layout) -> Layout:
    layout.schema = schema.full_name
    try:
        for found in reader.fields(schema):
            layout.fields.append(found)
    except BrokenError as error:
        return layout.stop(error.at, str(error))
    if reader.at < end:
        return layout.stop(reader.at, f"{end - reader.at} bytes after the last field")
    return layout


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
