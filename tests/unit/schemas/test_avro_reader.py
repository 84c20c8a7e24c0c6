"""Generated readers: how each Avro type becomes a field's value."""

from __future__ import annotations

import io
import struct
from typing import Any

import fastavro
import numpy as np
import pytest

from schemas.avro_kinds import mismatches
from schemas.decode import DecodedLeads, LeadDecoder
from schemas.encode import encode_lead
from schemas.errors import ErrorCode
from schemas.fields import FieldKind
from schemas.store import Schema, SchemaStore, parse_schema
from schemas.wire import WireFormat

NUMBER, CATEGORY, TEXT, DATE = (
    FieldKind.NUMBER,
    FieldKind.CATEGORY,
    FieldKind.TEXT,
    FieldKind.DATE,
)
FIXED_PRICE = {
    "type": "fixed",
    "name": "price",
    "size": 4,
    "logicalType": "decimal",
    "precision": 9,
    "scale": 2,
}
UUID_BYTES = {"type": "fixed", "name": "id", "size": 16, "logicalType": "uuid"}
VARIABLE_SCALE = {
    "type": "record",
    "name": "VariableScaleDecimal",
    "namespace": "io.debezium.data",
    "fields": [{"name": "scale", "type": "int"}, {"name": "value", "type": "bytes"}],
    "connect.name": "io.debezium.data.VariableScaleDecimal",
}
LEVELS = {"type": "enum", "name": "level", "symbols": ["low", "high"]}
NAN = float("nan")


def logical(avro_type: str, name: str, **more: Any) -> dict[str, Any]:
    return {"type": avro_type, "logicalType": name, **more}


def connect(avro_type: str, name: str, scale: str | None = None) -> dict[str, Any]:
    """Make a type as Kafka Connect's Avro converter writes it."""
    parameters = {} if scale is None else {"connect.parameters": {"scale": scale}}
    return {"type": avro_type, "connect.version": 1, "connect.name": name, **parameters}


def lead_schema(*fields: dict[str, Any], created_at: Any = "long") -> Schema:
    envelope = [{"name": "lead_id", "type": "string"}, {"name": "created_at", "type": created_at}]
    return parse_schema({"type": "record", "name": "lead", "fields": [*envelope, *fields]})


def decoded(schema: Schema, kinds: dict[str, FieldKind], *values: bytes) -> DecodedLeads:
    store = SchemaStore()
    store.add(schema.avro)
    return LeadDecoder(store, kinds).decode(values)


def read(schema: Schema, kinds: dict[str, FieldKind], **record: Any) -> DecodedLeads:
    return decoded(schema, kinds, on_the_wire(schema, {"lead_id": "a", "created_at": 1, **record}))


def on_the_wire(schema: Schema, record: dict[str, Any]) -> bytes:
    """Write values as the Avro type has them, whatever its logical type means."""
    body = io.BytesIO()
    fastavro.schemaless_writer(body, schema.parsed, record)
    return schema.header + body.getvalue()


def code(leads: DecodedLeads) -> ErrorCode:
    ((_, verdict),) = leads.errors
    return verdict.code


def micros(days: int) -> int:
    return days * 86_400_000_000


@pytest.mark.parametrize(
    ("avro_type", "kind", "value", "expected"),
    [
        ("int", NUMBER, -7, -7.0),
        ("long", NUMBER, 2**53 + 2, 2.0**53 + 2),
        ("float", NUMBER, 0.1, float(np.float32(0.1))),
        ("double", NUMBER, 0.1, 0.1),
        ("boolean", NUMBER, True, 1.0),
        (["null", "double"], NUMBER, None, NAN),
        (["double", "null"], NUMBER, 2.5, 2.5),
        (["null", "long", "double"], NUMBER, 2.5, 2.5),
        ("string", CATEGORY, " Ünï ", " Ünï "),
        ("string", TEXT, "", ""),
        (["null", "string"], TEXT, None, None),
        (LEVELS, CATEGORY, "high", "high"),
        ("boolean", CATEGORY, True, "true"),
        ("boolean", TEXT, False, "false"),
        ("long", CATEGORY, -12, "-12"),
        ("int", TEXT, 5, "5"),
        ("long", DATE, -1, -1.0),
        ({"type": "long", "logicalType": "timestamp-millis"}, DATE, 1500, 1500.0),
        ({"type": "long", "logicalType": "timestamp-micros"}, DATE, micros(1) + 1, 86_400_000.0),
        ({"type": "long", "logicalType": "timestamp-micros"}, DATE, -1, -1.0),
        ({"type": "long", "logicalType": "timestamp-nanos"}, DATE, 1_999_999, 1.0),
        ({"type": "int", "logicalType": "date"}, DATE, 2, 172_800_000.0),
        (["null", {"type": "int", "logicalType": "date"}], DATE, 2, 172_800_000.0),
        (logical("long", "local-timestamp-millis"), DATE, 1500, 1500.0),
        (logical("long", "local-timestamp-micros"), DATE, micros(1) + 1, 86_400_000.0),
        (logical("long", "local-timestamp-nanos"), DATE, 1_999_999, 1.0),
        (connect("long", "io.debezium.time.Timestamp"), DATE, 1500, 1500.0),
        (connect("long", "io.debezium.time.MicroTimestamp"), DATE, micros(1), 86_400_000.0),
        (connect("long", "io.debezium.time.NanoTimestamp"), DATE, 1_999_999, 1.0),
        (connect("int", "io.debezium.time.Date"), DATE, 2, 172_800_000.0),
        (connect("int", "org.apache.kafka.connect.data.Date"), DATE, 2, 172_800_000.0),
        (connect("long", "org.apache.kafka.connect.data.Timestamp"), DATE, 1500, 1500.0),
        (connect("string", "io.debezium.time.ZonedTimestamp"), DATE, "1970-01-02T00:00:00Z", 864e5),
        (logical("long", "nobody-knows"), DATE, 1500, 1500.0),
        (logical("long", "timestamp-micros"), NUMBER, micros(1), 86_400_000.0),
        (logical("int", "time-millis"), NUMBER, 52_200_000, 52_200_000.0),
        (logical("long", "time-micros"), NUMBER, 1500, 1.5),
        (connect("int", "io.debezium.time.Time"), NUMBER, 52_200_000, 52_200_000.0),
        (connect("long", "io.debezium.time.MicroTime"), NUMBER, 52_200_000_000, 52_200_000.0),
        (connect("long", "io.debezium.time.NanoTime"), NUMBER, 1_500_000, 1.5),
        (connect("int", "org.apache.kafka.connect.data.Time"), NUMBER, 52_200_000, 52_200_000.0),
        (logical("bytes", "decimal", precision=9, scale=2), NUMBER, b"\xff\x85", -1.23),
        (logical("bytes", "decimal", precision=9), NUMBER, b"\x01\x00", 256.0),
        (FIXED_PRICE, NUMBER, b"\x00\x00\x30\x39", 123.45),
        (["null", FIXED_PRICE], NUMBER, None, NAN),
        (connect("bytes", "org.apache.kafka.connect.data.Decimal", "2"), NUMBER, b"\x7b", 1.23),
        (logical("bytes", "big-decimal"), NUMBER, b"\x02\x7b\x04", 1.23),
        (VARIABLE_SCALE, NUMBER, {"scale": 1, "value": b"\x7b"}, 12.3),
        (VARIABLE_SCALE, NUMBER, {"scale": -2, "value": b"\x7b"}, 12_300.0),
        (logical("bytes", "decimal", precision=9), CATEGORY, b"\x01\x00", "256"),
        (logical("string", "uuid"), CATEGORY, "a-b", "a-b"),
        (UUID_BYTES, CATEGORY, bytes(range(16)), "00010203-0405-0607-0809-0a0b0c0d0e0f"),
        (UUID_BYTES, TEXT, bytes(range(16)), "00010203-0405-0607-0809-0a0b0c0d0e0f"),
        (connect("string", "io.debezium.data.Uuid"), CATEGORY, "a-b", "a-b"),
        ("string", DATE, "1970-01-02", 86_400_000.0),
        ("string", DATE, "1970-01-01T01:00:00.5+01:00", 500.0),
    ],
)
def test_a_type_is_read_as_its_fields_kind(
    avro_type: Any, kind: FieldKind, value: Any, expected: Any
) -> None:
    schema = lead_schema({"name": "x", "type": avro_type})
    leads = read(schema, {"x": kind}, x=value)
    assert leads.errors == []
    np.testing.assert_equal(list(leads.columns["x"]), [expected])
    assert mismatches(schema, {"x": kind}) == []


@pytest.mark.parametrize(
    ("avro_type", "kind", "value"),
    [
        ("string", NUMBER, "5"),
        ("bytes", TEXT, b"a"),
        ("bytes", NUMBER, b"a"),
        (logical("bytes", "decimal", precision=9, scale=-1), NUMBER, b"a"),
        (logical("bytes", "decimal", precision=9, scale=10**9), NUMBER, b"a"),
        (logical("bytes", "decimal", precision=9, scale=2), CATEGORY, b"a"),
        (logical("int", "time-millis"), DATE, 1),
        (UUID_BYTES, NUMBER, bytes(16)),
        (LEVELS, NUMBER, "low"),
        ("double", CATEGORY, 1.0),
        ("float", DATE, 1.0),
        ("boolean", DATE, True),
        ({"type": "array", "items": "string"}, TEXT, ["a"]),
        ({"type": "map", "values": "double"}, NUMBER, {"a": 1.0}),
        ({"type": "record", "name": "r", "fields": [{"name": "y", "type": "int"}]}, TEXT, {"y": 1}),
    ],
)
def test_a_type_that_is_not_the_kinds_is_a_verdict_and_known_beforehand(
    avro_type: Any, kind: FieldKind, value: Any
) -> None:
    schema = lead_schema({"name": "x", "type": avro_type})
    assert code(read(schema, {"x": kind}, x=value)) is ErrorCode.TYPE
    (phrase,) = mismatches(schema, {"x": kind})
    assert phrase.startswith("x is ")


def test_only_the_wrong_branch_of_a_union_is_a_verdict() -> None:
    schema = lead_schema({"name": "x", "type": ["double", "string"]})
    assert read(schema, {"x": NUMBER}, x=1.5).columns["x"][0] == 1.5
    assert code(read(schema, {"x": NUMBER}, x="1.5")) is ErrorCode.TYPE
    assert mismatches(schema, {"x": NUMBER}) == []


def test_the_scale_is_that_of_the_unions_branch_not_of_the_field() -> None:
    branches = [
        logical("long", "timestamp-micros"),
        logical("int", "date"),
        "null",
        logical("bytes", "decimal", precision=4, scale=1),
        {**FIXED_PRICE, "scale": 3},
    ]
    schema = lead_schema({"name": "x", "type": branches})
    head = schema.header + b"\x02a\x02"
    in_micros = on_the_wire(schema, {"lead_id": "a", "created_at": 1, "x": 43_980_424_192})
    in_days = head + b"\x02" + b"\x02"
    assert decoded(schema, {"x": DATE}, in_days).columns["x"].tolist() == [86_400_000.0]
    assert decoded(schema, {"x": DATE}, in_micros).columns["x"].tolist() == [43_980_424.0]
    tenths, thousandths = head + b"\x06\x02\x7b", head + b"\x08\x00\x00\x00\x7b"
    leads = decoded(schema, {"x": NUMBER}, tenths, thousandths)
    assert leads.columns["x"].tolist() == [12.3, 0.123]


def test_a_fixed_decimal_that_two_fields_name_is_a_number_in_both() -> None:
    schema = lead_schema({"name": "x", "type": FIXED_PRICE}, {"name": "y", "type": "price"})
    leads = read(schema, {"x": NUMBER, "y": NUMBER}, x=b"\0\0\0\1", y=b"\0\0\0\2")
    assert (leads.columns["x"][0], leads.columns["y"][0]) == (0.01, 0.02)
    assert read(schema, {"y": NUMBER}, x=b"\0\0\0\1", y=b"\0\0\0\2").columns["y"][0] == 0.02
    assert mismatches(schema, {"y": NUMBER}) == []


def test_a_decimal_too_large_for_a_number_is_not_finite() -> None:
    schema = lead_schema({"name": "x", "type": logical("bytes", "decimal", precision=999)})
    assert code(read(schema, {"x": NUMBER}, x=b"\x7f" * 200)) is ErrorCode.NOT_FINITE


def test_a_decimal_that_is_cut_is_wrong_bytes() -> None:
    schema = lead_schema({"name": "x", "type": logical("bytes", "decimal", precision=9, scale=2)})
    whole = on_the_wire(schema, {"lead_id": "a", "created_at": 1, "x": b"\x01\x02"})
    assert code(decoded(schema, {"x": NUMBER}, whole[:-1])) is ErrorCode.DECODE


def test_an_id_may_be_a_uuid_and_a_creation_a_local_time_or_a_date() -> None:
    fields = [
        {"name": "lead_id", "type": UUID_BYTES},
        {"name": "created_at", "type": logical("int", "date")},
    ]
    schema = parse_schema({"type": "record", "name": "lead", "fields": fields})
    schema.require_lead()
    leads = read(schema, {}, lead_id=bytes(range(16)), created_at=19_000)
    assert leads.lead_ids == [b"00010203-0405-0607-0809-0a0b0c0d0e0f"]
    assert leads.created_at.tolist() == [19_000 * 86_400_000]
    local = lead_schema(created_at=logical("long", "local-timestamp-micros"))
    local.require_lead()
    leads = read(local, {}, created_at=1_717_113_600_000_001)
    assert leads.created_at.tolist() == [1_717_113_600_000]


TIMES_AS_WRITTEN = [
    (logical("long", "timestamp-millis"), 1_717_113_600_123),
    (logical("long", "timestamp-micros"), 1_717_113_600_123_999),
    (logical("long", "timestamp-nanos"), 1_717_113_600_123_999_999),
    (logical("long", "local-timestamp-millis"), 1_717_113_600_123),
    (logical("long", "local-timestamp-micros"), 1_717_113_600_123_999),
    (connect("long", "io.debezium.time.MicroTimestamp"), 1_717_113_600_123_999),
]


@pytest.mark.parametrize(("avro_type", "written"), TIMES_AS_WRITTEN)
@pytest.mark.parametrize("records", [1, 20], ids=["alone", "in a batch"])
def test_one_time_is_the_same_however_its_type_counts_it(
    avro_type: dict[str, Any], written: int, records: int
) -> None:
    schema = lead_schema({"name": "d", "type": ["null", avro_type]}, created_at=avro_type)
    value = on_the_wire(schema, {"lead_id": "a", "created_at": written, "d": written})
    leads = decoded(schema, {"d": DATE}, *[value] * records)
    assert leads.created_at.tolist() == [1_717_113_600_123] * records
    assert leads.columns["d"].tolist() == [1_717_113_600_123.0] * records


def test_a_field_that_the_writer_lacks_is_missing_and_known_beforehand() -> None:
    schema = lead_schema()
    leads = read(schema, {"n": NUMBER, "t": TEXT, "d": DATE})
    np.testing.assert_equal(leads.columns, {"n": [NAN], "t": [None], "d": [NAN]})
    assert mismatches(schema, {"n": NUMBER}) == ["n is not in it"]


def test_a_text_that_is_no_time_is_a_wrong_type_and_no_wrong_bytes() -> None:
    schema = lead_schema({"name": "d", "type": "string"})
    assert code(read(schema, {"d": DATE}, d="soon")) is ErrorCode.TYPE


@pytest.mark.parametrize("text", ["soon", "", "1969-12-31", "0001-01-01T00:00:00+23:59"])
def test_a_creation_that_is_no_time_since_1970_is_a_verdict_of_its_own(text: str) -> None:
    schema = lead_schema(created_at="string")
    assert code(read(schema, {}, created_at=text)) is ErrorCode.VALIDATION


def test_damaged_bytes_are_reported_before_a_wrong_envelope_and_that_before_a_wrong_type() -> None:
    schema = lead_schema({"name": "x", "type": "string"}, {"name": "y", "type": "long"})
    whole = encode_lead(
        {"lead_id": "", "created_at": 1, "x": "a", "y": 300}, schema, WireFormat.AVRO
    )
    assert code(decoded(schema, {"x": NUMBER}, whole[:-1])) is ErrorCode.DECODE
    assert code(decoded(schema, {"x": NUMBER}, whole)) is ErrorCode.VALIDATION
    assert code(read(schema, {"x": NUMBER}, x="a", y=1)) is ErrorCode.TYPE


def test_a_type_that_is_defined_in_a_field_of_the_wrong_type_is_known_after_it() -> None:
    wrapped = {"type": "record", "name": "r", "fields": [{"name": "e", "type": LEVELS}]}
    schema = lead_schema({"name": "x", "type": ["null", wrapped]}, {"name": "y", "type": "level"})
    leads = read(schema, {"x": NUMBER, "y": CATEGORY}, x=None, y="high")
    assert leads.columns["y"] == ["high"]
    assert code(read(schema, {"x": NUMBER}, x={"e": "low"}, y="high")) is ErrorCode.TYPE


BOUNDARIES = [
    sign * 2**power + step
    for power in range(63)
    for sign in (1, -1)
    for step in (-1, 0, 1)
    if -(2**63) <= sign * 2**power + step < 2**63
] + [2**63 - 1, -(2**63)]


def test_integers_of_every_length_are_read() -> None:
    schema = lead_schema({"name": "x", "type": "long"})
    values = [
        encode_lead({"lead_id": "a", "created_at": 1, "x": x}, schema, WireFormat.AVRO)
        for x in BOUNDARIES
    ]
    assert decoded(schema, {"x": TEXT}, *values).columns["x"] == [str(x) for x in BOUNDARIES]
    assert decoded(schema, {}, *values).errors == []


@pytest.mark.parametrize("kinds", [{"x": TEXT}, {}], ids=["read", "skipped"])
@pytest.mark.parametrize(
    ("encoded", "is_good"),
    [
        (b"\x80\x00", True),
        (b"\xff" * 9 + b"\x01", True),
        (b"\xff" * 9 + b"\x02", False),
        (b"\x80" * 9 + b"\x7f", False),
        (b"\x80" * 10 + b"\x00", False),
        (b"\x80" * 30 + b"\x00", False),
        (b"\x80", False),
        (b"", False),
    ],
)
def test_an_integer_is_of_64_bits_and_ten_bytes_at_most(
    encoded: bytes, is_good: bool, kinds: dict[str, FieldKind]
) -> None:
    schema = lead_schema({"name": "x", "type": "long"})
    leads = decoded(schema, kinds, schema.header + b"\x02a\x02" + encoded)
    assert [verdict.code for _, verdict in leads.errors] == [ErrorCode.DECODE] * (not is_good)


@pytest.mark.parametrize("kinds", [{"x": TEXT}, {}], ids=["read", "skipped"])
@pytest.mark.parametrize(
    "encoded",
    [
        b"\x04a",
        b"\x01a",
        b"\x02\xff",
        b"\x06\xed\xa0\x80",
        b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01a",
    ],
    ids=["short", "negative", "no UTF-8", "a surrogate", "2**63 - 1 bytes"],
)
def test_a_text_of_wrong_bytes_is_refused_read_or_skipped(
    encoded: bytes, kinds: dict[str, FieldKind]
) -> None:
    schema = lead_schema({"name": "x", "type": "string"})
    assert code(decoded(schema, kinds, schema.header + b"\x02a\x02" + encoded)) is ErrorCode.DECODE


def test_a_number_that_is_cut_is_refused_read_or_skipped() -> None:
    for avro_type, whole in (("double", struct.pack("<d", 1.5)), ("float", struct.pack("<f", 1.5))):
        schema = lead_schema({"name": "x", "type": avro_type})
        head = schema.header + b"\x02a\x02"
        for kinds in ({"x": NUMBER}, {}):
            assert decoded(schema, kinds, head + whole).positions == [0]
            assert code(decoded(schema, kinds, head + whole[:-1])) is ErrorCode.DECODE


WIDE = [{"name": f"d{i}", "type": "double"} for i in range(1000)]


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "count", [b"\xa0\xc2\x1e", b"\xfe" + b"\xff" * 8 + b"\x01", b"\xff" * 9 + b"\x01"]
)
@pytest.mark.parametrize(
    "item",
    [
        "double",
        "float",
        {"type": "fixed", "name": "f", "size": 3},
        {"type": "record", "name": "wide", "fields": WIDE},
        {"type": "array", "items": "double"},
    ],
    ids=["double", "float", "fixed", "wide record", "array"],
)
def test_a_claimed_count_is_bounded_by_the_bytes_that_are_left(item: Any, count: bytes) -> None:
    schema = lead_schema({"name": "x", "type": {"type": "array", "items": item}})
    size_in_bytes = b"\x02" if count.startswith(b"\xff") else b""
    value = schema.header + b"\x02a\x02" + count + size_in_bytes + b"\x01" * 250_000
    assert {code(decoded(schema, {}, value)) for _ in range(20)} == {ErrorCode.DECODE}


def test_blocks_that_state_their_size_are_skipped_too() -> None:
    schema = lead_schema(
        {"name": "tags", "type": {"type": "array", "items": "string"}},
        {"name": "x", "type": "long"},
    )
    head = schema.header + b"\x02a\x02"
    for blocks in (b"\x04\x02a\x02b\x00", b"\x03\x08\x02a\x02b\x00", b"\x02\x02a\x01\x04\x02b\x00"):
        body = fastavro.schemaless_reader(
            io.BytesIO(b"\x02a\x02" + blocks + b"\x06"), schema.parsed
        )
        assert body["tags"] == ["a", "b"]
        assert decoded(schema, {"x": NUMBER}, head + blocks + b"\x06").columns["x"][0] == 3.0
