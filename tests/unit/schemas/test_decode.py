"""Batches of events to columns and verdicts."""

from __future__ import annotations

import gc
import re
import sys
from typing import Any

import numpy as np
import orjson
import pytest

from schemas.decode import DecodedLeads, LeadDecoder
from schemas.encode import encode_lead
from schemas.errors import ErrorCode, InputError, InvalidEventError
from schemas.fields import FieldKind
from schemas.number_reading import NumberReading
from schemas.readings import Reading
from schemas.store import Schema, SchemaStore
from schemas.time_reading import TimeReading
from schemas.wire import WireFormat

KINDS = {
    "pages": FieldKind.NUMBER,
    "visited": FieldKind.DATE,
    "city": FieldKind.CATEGORY,
    "note": FieldKind.TEXT,
}
VISIT: dict[str, Any] = {
    "type": "record",
    "name": "visit",
    "fields": [
        {"name": "lead_id", "type": "string"},
        {"name": "created_at", "type": "long"},
        {"name": "request_id", "type": ["null", "string"]},
        {"name": "pages", "type": ["null", "double"]},
        {"name": "city", "type": ["null", "string"]},
    ],
}
STORE = SchemaStore()
SCHEMA = STORE.add(VISIT)
BARE = STORE.add({**VISIT, "name": "bare", "fields": VISIT["fields"][:2]})


def avro(lead_id: str, **fields: Any) -> bytes:
    record = {"lead_id": lead_id, "created_at": 7, **fields}
    return encode_lead(record, SCHEMA, WireFormat.AVRO)


def json(**fields: Any) -> bytes:
    return orjson.dumps({"lead_id": "j", "created_at": 7, **fields})


def decoder(**options: Any) -> LeadDecoder:
    return LeadDecoder(STORE, KINDS, **options)


def test_a_batch_of_any_formats_and_schemas_keeps_its_order() -> None:
    values = [
        json(city="Ulm", visited="1970-01-01T00:00:01Z", request_id="r2"),
        avro("a", pages=3.0, request_id="r1"),
        encode_lead({"lead_id": "b", "created_at": 9}, BARE, WireFormat.AVRO),
        avro("c", city="Bonn", request_id=""),
    ]
    leads = decoder().decode(values)
    assert leads.positions == [0, 1, 2, 3]
    assert leads.lead_ids == [b"j", b"a", b"b", b"c"]
    assert leads.created_at.tolist() == [7, 7, 9, 7]
    assert leads.request_ids == [b"r2", b"r1", None, None]
    assert leads.errors == []
    assert list(leads.columns) == list(KINDS)
    nan = np.nan
    np.testing.assert_equal(leads.columns["pages"], [nan, 3.0, nan, nan])
    np.testing.assert_equal(leads.columns["visited"], [1000.0, nan, nan, nan])
    assert leads.columns["pages"].dtype == leads.columns["visited"].dtype == np.float64
    assert leads.columns["city"] == ["Ulm", None, None, "Bonn"]
    assert leads.columns["note"] == [None] * 4


def test_verdicts_leave_the_other_leads_in_their_places() -> None:
    values = [
        None,
        avro("a", pages=1.0),
        avro("b", pages=float("nan")),
        json(pages="many"),
        avro("c", pages=float("-inf"), city="Ulm"),
        avro("d", pages=2.0, city="Ulm"),
        b"\xc3\x01" + bytes(8),
        b"\x00\x00\x00\x00\x01",
        avro("e", pages=None),
    ]
    leads = decoder().decode(values)
    assert leads.positions == [1, 5, 8]
    assert leads.lead_ids == [b"a", b"d", b"e"]
    np.testing.assert_equal(leads.columns["pages"], [1.0, 2.0, np.nan])
    assert leads.columns["city"] == [None, "Ulm", None]
    assert [(i, verdict.code) for i, verdict in leads.errors] == [
        (0, ErrorCode.WIRE_FORMAT),
        (2, ErrorCode.NOT_FINITE),
        (3, ErrorCode.TYPE),
        (4, ErrorCode.NOT_FINITE),
        (6, ErrorCode.SCHEMA),
        (7, ErrorCode.WIRE_FORMAT),
    ]


@pytest.mark.parametrize("values", [[], [None], [b"x", b""]])
def test_a_batch_without_leads_has_empty_columns(values: list[bytes | None]) -> None:
    leads = decoder().decode(values)
    assert leads.positions == leads.lead_ids == leads.request_ids == []
    assert leads.created_at.shape == (0,)
    assert len(leads.errors) == len(values)
    assert leads.columns["pages"].shape == leads.columns["visited"].shape == (0,)
    assert leads.columns["city"] == leads.columns["note"] == []


def test_the_limit_is_on_the_bytes_of_an_event_of_any_format() -> None:
    good = avro("a" * 50)
    assert decoder(max_bytes=len(good)).decode([good]).positions == [0]
    for value in (good, b"x" * len(good), json(note="x" * len(good))):
        [(_, verdict)] = decoder(max_bytes=len(good) - 1).decode([value]).errors
        assert verdict.code is ErrorCode.TOO_LARGE
        assert "LEADSCORE_MAX_EVENT_BYTES" in verdict.message


def test_an_unknown_fingerprint_is_named() -> None:
    [(_, verdict)] = decoder().decode([b"\xc3\x01\x01\x02\x03\x04\x05\x06\x07\x08data"]).errors
    assert "0102030405060708" in verdict.message
    assert "LEADSCORE_SCHEMA_DIR" in verdict.message


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("pages", 3, 3.0),
        ("pages", 2**63, 2.0**63),
        ("pages", -0.5, -0.5),
        ("pages", True, 1.0),
        ("visited", 5, 5.0),
        ("visited", "1970-01-01", 0.0),
        ("city", "x", "x"),
        ("city", False, "false"),
        ("city", -3, "-3"),
        ("note", True, "true"),
    ],
)
def test_json_values_are_read_as_their_fields_kind(name: str, value: Any, expected: Any) -> None:
    leads = decoder().decode([json(**{name: value})])
    assert leads.errors == []
    assert list(leads.columns[name]) == [expected]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("pages", "3"),
        ("pages", [3]),
        ("visited", 1.5),
        ("visited", True),
        ("visited", "soon"),
        ("city", 1.5),
        ("city", {}),
        ("note", []),
    ],
)
def test_a_json_value_of_the_wrong_type_is_reported_without_the_value(
    name: str, value: Any
) -> None:
    [(_, verdict)] = decoder().decode([json(**{name: value})]).errors
    assert verdict.code is ErrorCode.TYPE
    assert name in verdict.message
    assert "soon" not in verdict.message


@pytest.mark.parametrize(
    "envelope",
    [
        b'"created_at":1',
        b'"lead_id":"","created_at":1',
        b'"lead_id":5,"created_at":1',
        b'"lead_id":null,"created_at":1',
        b'"lead_id":"a"',
        b'"lead_id":"a","created_at":null',
        b'"lead_id":"a","created_at":-1',
        b'"lead_id":"a","created_at":1.5',
        b'"lead_id":"a","created_at":true',
        b'"lead_id":"a","created_at":"soon"',
        b'"lead_id":"a","created_at":253402300800000',
        b'"lead_id":"a","created_at":"1969-12-31T23:59:59Z"',
    ],
)
def test_a_json_lead_needs_an_id_and_a_time_since_1970(envelope: bytes) -> None:
    [(_, verdict)] = decoder().decode([b"{" + envelope + b"}"]).errors
    assert verdict.code is ErrorCode.VALIDATION


@pytest.mark.parametrize(
    "value",
    [
        b"{",
        b'{"lead_id":"a","created_at":1}}',
        b'{"lead_id":"a","created_at":1,"pages":NaN}',
        b'{"lead_id":"a","created_at":1,"pages":Infinity}',
        b'{"lead_id":"a","created_at":1,"pages":1e999}',
        b'{"lead_id":"\xff","created_at":1}',
        b'{"lead_id":"\\ud800","created_at":1}',
        b'{"a":' * 2000,
        b'{"a":' * 2000 + b"1" + b"}" * 2000,
    ],
)
def test_bytes_that_are_not_json_are_refused(value: bytes) -> None:
    [(_, verdict)] = decoder().decode([value]).errors
    assert verdict.code is ErrorCode.DECODE


@pytest.mark.parametrize(
    "value",
    [
        b'{"lead_id":"a","created_at":"?"}',
        b"no format",
        b'{"lead_id":',
        avro("a")[:-1],
        b"\xc3\x01" + bytes(8),
    ],
)
def test_a_verdict_does_not_keep_the_values_of_its_batch(value: bytes) -> None:
    """Its traceback did: large leads that can't be scored took memory until the next collection."""
    value = bytes(bytearray(value))  # not the constant of this test
    read = decoder()
    read.decode([value])  # what is cached is there from now on
    before = sys.getrefcount(value)
    gc.disable()
    try:
        errors = read.decode([value]).errors
        assert len(errors) == 1
        assert sys.getrefcount(value) == before
    finally:
        gc.enable()


@pytest.mark.parametrize("request_id", [None, "", 5, ["r"]])
def test_a_request_id_that_is_none_costs_nothing(request_id: Any) -> None:
    leads = decoder().decode([json(request_id=request_id)])
    assert leads.request_ids == [None]


def test_the_writers_schema_is_named_where_it_is_known() -> None:
    assert decoder().schema_of(avro("a")) == "visit"
    assert decoder().schema_of(avro("a")[:10]) == "visit"
    for value in (None, b"", b"\xc3\x01", b"\xc3\x01" + bytes(8), json()):
        assert decoder().schema_of(value) is None


def test_readers_can_be_made_beforehand_and_read_the_same() -> None:
    prepared = decoder()
    prepared.prepare()
    values = [avro("a", pages=1.0), json(), b"x"]
    ahead, later = prepared.decode(values), decoder().decode(values)
    assert ahead.lead_ids == later.lead_ids == [b"a", b"j"]
    np.testing.assert_equal(ahead.columns, later.columns)


READINGS: dict[str, Reading] = {
    "pages": NumberReading(decimal=",", grouping="."),
    "visited": TimeReading(first="month", unit="days"),
}


def read_so(value: bytes, schema: Schema | None = None) -> DecodedLeads:
    store = SchemaStore()
    if schema is not None:
        store.add(schema.avro)
    return LeadDecoder(store, KINDS, readings=READINGS).decode([value])


@pytest.mark.parametrize(
    ("name", "value", "expected"),
    [
        ("pages", "1.250,5", 1250.5),
        ("pages", 1.25, 1.25),
        ("pages", "n/a", np.nan),
        ("pages", "", np.nan),
        ("visited", "5/31/2024 1:00 PM", 1_717_160_400_000.0),
        ("visited", "2024-05-31", 1_717_113_600_000.0),
        ("visited", 19_874, 1_717_113_600_000.0),
        ("visited", 19_874.5, 1_717_156_800_000.0),
        ("visited", 1_717_113_600_000, 1_717_113_600_000.0),
        ("visited", "-", np.nan),
        ("visited", -5, -5.0),
    ],
)
def test_json_is_read_as_the_training_data_were(name: str, value: Any, expected: float) -> None:
    leads = read_so(json(**{name: value}))
    assert leads.errors == []
    np.testing.assert_equal(leads.columns[name], [expected])


@pytest.mark.parametrize(
    ("name", "value"),
    [("pages", "1250.5"), ("pages", "many"), ("visited", "31/5/2024"), ("visited", 0.5)],
)
def test_json_that_is_written_otherwise_is_refused(name: str, value: Any) -> None:
    [(_, verdict)] = read_so(json(**{name: value})).errors
    assert verdict.code is ErrorCode.TYPE
    assert name in verdict.message
    assert str(value) not in verdict.message


@pytest.mark.parametrize(
    "created_at",
    [
        *(1_717_113_600, 1_717_113_600.0, 1_717_113_600_000, 1_717_113_600_000_000),
        *("2024-05-31", "2024/05/31 00:00", "1717113600"),
    ],
)
def test_a_time_of_creation_is_read_in_any_unit(created_at: Any) -> None:
    leads = decoder().decode([orjson.dumps({"lead_id": "a", "created_at": created_at})])
    assert leads.created_at.tolist() == [1_717_113_600_000]


def test_leads_on_which_there_is_a_verdict_are_left_out_afterwards() -> None:
    leads = decoder().decode([json(pages=1), b"x", json(pages=2), json(pages=3)])
    verdict = InvalidEventError(ErrorCode.TIME, "late")
    left = leads.without({1: verdict})
    assert left.positions == [0, 3]
    assert left.columns["pages"].tolist() == [1, 3]  # type: ignore[union-attr]
    assert [(i, error.code) for i, error in left.errors] == [
        (1, ErrorCode.WIRE_FORMAT),
        (2, ErrorCode.TIME),
    ]


def long_schema(logical: str | None) -> Schema:
    time: Any = "long" if logical is None else {"type": "long", "logicalType": logical}
    fields = [
        {"name": "lead_id", "type": "string"},
        {"name": "created_at", "type": time},
        {"name": "visited", "type": ["null", time]},
        {"name": "pages", "type": ["null", "string"]},
    ]
    return SchemaStore().add({"type": "record", "name": "typed", "fields": fields})


@pytest.mark.parametrize("count", [1, 20])
@pytest.mark.parametrize(
    ("logical", "created_at", "visited"),
    [
        (None, 1_717_113_600, 19_874),
        (None, 1_717_113_600_000, 19_874),
        (None, 1_717_113_600_000, 1_717_113_600_000),
        ("timestamp-millis", 1_717_113_600_000, 1_717_113_600_000),
    ],
)
def test_avro_numbers_without_a_unit_are_read_as_json_is(
    logical: str | None, created_at: int, visited: int, count: int
) -> None:
    schema = long_schema(logical)
    store = SchemaStore()
    store.add(schema.avro)
    lead = {"lead_id": "a", "created_at": created_at, "visited": visited, "pages": "1.250"}
    kinds = {"visited": FieldKind.DATE}
    value = encode_lead(lead, schema, WireFormat.AVRO)
    leads = LeadDecoder(store, kinds, readings=READINGS).decode([value] * count)
    assert leads.created_at.tolist() == [1_717_113_600_000] * count
    assert leads.columns["visited"].tolist() == [1_717_113_600_000] * count  # type: ignore[union-attr]


def test_avro_text_is_read_as_a_number_where_the_column_says_how() -> None:
    schema = long_schema(None)
    lead = {"lead_id": "a", "created_at": 1, "visited": None, "pages": "1.250"}
    value = encode_lead(lead, schema, WireFormat.AVRO)
    assert read_so(value, schema).columns["pages"].tolist() == [1250]  # type: ignore[union-attr]
    store = SchemaStore()
    store.add(schema.avro)
    [(_, verdict)] = LeadDecoder(store, KINDS).decode([value]).errors
    assert verdict.code is ErrorCode.TYPE


def test_json_behind_a_byte_order_mark_is_a_lead() -> None:
    mark = b"\xef\xbb\xbf"
    assert decoder().decode([mark + json(pages=1)]).positions == [0]
    [(_, verdict)] = decoder().decode([mark + b"{"]).errors
    assert verdict.code is ErrorCode.DECODE
    [(_, verdict)] = decoder().decode([mark * 9_000 + json(pages=1)]).errors
    assert verdict.code is ErrorCode.WIRE_FORMAT


@pytest.mark.parametrize("literal", [b"NaN", b"Infinity", b"-Infinity"])
def test_a_literal_that_is_no_json_is_named_with_the_remedy(literal: bytes) -> None:
    value = json(pages=17).replace(b"17", literal)
    [(_, verdict)] = decoder().decode([value]).errors
    assert verdict.code is ErrorCode.DECODE
    assert f"{literal.decode()} is not valid JSON: send null" in str(verdict)


def test_an_id_that_is_a_number_is_refused_with_the_remedy() -> None:
    [(_, verdict)] = decoder().decode([json(lead_id=12)]).errors
    assert verdict.code is ErrorCode.VALIDATION
    assert str(verdict).endswith("got an integer: send it as text")


@pytest.mark.parametrize(
    ("lead", "sentence"),
    [
        ({"Lead ID": "a", "created_at": 7}, "lead_id .*exactly this name: rename Lead ID$"),
        ({"lead_id": "a", "createdAt": 7}, "created_at .*exactly this name: rename createdAt$"),
        ({"lead_id": "a"}, "created_at .*no field of this name: send one$"),
        ({"id": "a", "created_at": 7}, "lead_id .*no field of this name: send one$"),
        ({"lead_id": None, "leadId": "a", "created_at": 7}, "lead_id .*got null$"),
    ],
)
def test_a_name_that_must_be_exact_and_is_not_is_named(lead: dict[str, Any], sentence: str) -> None:
    [(_, error)] = decoder().decode([orjson.dumps(lead)]).errors
    assert error.code is ErrorCode.VALIDATION
    assert re.search(sentence, str(error))


def test_a_schema_whose_field_must_have_an_exact_name_says_which_to_rename() -> None:
    fields = [{"name": "leadId", "type": "string"}, *VISIT["fields"][1:]]
    schema = SchemaStore().add({**VISIT, "name": "misnamed", "fields": fields})
    with pytest.raises(InputError, match=r"needs a field lead_id .*: rename leadId$"):
        schema.require_lead()
