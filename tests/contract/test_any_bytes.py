"""No byte string makes the decoder raise, hang or swell; one bad record costs its mates nothing."""

import io
import time
import tracemalloc
from typing import Any

import fastavro
import numpy as np
import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas.decode import DecodedLeads, LeadDecoder
from schemas.encode import encode_lead
from schemas.errors import ErrorCode
from schemas.fields import FieldKind
from schemas.single_object import HEADER_BYTES
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from testing.schemas import packaged_schema
from tests.contract.leads import ALL_TYPES, FULL, least

STORE = SchemaStore.load()
EVERYTHING = STORE.add(ALL_TYPES)
CREATED = packaged_schema("lead_created")
assert CREATED is not None
KINDS = {
    "flag": FieldKind.CATEGORY,
    "kind": FieldKind.CATEGORY,
    "ratio": FieldKind.NUMBER,
    "count": FieldKind.NUMBER,
    "amount": FieldKind.NUMBER,
    "title": FieldKind.TEXT,
}
DECODER = LeadDecoder(STORE, KINDS)
GOOD = encode_lead(FULL["lead_created"], CREATED, WireFormat.AVRO)
LONGS = st.integers(-(2**63), 2**63 - 1)
LEADS = st.fixed_dictionaries(
    {
        "before": st.lists(
            st.none() | st.text(max_size=5) | st.floats(allow_nan=False), max_size=4
        ),
        "lead_id": st.text(min_size=1, max_size=20),
        "flag": st.none() | st.booleans(),
        "tags": st.dictionaries(st.text(max_size=5), LONGS, max_size=3),
        "created_at": st.integers(0, 4_000_000_000_000),
        "kind": st.sampled_from("abc"),
        "hash": st.binary(min_size=3, max_size=3),
        "ratio": st.floats(width=32, allow_nan=False, allow_infinity=False),
        "count": st.none() | LONGS,
        "company": st.fixed_dictionaries(
            {
                "name": st.text(max_size=8),
                "kind": st.none() | st.sampled_from("abc"),
                "raw": st.binary(max_size=8),
            }
        ),
        "amount": st.none() | st.floats(allow_nan=False, allow_infinity=False),
        "title": st.none() | st.text(max_size=300),
    }
)


def encoded(lead: dict[str, Any]) -> bytes:
    return encode_lead(lead, EVERYTHING, WireFormat.AVRO)


def rows_of(leads: DecodedLeads) -> dict[int, tuple[Any, ...]]:
    """Everything that is said of each lead, NaN as None so that it compares."""
    columns = [
        [None if value != value else value for value in column] for column in leads.columns.values()
    ]
    lists = [leads.lead_ids, leads.created_at, leads.request_ids, *columns]
    return dict(zip(leads.positions, zip(*lists, strict=True), strict=True))


@given(LEADS)
def test_a_written_lead_is_read_back(lead: dict[str, Any]) -> None:
    leads = DECODER.decode([encoded(lead)])
    flag = lead["flag"]
    expected = (
        lead["lead_id"].encode(),
        lead["created_at"],
        None,
        None if flag is None else str(flag).lower(),
        lead["kind"],
        lead["ratio"],
        None if lead["count"] is None else float(lead["count"]),
        lead["amount"],
        lead["title"],
    )
    assert rows_of(leads) == {0: expected}


@settings(max_examples=300)
@given(LEADS, st.data())
def test_damaged_bytes_are_read_as_avros_own_reader_does_or_refused(
    lead: dict[str, Any], data: st.DataObject
) -> None:
    value = bytearray(encoded(lead))
    at = data.draw(st.integers(HEADER_BYTES, len(value) - 1))
    if data.draw(st.booleans()):
        value[at] = data.draw(st.integers(0, 255))
    else:
        del value[at:]
    leads = DECODER.decode([bytes(value)])
    if leads.errors:
        return
    body = io.BytesIO(bytes(value[HEADER_BYTES:]))
    read: Any = fastavro.schemaless_reader(body, EVERYTHING.parsed, None)
    assert body.tell() == len(value) - HEADER_BYTES
    assert leads.lead_ids == [read["lead_id"].encode()]
    assert leads.created_at == [read["created_at"]]
    assert leads.columns["title"] == [read["title"]]


@given(st.binary(max_size=300))
@example(b"")
@example(b"\xc3\x01")
@example(b"{")
@example(b"[" * 100_000)
@example(b'{"a":' * 100_000)
@example(b"\x00\x00\x00\x00\x07abc")
def test_any_bytes_are_a_lead_or_a_verdict(value: bytes) -> None:
    leads = DECODER.decode([value])
    assert len(leads.positions) + len(leads.errors) == 1
    for _, verdict in leads.errors:
        assert isinstance(verdict.code, ErrorCode)
        assert verdict.message


@settings(max_examples=300)
@given(st.binary(max_size=120))
@example(b"\xff" * 60)
@example(b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01" * 6)
@example(b"\x80\x80\x80\x80\x08" * 10)
def test_any_body_behind_a_known_header_is_a_lead_or_a_verdict(body: bytes) -> None:
    for schema in (EVERYTHING, CREATED):
        leads = DECODER.decode([schema.header + body])
        assert len(leads.positions) + len(leads.errors) == 1


def test_claimed_lengths_and_counts_cost_neither_time_nor_memory() -> None:
    gigabyte = b"\x80\x80\x80\x80\x08"  # 2**30, zigzag
    bombs = [
        EVERYTHING.header + gigabyte,
        EVERYTHING.header + gigabyte + b"\x00" * 50,
        EVERYTHING.header + b"\x02\x02" + gigabyte,
        CREATED.header + gigabyte,
        CREATED.header + b"\xfe\xff\xff\xff\xff\xff\xff\xff\xff\x01",
        b'{"lead_id":"a","created_at":1,"amount":' + b"9" * 100_000 + b"}",
    ]
    DECODER.decode([GOOD])
    tracemalloc.start()
    started = time.monotonic()
    leads = DECODER.decode(bombs)
    took = time.monotonic() - started
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(leads.errors) == len(bombs)
    assert peak < 5_000_000
    assert took < 5.0


@given(st.lists(st.sampled_from(range(6)) | st.binary(max_size=40), max_size=12))
def test_a_bad_record_leaves_the_others_of_its_batch_unaffected(picks: list[Any]) -> None:
    shelf: list[bytes | None] = [
        GOOD,
        encode_lead(least("lead_created"), CREATED, WireFormat.AVRO),
        orjson.dumps({"lead_id": "j", "created_at": 5, "amount": 2.5, "title": "x"}),
        None,
        GOOD[:-3],
        orjson.dumps({"lead_id": "j", "created_at": 5, "amount": "2.5"}),
    ]
    values = [shelf[pick] if isinstance(pick, int) else pick for pick in picks]
    together = DECODER.decode(values)
    codes = {i: verdict.code for i, verdict in together.errors}
    rows = rows_of(together)
    assert sorted([*codes, *rows]) == list(range(len(values)))
    for i, value in enumerate(values):
        alone = DECODER.decode([value])
        if alone.errors:
            assert codes[i] == alone.errors[0][1].code
        else:
            assert rows[i] == rows_of(alone)[0]


def test_each_defect_has_its_code() -> None:
    nan = encode_lead(
        {**FULL["lead_created"], "company_size": float("nan")}, CREATED, WireFormat.AVRO
    )
    infinite = encode_lead(
        {**FULL["lead_created"], "company_size": float("inf")}, CREATED, WireFormat.AVRO
    )
    decoder = LeadDecoder(
        STORE, {"company_size": FieldKind.NUMBER, "industry": FieldKind.NUMBER}, max_bytes=1000
    )
    plain = LeadDecoder(STORE, {"company_size": FieldKind.NUMBER}, max_bytes=1000)
    cases: list[tuple[LeadDecoder, bytes | None, ErrorCode]] = [
        (plain, None, ErrorCode.WIRE_FORMAT),
        (plain, b"", ErrorCode.WIRE_FORMAT),
        (plain, b"\x00\x00\x00\x00\x01x", ErrorCode.WIRE_FORMAT),
        (plain, b"hello", ErrorCode.WIRE_FORMAT),
        (plain, b"\xc3\x01" + bytes(8) + b"x", ErrorCode.SCHEMA),
        (plain, GOOD[:-1], ErrorCode.DECODE),
        (plain, GOOD + b"\x00", ErrorCode.DECODE),
        (plain, b'{"lead_id": ', ErrorCode.DECODE),
        (plain, b'{"created_at": 1}', ErrorCode.VALIDATION),
        (plain, b'{"lead_id": "", "created_at": 1}', ErrorCode.VALIDATION),
        (plain, b'{"lead_id": "a"}', ErrorCode.VALIDATION),
        (plain, b'{"lead_id": "a", "created_at": "soon"}', ErrorCode.VALIDATION),
        (plain, b'{"lead_id": "a", "created_at": 1, "company_size": "1"}', ErrorCode.TYPE),
        (decoder, GOOD, ErrorCode.TYPE),
        (plain, nan, ErrorCode.NOT_FINITE),
        (plain, infinite, ErrorCode.NOT_FINITE),
        (plain, b"{" + b" " * 1000 + b"}", ErrorCode.TOO_LARGE),
    ]
    for chosen, value, code in cases:
        leads = chosen.decode([value])
        assert [(i, error.code) for i, error in leads.errors] == [(0, code)], value


def test_confluent_framing_without_a_registry_is_refused_by_name() -> None:
    [(_, verdict)] = DECODER.decode([b"\x00\x00\x00\x00\x01x"]).errors
    assert "Confluent" in verdict.message
    assert "set LEADSCORE_SCHEMA_REGISTRY_URL" in verdict.message


def test_times_of_leads_are_milliseconds_or_iso_8601() -> None:
    times = [b"1209978000000", b'"2008-05-05T09:00:00Z"', b'"2008-05-05T11:00:00+02:00"']
    values = [b'{"lead_id": "a", "created_at": ' + at + b"}" for at in times]
    assert DECODER.decode(values).created_at.tolist() == [1_209_978_000_000] * 3
    assert np.isfinite(DECODER.decode(values).created_at).all()
