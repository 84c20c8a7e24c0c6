"""Which Avro types can be read as which kinds of fields."""

from __future__ import annotations

from typing import Any

import pytest

from schemas.avro_kinds import is_readable, mismatches
from schemas.fields import FieldKind
from schemas.readings import Reading
from schemas.store import Schema, parse_schema
from schemas.time_reading import PLAIN_TIMES

NUMBER, DATE, CATEGORY, TEXT = (
    *(FieldKind.NUMBER, FieldKind.DATE),
    *(FieldKind.CATEGORY, FieldKind.TEXT),
)
ENUM = {"type": "enum", "name": "E", "symbols": ["a"]}
UUID = {"type": "fixed", "name": "U", "size": 16, "logicalType": "uuid"}
WHOLE = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 0}
CENTS = {"type": "bytes", "logicalType": "decimal", "precision": 9, "scale": 2}
MOMENT = {"type": "long", "logicalType": "timestamp-millis"}
CLOCK = {"type": "int", "logicalType": "time-millis"}


@pytest.mark.parametrize(
    ("avro_type", "kinds"),
    [
        ("long", [NUMBER, CATEGORY, TEXT, DATE]),
        ("double", [NUMBER]),
        ("boolean", [NUMBER, CATEGORY, TEXT]),
        ("string", [DATE, CATEGORY, TEXT]),
        ("bytes", []),
        (ENUM, [CATEGORY, TEXT]),
        (UUID, [CATEGORY, TEXT]),
        (WHOLE, [NUMBER, CATEGORY, TEXT]),
        (CENTS, [NUMBER]),
        (MOMENT, [NUMBER, DATE]),
        (CLOCK, [NUMBER]),
    ],
    ids=str,
)
def test_a_type_can_be_read_as_these_kinds(avro_type: Any, kinds: list[FieldKind]) -> None:
    assert {kind for kind in FieldKind if is_readable(avro_type, kind, False)} == {*kinds}


@pytest.mark.parametrize(("avro_type", "kind"), [("string", NUMBER), ("double", DATE)])
def test_these_can_be_read_if_their_format_is_known(avro_type: str, kind: FieldKind) -> None:
    assert not is_readable(avro_type, kind, False)
    assert is_readable(avro_type, kind, True)


def schema(*fields: dict[str, Any]) -> Schema:
    envelope = [{"name": "lead_id", "type": "string"}, {"name": "created_at", "type": "long"}]
    return parse_schema({"type": "record", "name": "Lead", "fields": [*envelope, *fields]})


def test_a_mismatch_says_what_the_field_is_and_what_the_model_reads() -> None:
    given = schema(
        {"name": "visits", "type": ["null", "bytes"]}, {"name": "note", "type": "string"}
    )
    kinds = {"visits": NUMBER, "note": TEXT, "age": NUMBER}
    assert mismatches(given, kinds) == [
        "visits is null or bytes, but the model reads a number",
        "age is not in it",
    ]


def test_a_text_with_a_known_format_is_no_mismatch() -> None:
    readings: dict[str, Reading] = {"opened": PLAIN_TIMES}
    given = schema({"name": "opened", "type": "double"})
    assert mismatches(given, {"opened": DATE}, readings) == []
    assert len(mismatches(given, {"opened": DATE})) == 1
