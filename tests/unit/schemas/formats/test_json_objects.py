"""Leads as JSON objects: what is recognised, how values are read, and the verdicts."""

from __future__ import annotations

from typing import Any

import orjson
import pytest

from schemas.errors import ErrorCode, InvalidEventError
from schemas.field_names import FieldNames
from schemas.fields import FieldKind
from schemas.formats.event_format import DecodedRow, LeadFields, LeadReader
from schemas.formats.json_objects import JsonObjects
from schemas.number_reading import NumberReading
from schemas.store import SchemaStore
from schemas.time_reading import TimeReading

KINDS = {
    "pages": FieldKind.NUMBER,
    "seen": FieldKind.DATE,
    "site": FieldKind.CATEGORY,
}
FIELDS = LeadFields(
    KINDS,
    {"pages": NumberReading(decimal=","), "seen": TimeReading(first="day")},
    FieldNames({"pages": "Pages", "seen": "seen", "site": "site"}),
    max_bytes=1000,
)
FORM = JsonObjects()


def read(value: bytes | dict[str, Any]) -> tuple[DecodedRow | None, InvalidEventError | None]:
    encoded = value if isinstance(value, bytes) else orjson.dumps(value)
    rows: list[DecodedRow | None] = [None]
    errors: dict[int, InvalidEventError] = {}
    FORM.lead_reader(SchemaStore(), FIELDS).read_rows([encoded], [0], rows, errors)
    return rows[0], errors.get(0)


def lead(**fields: Any) -> dict[str, Any]:
    return {"lead_id": "a", "created_at": 1_760_000_000_000, **fields}


def verdict(value: bytes | dict[str, Any]) -> InvalidEventError:
    row, error = read(value)
    assert row is None
    assert error is not None
    return error


@pytest.mark.parametrize("value", [b"{}", b' \r\n{"a":1}', b"\xef\xbb\xbf{}"])
def test_an_object_is_recognised_behind_white_space_and_a_byte_order_mark(value: bytes) -> None:
    assert value[:1] in FORM.first_bytes
    assert FORM.recognises(value)


@pytest.mark.parametrize("value", [b" []", b"\xef\xbb{}", b"\t"])
def test_other_bytes_are_not_recognised(value: bytes) -> None:
    assert not FORM.recognises(value)


def test_fields_are_read_by_name_and_missing_ones_are_none() -> None:
    row, error = read(lead(pages=3, site="web"))
    assert error is None
    assert row == ("a", 1_760_000_000_000, None, 3.0, None, "web")


def test_a_field_is_found_by_the_name_of_its_column() -> None:
    assert read(lead(Pages=3))[0] == ("a", 1_760_000_000_000, None, 3.0, None, None)


@pytest.mark.parametrize(
    ("field", "value", "expected"),
    [
        ("pages", "1,5", 1.5),
        ("seen", "1970-01-02", 86_400_000),
        ("site", True, "true"),
        ("site", 7, "7"),
    ],
)
def test_values_are_read_as_the_training_data_writes_them(
    field: str, value: Any, expected: Any
) -> None:
    row, _ = read(lead(**{field: value}))
    assert row is not None
    assert row[3 + list(KINDS).index(field)] == expected


@pytest.mark.parametrize(
    ("value", "code", "says"),
    [
        (b'{"lead_id": ', ErrorCode.DECODE, "expected a JSON object in UTF-8"),
        (b'{"lead_id":"a","created_at":1,"pages":NaN}', ErrorCode.DECODE, "NaN is not valid JSON"),
        (lead(pages="many"), ErrorCode.TYPE, "field pages: expected a number, or null, got a str"),
        (lead(pages=[1]), ErrorCode.TYPE, "got an array"),
        (lead(seen="soon"), ErrorCode.TYPE, "field seen: expected milliseconds since 1970"),
        (lead(site={}), ErrorCode.TYPE, "field site: expected a string, an integer or a boolean"),
        ({"created_at": 1}, ErrorCode.VALIDATION, "lead_id"),
        ({"lead_id": "", "created_at": 1}, ErrorCode.VALIDATION, "an empty string"),
        ({"lead_id": "a"}, ErrorCode.VALIDATION, "created_at"),
    ],
)
def test_an_object_that_is_no_lead_has_a_code_and_a_sentence(
    value: Any, code: ErrorCode, says: str
) -> None:
    error = verdict(value)
    assert error.code is code
    assert says in error.message


def test_no_value_of_a_lead_is_in_a_verdict() -> None:
    assert "secret" not in verdict(lead(pages="secret")).message


def test_objects_are_not_read_by_column() -> None:
    reader: LeadReader = FORM.lead_reader(SchemaStore(), FIELDS)
    assert reader.read_columns([b"{}"] * 20) is None
