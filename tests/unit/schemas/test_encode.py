"""Scored events: fastavro's bytes, the same content as JSON; leads as a CRM writes them."""

from __future__ import annotations

import io
from dataclasses import replace
from typing import Any

import fastavro
import numpy as np
import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas import encode
from schemas.decode import LeadDecoder
from schemas.encode import ScoredEncoder, ScoredModel, ScoredRows, encode_lead
from schemas.errors import InputError
from schemas.fields import FieldKind
from schemas.store import SchemaStore, parse_schema
from schemas.wire import HEADER_BYTES, WireFormat
from testing.schemas import packaged_schema

CODES = 20
MODEL = ScoredModel(
    model_id="bank",
    model_version="12",
    model_sha256="0f" * 32,
    engine="onnx",
    calibration_method="platt",
    slope=0.9,
    intercept=-0.1,
    high=0.7,
    medium=0.4,
    label=0.5,
    reason_texts=tuple((f"field ä{code // 5}", f"value {code}") for code in range(CODES)),
    topic="leads.created",
)
LONGS = st.integers(0, 2**62) | st.integers(0, 300)
FLOATS = st.floats(0, 1, width=32)


SCHEMA = packaged_schema("lead_scored")


def rows_of(n: int, k: int = 2, **changes: Any) -> ScoredRows:
    rows = ScoredRows(
        event_ids=[b"e-1-%d" % i for i in range(n)],
        lead_ids=[b"lead %d" % i for i in range(n)],
        request_ids=[b"r%d" % i for i in range(n)],
        created_at=1_760_000_000_000 + np.arange(n),
        timestamps=np.full(n, 1_760_000_000_500),
        partitions=[3] * n,
        offsets=np.arange(n),
        scored_at=1_760_000_000_600,
        probability=np.full(n, 0.25, np.float32),
        coverage=np.ones(n, np.float32),
        low_coverage=np.zeros(n, np.bool_),
        reason_code=np.tile(np.arange(k, dtype=np.int32), (n, 1)),
        reason_value=np.full((n, k), 0.5, np.float32),
    )
    return replace(rows, **changes)


def events(rows: ScoredRows, model: ScoredModel = MODEL) -> list[dict[str, Any]]:
    """Write rows in both formats; check that they agree, and with fastavro; return the content."""
    binary = ScoredEncoder(model, WireFormat.AVRO).encode(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(encode, "_compiled", None)
        assert ScoredEncoder(model, WireFormat.AVRO).encode(rows) == binary, "plain Python's"
    read = []
    for value in binary:
        assert value.startswith(SCHEMA.header)
        body = io.BytesIO(value[HEADER_BYTES:])
        event = fastavro.schemaless_reader(body, SCHEMA.parsed)
        assert not body.read()
        again = io.BytesIO()
        fastavro.schemaless_writer(again, SCHEMA.parsed, event)
        assert SCHEMA.header + again.getvalue() == value
        read.append(event)
    texts = ScoredEncoder(model, WireFormat.JSON).encode(rows)
    assert [orjson.loads(text) for text in texts] == read
    return read


def expected_event(rows: ScoredRows, i: int, model: ScoredModel = MODEL) -> dict[str, Any]:
    """Expected values of a scored lead, computed one by one as DESIGN defines them."""
    score, coverage = float(rows.probability[i]), float(rows.coverage[i])
    reasons = []
    for code, contribution in zip(rows.reason_code[i], rows.reason_value[i], strict=True):
        if contribution != 0:
            field, value = model.reason_texts[code]
            reasons.append({"feature": field, "value": value, "contribution": float(contribution)})
    band = "High" if score >= 0.7 else "Medium" if score >= 0.4 else "Low"
    return {
        "event_id": rows.event_ids[i].decode(),
        "lead_id": rows.lead_ids[i].decode(),
        "request_id": rows.request_ids[i].decode(),
        "created_at": int(rows.created_at[i]),
        "scored_at": rows.scored_at,
        "latency_ms": max(0, rows.scored_at - int(rows.timestamps[i])),
        "score": score,
        "category": band,
        "label": "engaged" if score > 0.5 else "not_engaged",
        "confidence": coverage * 2 * abs(score - 0.5),
        "feature_coverage": coverage,
        "low_coverage": bool(rows.low_coverage[i]),
        "reasons": reasons,
        "model_id": "bank",
        "model_version": "12",
        "model_sha256": "0f" * 32,
        "engine": "onnx",
        "calibration": {"method": "platt", "slope": 0.9, "intercept": -0.1},
        "schema_version": "v1",
        "contract_version": 1,
        "source": {
            "topic": "leads.created",
            "partition": rows.partitions[i],
            "offset": int(rows.offsets[i]),
        },
    }


def texts(longest: int) -> st.SearchStrategy[bytes]:
    return st.text(max_size=longest).map(str.encode)


@st.composite
def drawn_rows(draw: st.DrawFn) -> ScoredRows:
    n, k = draw(st.integers(0, 5)), draw(st.integers(0, 3))

    def each(strategy: st.SearchStrategy[Any], size: int = n) -> list[Any]:
        return draw(st.lists(strategy, min_size=size, max_size=size))

    contributions = st.just(0.0) | st.floats(-9, 9, width=32)
    return ScoredRows(
        event_ids=each(texts(30)),
        lead_ids=each(texts(200)),
        request_ids=each(texts(30)),
        created_at=np.array(each(LONGS), np.int64),
        timestamps=np.array(each(LONGS), np.int64),
        partitions=each(st.integers(0, 2**31 - 1)),
        offsets=np.array(each(LONGS), np.int64),
        scored_at=draw(LONGS),
        probability=np.array(each(FLOATS), np.float32),
        coverage=np.array(each(FLOATS), np.float32),
        low_coverage=np.array(each(st.booleans()), np.bool_),
        reason_code=np.array(each(st.integers(0, CODES - 1), n * k), np.int32).reshape(n, k),
        reason_value=np.array(each(contributions, n * k), np.float32).reshape(n, k),
    )


@given(drawn_rows())
@settings(max_examples=300, deadline=None)
def test_every_event_says_what_its_row_says_in_both_formats(rows: ScoredRows) -> None:
    assert events(rows) == [expected_event(rows, i) for i in range(len(rows.lead_ids))]


@pytest.mark.parametrize(
    ("score", "category", "label"),
    [
        (0.0, "Low", "not_engaged"),
        (np.nextafter(np.float32(0.375), np.float32(0)), "Low", "not_engaged"),
        (0.375, "Medium", "not_engaged"),
        (0.5, "Medium", "not_engaged"),
        (np.nextafter(np.float32(0.5), np.float32(1)), "Medium", "engaged"),
        (0.75, "High", "engaged"),
        (1.0, "High", "engaged"),
    ],
)
def test_category_and_label_follow_the_thresholds(score: float, category: str, label: str) -> None:
    model = replace(MODEL, high=0.75, medium=0.375)
    (event,) = events(rows_of(1, probability=np.array([score], np.float32)), model)
    assert (event["category"], event["label"]) == (category, label)
    assert event["score"] == float(np.float32(score))


def test_confidence_is_full_only_where_all_is_known_and_sure() -> None:
    rows = rows_of(
        4,
        probability=np.array([1.0, 0.0, 0.5, 1.0], np.float32),
        coverage=np.array([1.0, 1.0, 1.0, 0.25], np.float32),
    )
    assert [event["confidence"] for event in events(rows)] == [1.0, 1.0, 0.0, 0.25]


def test_an_event_says_that_little_is_known_of_its_lead() -> None:
    rows = rows_of(2, low_coverage=np.array([False, True]))
    assert [event["low_coverage"] for event in events(rows)] == [False, True]


def test_a_record_from_the_future_has_no_negative_latency() -> None:
    rows = rows_of(2, timestamps=np.array([1_760_000_000_601, 1_760_000_000_590]))
    assert [event["latency_ms"] for event in events(rows)] == [0, 10]


def test_reasons_without_effect_are_left_out() -> None:
    rows = rows_of(
        3,
        reason_code=np.array([[7, 0], [0, 1], [11, 16]], np.int32),
        reason_value=np.array([[0.5, 0.0], [-0.0, 0.0], [-1.5, 0.25]], np.float32),
    )
    first, second, third = (event["reasons"] for event in events(rows))
    assert first == [{"feature": "field ä1", "value": "value 7", "contribution": 0.5}]
    assert second == []
    assert [reason["value"] for reason in third] == ["value 11", "value 16"]
    assert [reason["contribution"] for reason in third] == [-1.5, 0.25]


@pytest.mark.parametrize("size", [0, 1, 63, 64, 1023, 1024, 9000])
def test_ids_of_any_length_are_written(size: int) -> None:
    (event,) = events(rows_of(1, lead_ids=[b"x" * size]))
    assert event["lead_id"] == "x" * size


@pytest.mark.parametrize("base", [0, 60, 8190, 2**34 - 2, 2**62])
def test_offsets_of_mixed_lengths_are_written(base: int) -> None:
    offsets = [base + step for step in range(8)]
    rows = rows_of(8, offsets=np.array(offsets))
    assert [event["source"]["offset"] for event in events(rows)] == offsets


def test_encoders_of_two_models_keep_their_reasons_apart() -> None:
    other = replace(MODEL, reason_texts=(("a", "1"), ("b", "2")))
    for model in (MODEL, other, MODEL):
        (event,) = events(rows_of(1), model)
        found = [(reason["feature"], reason["value"]) for reason in event["reasons"]]
        assert found == list(model.reason_texts[:2])


LEAD: dict[str, Any] = {
    "type": "record",
    "name": "visit",
    "fields": [
        {"name": "lead_id", "type": "string"},
        {"name": "created_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "pages", "type": ["null", "int"], "default": None},
        {"name": "tags", "type": {"type": "map", "values": "int"}, "default": {}},
    ],
}
VISIT = SchemaStore().add(LEAD)


def test_a_lead_is_written_with_its_defaults() -> None:
    value = encode_lead({"lead_id": "a", "created_at": 1}, VISIT, WireFormat.AVRO)
    assert value == VISIT.header + b"\x02a\x02\x00\x00"


def test_a_lead_as_json_is_the_record() -> None:
    record = {"lead_id": "a", "created_at": 1, "pages": None}
    assert orjson.loads(encode_lead(record, VISIT, WireFormat.JSON)) == record


@pytest.mark.parametrize("wire", [WireFormat.AVRO, WireFormat.JSON])
@pytest.mark.parametrize(
    "misfit",
    [
        {"lead_id": None},
        {"lead_id": 5},
        {"lead_id": "\ud800"},
        {"created_at": None},
        {"created_at": "soon"},
        {"created_at": 2**63},
        {"pages": "many"},
        {"tags": [1]},
        {"tags": {"a": "b"}},
    ],
)
def test_a_record_that_does_not_fit_its_contract_is_refused(
    misfit: dict[str, Any], wire: WireFormat
) -> None:
    with pytest.raises(InputError, match="does not fit visit"):
        encode_lead({"lead_id": "a", "created_at": 1, **misfit}, VISIT, wire)


@pytest.mark.parametrize(
    "change",
    [
        {"lead_ids": [b"a"]},
        {"partitions": [3]},
        {"offsets": np.arange(3)},
        {"timestamps": np.arange(1)},
        {"probability": np.zeros(1, np.float32)},
        {"reason_code": np.zeros((1, 2), np.int32)},
        {"reason_value": np.zeros((2, 1), np.float32)},
    ],
)
def test_columns_that_differ_in_length_are_an_error(change: dict[str, Any]) -> None:
    encoder = ScoredEncoder(MODEL, WireFormat.AVRO)
    with pytest.raises((ValueError, IndexError)):
        encoder.encode(rows_of(2, **change))


def test_a_lead_is_written_as_its_types_count_and_read_back_the_same() -> None:
    price = {"type": "fixed", "name": "price", "size": 4, "logicalType": "decimal", "scale": 2}
    price["precision"] = 9
    fields = [
        {"name": "lead_id", "type": "string"},
        {"name": "created_at", "type": {"type": "long", "logicalType": "timestamp-micros"}},
        {"name": "day", "type": ["null", {"type": "int", "logicalType": "date"}]},
        {
            "name": "seen",
            "type": {"type": "long", "connect.name": "io.debezium.time.NanoTimestamp"},
        },
        {"name": "opens", "type": {"type": "long", "logicalType": "time-micros"}},
        {"name": "price", "type": price},
        {"name": "cost", "type": {"type": "bytes", "logicalType": "big-decimal"}},
        {
            "name": "owner",
            "type": {"type": "fixed", "name": "u", "size": 16, "logicalType": "uuid"},
        },
    ]
    store = SchemaStore()
    schema = store.add({"type": "record", "name": "lead", "fields": fields})
    lead = {
        "lead_id": "a",
        "created_at": 1_717_113_600_123,
        "day": 1_717_113_600_000,
        "seen": 1_717_113_600_123,
        "opens": 52_200_000.0,
        "price": -1.23,
        "cost": 0.001,
        "owner": "00010203-0405-0607-0809-0a0b0c0d0e0f",
    }
    kinds = {
        "day": FieldKind.DATE,
        "seen": FieldKind.DATE,
        "opens": FieldKind.NUMBER,
        "price": FieldKind.NUMBER,
        "cost": FieldKind.NUMBER,
        "owner": FieldKind.CATEGORY,
    }
    leads = LeadDecoder(store, kinds).decode([encode_lead(lead, schema, WireFormat.AVRO)])
    assert leads.errors == []
    assert leads.created_at.tolist() == [lead["created_at"]]
    midnight = 1_717_113_600_000 // 86_400_000 * 86_400_000
    assert {name: values[0] for name, values in leads.columns.items()} == {
        **{name: lead[name] for name in kinds},
        "day": midnight,
    }
    assert orjson.loads(encode_lead(lead, schema, WireFormat.JSON)) == lead


@pytest.mark.parametrize("price", [1.234, 1e9])
def test_a_decimal_that_its_type_cant_hold_is_refused_not_rounded(price: float) -> None:
    fixed = {"type": "fixed", "name": "price", "size": 4, "logicalType": "decimal", "scale": 2}
    schema = parse_schema(
        {
            "type": "record",
            "name": "lead",
            "fields": [{"name": "price", "type": {**fixed, "precision": 9}}],
        }
    )
    with pytest.raises(InputError, match="does not fit lead"):
        encode_lead({"price": price}, schema, WireFormat.AVRO)
