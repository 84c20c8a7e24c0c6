"""Hypothesis strategies: schemas of leads, records of them, and ways to damage bytes."""

from __future__ import annotations

import io
from datetime import datetime
from itertools import count
from typing import Any

import fastavro
from hypothesis import strategies as st

from schemas.fields import FieldKind
from schemas.store import Schema, parse_schema
from tests.contract.plain_reader import named_types
from tests.contract.plain_reader import type_of as kind_of_type

TEXT = st.text(max_size=12)
DOUBLES = st.floats(width=64)
EDGES = [sign * 2**power + step for sign in (1, -1) for power in (6, 13, 20) for step in (-1, 0, 1)]
LONGS = st.integers(-(2**63), 2**63 - 1) | st.integers(-200, 200) | st.sampled_from(EDGES)
TIMES = st.integers(0, 253_402_300_799_999)
ISO = st.datetimes(min_value=datetime(1970, 1, 2)).map(lambda moment: moment.isoformat())
KINDS = st.sampled_from(list(FieldKind))
APT = {
    "int": FieldKind.NUMBER,
    "long": FieldKind.DATE,
    "float": FieldKind.NUMBER,
    "double": FieldKind.NUMBER,
    "string": FieldKind.TEXT,
    "enum": FieldKind.CATEGORY,
    "bytes": FieldKind.NUMBER,
    "fixed": FieldKind.NUMBER,
    "boolean": FieldKind.CATEGORY,
}

CREATED_AT: list[Any] = [
    "long",
    "string",
    {"type": "long", "logicalType": "timestamp-millis"},
    {"type": "long", "logicalType": "timestamp-micros"},
    ["null", "long"],
    ["string", "null"],
]
SIMPLE: list[Any] = [
    "null",
    "boolean",
    "int",
    "long",
    "float",
    "double",
    "bytes",
    "string",
    {"type": "int", "logicalType": "date"},
    {"type": "long", "logicalType": "timestamp-micros"},
    {"type": "long", "logicalType": "timestamp-nanos"},
    {"type": "long", "logicalType": "local-timestamp-micros"},
    {"type": "int", "logicalType": "time-millis"},
    {"type": "long", "logicalType": "time-micros"},
    {"type": "string", "avro.java.string": "String"},
    {"type": "string", "logicalType": "uuid"},
    {"type": "bytes", "logicalType": "decimal", "precision": 6, "scale": 2},
]
FIXED: list[Any] = [
    *({"size": size} for size in range(10)),
    {"size": 4, "logicalType": "decimal", "precision": 9, "scale": 3},
    {"size": 3, "logicalType": "decimal", "precision": 6},
    {"size": 16, "logicalType": "uuid"},
]


@st.composite
def lead_schemas(draw: st.DrawFn) -> Schema:
    """Draw a lead's schema: any types in any order, some used twice by name."""
    names = count()
    named: list[str] = []

    def type_of(depth: int) -> Any:
        choices = ["simple", "simple", "union", "enum", "fixed", "named"]
        if depth < 3:
            choices += ["array", "map", "record"]
        match draw(st.sampled_from(choices)):
            case "union":
                branches = draw(
                    st.lists(st.sampled_from(SIMPLE), unique_by=kind_of_type, min_size=1)
                )
                if depth < 3 and draw(st.booleans()):
                    branches.append({"type": "array", "items": item_of(depth + 1)})
                return draw(st.permutations(branches))
            case "enum":
                symbols = [f"S{i}" for i in range(draw(st.integers(1, 70)))]
                return remember({"type": "enum", "name": f"E{next(names)}", "symbols": symbols})
            case "fixed":
                fixed = {"type": "fixed", "name": f"F{next(names)}"}
                return remember(fixed | draw(st.sampled_from(FIXED)))
            case "named" if named:
                return draw(st.sampled_from(named))
            case "array":
                return {"type": "array", "items": item_of(depth + 1)}
            case "map":
                return {"type": "map", "values": type_of(depth + 1)}
            case "record":
                return {
                    "type": "record",
                    "name": f"R{next(names)}",
                    "fields": [
                        {"name": f"g{i}", "type": type_of(depth + 1)}
                        for i in range(draw(st.integers(0, 3)))
                    ],
                }
            case _:
                return draw(st.sampled_from(SIMPLE))

    def item_of(depth: int) -> Any:
        """Draw a type that takes bytes: an array of one that does not is refused."""
        if draw(st.booleans()):
            return draw(st.sampled_from(SIMPLE[1:]))
        drawn = type_of(depth)
        return drawn if isinstance(drawn, list) else [drawn]

    def remember(definition: dict[str, Any]) -> dict[str, Any]:
        named.append(definition["name"])
        return definition

    fields = [
        {"name": "lead_id", "type": draw(st.sampled_from(["string", ["null", "string"]]))},
        {"name": "created_at", "type": draw(st.sampled_from(CREATED_AT))},
        *([{"name": "request_id", "type": ["null", "string"]}] if draw(st.booleans()) else []),
    ]
    fields += [{"name": f"f{i}", "type": type_of(0)} for i in range(draw(st.integers(0, 6)))]
    return parse_schema({"type": "record", "name": "drawn", "namespace": "t", "fields": fields})


@st.composite
def lead_bytes(draw: st.DrawFn, schema: Schema) -> bytes:
    """Draw a record of a schema and write it with fastavro, as a single object."""
    record = {}
    named = named_types(schema.parsed)
    for entry in schema.parsed["fields"]:
        record[entry["name"]] = draw_datum(draw, entry["type"], named)
    if draw(st.integers(0, 9)) != 5:
        record["lead_id"] = draw(TEXT.filter(bool))
        record["created_at"] = draw(created_ats(schema))
    body = io.BytesIO()
    body.write(schema.header)
    fastavro.schemaless_writer(body, schema.parsed, record)
    return body.getvalue()


def created_ats(schema: Schema) -> st.SearchStrategy[Any]:
    declared = schema.fields["created_at"]
    if "string" in map(kind_of_type, declared if isinstance(declared, list) else [declared]):
        return ISO
    return TIMES


def draw_datum(draw: st.DrawFn, avro_type: Any, named: dict[str, Any]) -> Any:
    if isinstance(avro_type, list):
        return draw_datum(draw, draw(st.sampled_from(avro_type)), named)
    if isinstance(avro_type, str) and avro_type in named:
        avro_type = named[avro_type]
    match avro_type["type"] if isinstance(avro_type, dict) else avro_type:
        case "null":
            return None
        case "boolean":
            return draw(st.booleans())
        case "int":
            return draw(st.integers(-(2**31), 2**31 - 1))
        case "long":
            return draw(LONGS)
        case "float":
            return draw(st.floats(width=32))
        case "double":
            return draw(DOUBLES)
        case "bytes":
            return draw(st.binary(max_size=8))
        case "fixed":
            return draw(st.binary(min_size=avro_type["size"], max_size=avro_type["size"]))
        case "enum":
            return draw(st.sampled_from(avro_type["symbols"]))
        case "array":
            size = draw(st.integers(0, 3))
            return [draw_datum(draw, avro_type["items"], named) for _ in range(size)]
        case "map":
            keys = draw(st.lists(TEXT, max_size=3, unique=True))
            return {key: draw_datum(draw, avro_type["values"], named) for key in keys}
        case "record":
            return {
                entry["name"]: draw_datum(draw, entry["type"], named)
                for entry in avro_type["fields"]
            }
        case _:
            return draw(TEXT | ISO)


@st.composite
def kinds_of(draw: st.DrawFn, schema: Schema) -> dict[str, FieldKind]:
    """Draw which fields a model reads: some of the schema's, and at times one that it lacks."""
    kinds = {"not_there": draw(KINDS)} if draw(st.booleans()) else {}
    for name, avro_type in schema.fields.items():
        if not name.startswith("f") or not draw(st.booleans()):
            continue
        found = avro_type["type"] if isinstance(avro_type, dict) else avro_type
        apt = APT.get(found) if isinstance(found, str) else FieldKind.TEXT
        if draw(st.integers(0, 9)) == 5:
            kinds[name] = draw(KINDS)
        elif apt:
            kinds[name] = apt
    return kinds


@st.composite
def damaged(draw: st.DrawFn, value: bytes, keep: int = 10) -> bytes:
    """Damage what comes after the first bytes: overwrite, leave out, put in, cut, add."""
    head, body = value[:keep], bytearray(value[keep:])
    for _ in range(draw(st.integers(1, 2))):
        at = draw(st.integers(0, len(body)))
        match draw(st.sampled_from(["nudge", "nudge", "overwrite", "leave out", "put in", "cut"])):
            case "nudge" if at < len(body):
                body[at] ^= 1 << draw(st.integers(0, 7))
            case "overwrite":
                body[at : at + 1] = draw(WILD_BYTES)
            case "leave out":
                del body[at : at + draw(st.integers(1, 4))]
            case "put in":
                body[at:at] = draw(WILD_BYTES)
            case _:
                del body[at:]
    return head + bytes(body)


WILD_BYTES = st.binary(min_size=1, max_size=3) | st.sampled_from(
    [
        b"\xff" * 9 + b"\x01",  # -2**63
        b"\xfe" + b"\xff" * 8 + b"\x01",  # 2**63 - 1
        b"\xff" * 12,  # never ends
        b"\x80" * 9 + b"\x02",  # 65 bits
        b"\x80" * 10 + b"\x00",  # 0 in more bytes than 64 bits take
        b"\x80\x00",  # 0, longer than need be
        b"\x01",  # -1
        b"\x00\x00\x00\x00\x00\x00\xf8\x7f",  # NaN
        b"\x00\x00\x00\x00\x00\x00\xf0\x7f",  # infinity
    ]
)
