"""Logical types: what a value means, and how it is written."""

from __future__ import annotations

import math
from typing import Any

import pytest

from schemas.fields import FieldKind
from schemas.logical_types import (
    KEPT,
    MAX_SCALE,
    Meaning,
    as_written,
    decimal_of,
    kind_of,
    meaning_of,
    scaled_decimal,
    type_label,
    type_name,
    uuid_of,
)

VARIABLE_SCALE = {
    "type": "record",
    "name": "VariableScaleDecimal",
    "namespace": "io.debezium.data",
    "fields": [{"name": "scale", "type": "int"}, {"name": "value", "type": "bytes"}],
}


def logical(avro_type: str, name: str, /, **more: Any) -> dict[str, Any]:
    return {"type": avro_type, "logicalType": name, **more}


@pytest.mark.parametrize(
    ("avro_type", "meaning", "kind"),
    [
        (logical("long", "timestamp-millis"), Meaning("time", "ms"), FieldKind.DATE),
        (logical("long", "local-timestamp-nanos"), Meaning("time", "ns"), FieldKind.DATE),
        (logical("int", "date"), Meaning("time", "days"), FieldKind.DATE),
        (logical("int", "time-millis"), Meaning("clock", "ms"), FieldKind.NUMBER),
        ({"type": "long", KEPT: "timestamp-micros"}, Meaning("time", "us"), FieldKind.DATE),
        (
            {"type": "int", "connect.name": "org.apache.kafka.connect.data.Date"},
            Meaning("time", "days"),
            FieldKind.DATE,
        ),
        (logical("bytes", "decimal", scale=2), Meaning("decimal", scale=2), FieldKind.NUMBER),
        (logical("bytes", "decimal"), Meaning("decimal", scale=0), FieldKind.NUMBER),
        (logical("bytes", "big-decimal"), Meaning("decimal"), FieldKind.NUMBER),
        (VARIABLE_SCALE, Meaning("decimal"), FieldKind.NUMBER),
        (logical("string", "uuid"), Meaning("uuid", "string"), FieldKind.CATEGORY),
        (logical("fixed", "uuid", name="u", size=16), Meaning("uuid", "fixed"), FieldKind.CATEGORY),
    ],
)
def test_a_logical_type_decides_meaning_and_kind(
    avro_type: Any, meaning: Meaning, kind: FieldKind
) -> None:
    assert meaning_of(avro_type) == meaning
    assert kind_of(avro_type) is kind


@pytest.mark.parametrize(
    "avro_type",
    [
        "long",
        logical("string", "timestamp-millis"),
        logical("long", "nobody-knows"),
        logical("bytes", "decimal", scale=-1),
        logical("bytes", "decimal", scale=MAX_SCALE + 1),
        logical("bytes", "decimal", scale="two"),
        logical("fixed", "uuid", name="u", size=15),
        {**VARIABLE_SCALE, "fields": VARIABLE_SCALE["fields"][:1]},
    ],
)
def test_a_logical_type_that_does_not_fit_is_ignored(avro_type: Any) -> None:
    assert meaning_of(avro_type) is None


def test_without_a_logical_type_the_avro_type_decides_the_kind() -> None:
    assert kind_of("double") is FieldKind.NUMBER
    assert kind_of({"type": "enum", "name": "e", "symbols": ["a"]}) is FieldKind.CATEGORY
    assert kind_of("bytes") is None


def test_types_have_a_name_and_a_label() -> None:
    assert type_name(["null", "long"]) == "union"
    assert type_name({"type": {"type": "long"}}) == "long"
    assert type_label(logical("bytes", "decimal", scale=2)) == "bytes (a decimal)"
    assert type_label("long") == "long"


@pytest.mark.parametrize(
    ("raw", "scale", "number"),
    [("ff85", 2, -1.23), ("", 0, 0.0), ("7b", -2, 12_300.0), ("01", 3, 0.001)],
)
def test_a_decimal_is_an_integer_with_a_scale(raw: str, scale: int, number: float) -> None:
    assert decimal_of(bytes.fromhex(raw), scale) == number


def test_a_decimal_too_large_for_a_float_is_infinite() -> None:
    assert decimal_of(b"\x7f" * 500, 0) == math.inf
    assert decimal_of(b"\x01", MAX_SCALE + 1) == math.inf


@pytest.mark.parametrize("raw", ["", "04ff85", "04ff850400", "80", "ffffffffff", "0a01"])
def test_bytes_that_are_no_big_decimal_are_refused(raw: str) -> None:
    with pytest.raises(ValueError, match=r"big-decimal|varint"):
        scaled_decimal(bytes.fromhex(raw))


@pytest.mark.parametrize(
    ("value", "avro_type"),
    [
        (-1.23, logical("bytes", "decimal", scale=2)),
        (1234.5, logical("bytes", "big-decimal")),
        (0.25, logical("fixed", "decimal", name="d", size=4, scale=2)),
    ],
)
def test_a_written_decimal_is_read_as_the_same_number(value: float, avro_type: Any) -> None:
    meaning = meaning_of(avro_type)
    assert meaning is not None
    written = as_written(value, meaning, avro_type)
    read = scaled_decimal(written) if meaning.scale is None else decimal_of(written, meaning.scale)
    assert read == value


@pytest.mark.parametrize(
    ("value", "meaning", "written"),
    [
        (86_400_000 * 3 + 5.0, Meaning("time", "days"), 3),
        (1.5, Meaning("time", "us"), 1500),
        (1500.0, Meaning("clock", "ms"), 1500),
        ("00000000-0000-0000-0000-000000000001", Meaning("uuid", "fixed"), bytes(15) + b"\x01"),
        ("any text", Meaning("uuid", "string"), "any text"),
    ],
)
def test_times_and_ids_are_written_in_their_unit(
    value: Any, meaning: Meaning, written: Any
) -> None:
    assert as_written(value, meaning, None) == written


@pytest.mark.parametrize(
    ("value", "avro_type", "says"),
    [
        (1.234, logical("bytes", "decimal", scale=2), "more than 2 digits"),
        (math.inf, logical("bytes", "decimal", scale=2), "can't be infinite"),
        (1e9, logical("fixed", "decimal", name="d", size=2, scale=0), "more than 2 bytes"),
    ],
)
def test_a_decimal_that_does_not_fit_is_refused(value: float, avro_type: Any, says: str) -> None:
    with pytest.raises(ValueError, match=says):
        as_written(value, Meaning("decimal", scale=avro_type["scale"]), avro_type)


def test_a_uuid_of_bytes_is_its_text() -> None:
    assert uuid_of(bytes(range(16))) == "00010203-0405-0607-0809-0a0b0c0d0e0f"
