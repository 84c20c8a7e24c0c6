"""Schemas that could make a reader raise, hang or swell are refused when they are loaded."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.decode import LeadDecoder
from schemas.errors import ErrorCode, InputError
from schemas.fields import FieldKind
from schemas.schema_limits import MAX_BLOCKS, MAX_UNIONS
from schemas.store import Schema, SchemaStore, parse_schema

ENVELOPE = [{"name": "lead_id", "type": "string"}, {"name": "created_at", "type": "long"}]


def lead_with(*fields: Any) -> dict[str, Any]:
    return {"type": "record", "name": "lead", "fields": [*ENVELOPE, *fields]}


def lead_of(avro_type: Any) -> dict[str, Any]:
    return lead_with({"name": "x", "type": avro_type})


def arrays(depth: int) -> Any:
    avro_type: Any = "int"
    for _ in range(depth):
        avro_type = {"type": "array", "items": avro_type}
    return avro_type


def optional_records(depth: int) -> Any:
    if depth == 0:
        return "int"
    inner = {"name": "inner", "type": optional_records(depth - 1)}
    return ["null", {"type": "record", "name": f"r{depth}", "fields": [inner]}]


def doubling_records(depth: int) -> Any:
    """2 ** depth integers, from a schema whose length grows with depth only."""
    avro_type: Any = "int"
    for level in range(depth):
        again = avro_type["name"] if isinstance(avro_type, dict) else avro_type
        fields = [{"name": "a", "type": avro_type}, {"name": "b", "type": again}]
        avro_type = {"type": "record", "name": f"r{level}", "fields": fields}
    return avro_type


def reads(schema: Schema, body: bytes) -> bool:
    store = SchemaStore()
    store.add(schema.avro)
    return LeadDecoder(store, {}).decode([schema.header + b"\x02a\x02" + body]).positions == [0]


REFUSED = {
    "itself": (lead_of(["null", "lead"]), "refers to itself"),
    "nulls": (lead_of({"type": "array", "items": "null"}), "could be of any length"),
    "empty records": (
        lead_of({"type": "array", "items": {"type": "record", "name": "e", "fields": []}}),
        "could be of any length",
    ),
    "fixed of no size": (
        lead_of({"type": "array", "items": {"type": "fixed", "name": "f", "size": 0}}),
        "could be of any length",
    ),
    "fixed that goes back": (
        lead_of({"type": "array", "items": {"type": "fixed", "name": "f", "size": -1}}),
        "size must be an integer",
    ),
    "size as text": (lead_of({"type": "fixed", "name": "f", "size": "8"}), "size must be"),
    "arrays": (lead_of(arrays(MAX_BLOCKS + 1)), "arrays or maps inside each other"),
    "unions": (lead_of(optional_records(MAX_UNIONS + 1)), "unions inside each other"),
    "as deep as Python": (lead_of(arrays(5000)), "nested too deeply"),
    "doubling": (lead_of(doubling_records(40)), "more than 20000 types"),
    "no branch": (lead_of([]), "a union that is empty"),
    "union in a union": (lead_of(["null", ["int"]]), "has a union for a branch"),
    "same name": (lead_with(*[{"name": "x", "type": "int"}] * 2), "a name of its own"),
    "no fields": ({"type": "record", "name": "lead"}, "a list of fields"),
    "no symbols": (lead_of({"type": "enum", "name": "e"}), "symbols"),
    "symbols of no text": (
        lead_of({"type": "enum", "name": "e", "symbols": [1]}),
        "symbol must match",
    ),
    "symbols as an object": (
        lead_of({"type": "enum", "name": "e", "symbols": {"a": 0, "b": 1}}),
        "symbols must be a list",
    ),
    "a default beyond all floats": (
        lead_with({"name": "x", "type": "double", "default": 10**400}),
        "not a usable Avro schema",
    ),
    "no such type": (lead_of("varchar"), "varchar"),
    "no type": (lead_of(None), "NoneType"),
    "no items": (lead_of({"type": "array"}), "array"),
    "a list": ([], "expected an Avro record schema"),
    "no record": ({"type": "enum", "name": "e", "symbols": ["a"]}, "found 'enum'"),
    "a number": (5, "found 'int'"),
}


@pytest.mark.parametrize(("avro", "said"), REFUSED.values(), ids=REFUSED)
def test_it_is_refused_with_a_reason(avro: Any, said: str) -> None:
    with pytest.raises(InputError, match=said):
        parse_schema(avro, "leads.avsc")


def test_a_schema_at_the_depth_limit_is_read() -> None:
    assert reads(parse_schema(lead_of(arrays(MAX_BLOCKS))), b"\x00")
    assert reads(parse_schema(lead_of(arrays(MAX_BLOCKS))), b"\x02" * 9 + b"\x00" * 8)
    assert reads(parse_schema(lead_of(optional_records(MAX_UNIONS))), b"\x02" * 32 + b"\x06")
    assert reads(parse_schema(lead_of(doubling_records(10))), b"\x06" * 1024)


def test_a_record_without_fields_is_read_where_its_number_is_bounded() -> None:
    empty = {"type": "record", "name": "e", "fields": []}
    assert reads(parse_schema(lead_of(["null", empty])), b"\x02")
    assert reads(parse_schema(lead_of({"type": "map", "values": empty})), b"\x02\x02k\x00")


def test_a_schema_with_a_null_character_in_its_name_is_read_like_any_other() -> None:
    assert reads(parse_schema({**lead_of("null"), "name": "le\0ad"}), b"")


def test_names_never_become_part_of_the_readers_source() -> None:
    name = 'x") or exec("raise SystemExit'
    store = SchemaStore()
    schema = store.add({**lead_with({"name": name, "type": "string"}), "name": "l'\n"})
    value = schema.header + b"\x02a\x02\x02b"
    assert LeadDecoder(store, {name: FieldKind.TEXT}).decode([value]).columns == {name: ["b"]}
    [(_, verdict)] = LeadDecoder(store, {name: FieldKind.NUMBER}).decode([value]).errors
    assert verdict.code is ErrorCode.TYPE
