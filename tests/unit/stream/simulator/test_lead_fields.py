"""Fields of a contract, as the simulator fills them."""

from __future__ import annotations

from typing import Any

from schemas.fields import FieldKind
from stream.simulator.lead_fields import LeadField, lead_fields

CONTRACT = {
    "type": "record",
    "name": "lead",
    "fields": [
        {"name": "lead_id", "type": "string"},
        {"name": "created_at", "type": "long"},
        {"name": "pages", "type": ["null", "int"], "default": None},
        {"name": "site", "type": "string", "default": "web"},
        {"name": "level", "type": {"type": "enum", "name": "level", "symbols": ["low", "high"]}},
        {"name": "seen", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "size", "type": ["double", "null"]},
    ],
}


def fields() -> dict[str, LeadField]:
    return {field.name: field for field in lead_fields(CONTRACT)}


def test_the_envelope_is_left_out_and_the_order_is_that_of_the_contract() -> None:
    assert list(fields()) == ["pages", "site", "level", "seen", "tags", "size"]


def test_types_and_kinds_are_those_of_the_branch_that_is_not_null() -> None:
    found: dict[str, Any] = {name: (it.avro_type, it.kind) for name, it in fields().items()}
    assert found == {
        "pages": ("int", FieldKind.NUMBER),
        "site": ("string", FieldKind.CATEGORY),
        "level": ("enum", FieldKind.CATEGORY),
        "seen": ("long", FieldKind.DATE),
        "tags": ("array", None),
        "size": ("double", FieldKind.NUMBER),
    }


def test_a_field_may_lack_where_it_is_nullable_or_has_a_default() -> None:
    assert {name for name, it in fields().items() if it.may_lack} == {"pages", "site", "size"}
    assert (fields()["site"].default, fields()["size"].default) == ("web", None)


def test_levels_are_those_of_an_enum() -> None:
    assert fields()["level"].symbols == {"low", "high"}
    assert fields()["site"].symbols == frozenset()
