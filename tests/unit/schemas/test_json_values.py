"""Avro's times, decimals and UUIDs become what JSON has for them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

import pytest

from schemas.json_values import as_json_values
from schemas.store import parse_schema


def converted(fields: dict[str, Any], lead: dict[str, Any]) -> Any:
    """Return a lead as converted, given the types of its fields."""
    types = {"lead_id": "string", "created_at": "long", **fields}
    avro = {
        "type": "record",
        "name": "lead",
        "fields": [{"name": name, "type": type_} for name, type_ in types.items()],
    }
    return as_json_values(parse_schema(avro, "a test"))(lead)


def logical(base: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": base, "logicalType": name, **more}


@pytest.mark.parametrize(
    ("avro_type", "stored", "expected"),
    [
        (logical("long", "timestamp-millis"), 1_500, "1970-01-01T00:00:01.500000+00:00"),
        (logical("long", "timestamp-micros"), -1, "1969-12-31T23:59:59.999999+00:00"),
        (logical("long", "timestamp-nanos"), 1_999, "1970-01-01T00:00:00.000001+00:00"),
        (logical("int", "date"), 365, "1971-01-01T00:00:00+00:00"),
        (["null", logical("int", "date")], 0, "1970-01-01T00:00:00+00:00"),
        (["null", logical("int", "date")], None, None),
        (logical("long", "timestamp-millis"), 2**62, 2**62),
        (logical("int", "time-millis"), 1_500, 1_500),
        (logical("long", "time-micros"), 1_500, 1.5),
        (logical("bytes", "decimal", precision=6, scale=2), bytes.fromhex("ff85"), -1.23),
        (logical("bytes", "big-decimal"), bytes.fromhex("04ff8504"), -1.23),
        (
            {"type": "fixed", "name": "u", "size": 16, "logicalType": "uuid"},
            bytes(16),
            str(UUID(int=0)),
        ),
        ("long", 7, 7),
        ("string", "a", "a"),
        (["null", "string", "long"], 7, 7),
    ],
)
def test_a_value_means_the_same_in_json(avro_type: Any, stored: Any, expected: Any) -> None:
    lead = {"lead_id": "a", "created_at": 5, "value": stored}
    assert converted({"value": avro_type}, lead) == {**lead, "value": expected}


def test_values_inside_of_records_are_converted() -> None:
    inner = {
        "type": "record",
        "name": "company",
        "fields": [
            {"name": "founded", "type": ["null", logical("int", "date")]},
            {"name": "name", "type": "string"},
        ],
    }
    lead = {"lead_id": "a", "created_at": 5, "company": {"founded": 0, "name": "b"}}
    assert converted({"company": ["null", inner]}, lead)["company"] == {
        "founded": "1970-01-01T00:00:00+00:00",
        "name": "b",
    }


def test_the_time_of_creation_stays_a_count_of_milliseconds() -> None:
    lead = {"lead_id": "a", "created_at": 1_700_000_000_123}
    millis = logical("long", "timestamp-millis")
    assert converted({"created_at": millis}, lead) == lead
    micros = logical("long", "timestamp-micros")
    assert converted({"created_at": micros}, {**lead, "created_at": 1_700_000_000_123_456}) == lead


def test_a_damaged_decimal_is_an_error() -> None:
    with pytest.raises(ValueError):
        converted(
            {"value": logical("bytes", "big-decimal")},
            {"lead_id": "a", "created_at": 5, "value": b"\xff"},
        )
