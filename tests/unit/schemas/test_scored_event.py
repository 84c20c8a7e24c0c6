"""Scored events: fastavro's bytes, the same content as JSON, all of it from one declaration."""

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

from schemas.formats import avro_events
from schemas.model_identity import ModelIdentity
from schemas.scored_event import (
    VALUES,
    OfLead,
    OfModel,
    OfScore,
    ScoredEvent,
    ScoredModel,
    ScoredRows,
    Value,
    scored_event,
)
from schemas.single_object import HEADER_BYTES
from schemas.store import parse_schema
from schemas.wire import FORMATS, WireFormat
from testing.schemas import packaged_schema

CODES = 20
MODEL = ScoredModel(
    identity=ModelIdentity("bank", "12", "0f" * 32),
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


def events(
    rows: ScoredRows, model: ScoredModel = MODEL, event: ScoredEvent | None = None
) -> list[dict[str, Any]]:
    """Write rows in both formats; check that they agree, and with fastavro; return the content."""
    declared = event or scored_event()
    schema = declared.schema
    writer = FORMATS[WireFormat.AVRO].scored_writer(declared, model)
    binary = writer.write(rows)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(avro_events, "_compiled", None)
        assert writer.write(rows) == binary, "plain Python's"
    read = []
    for value in binary:
        assert value.startswith(schema.header)
        body = io.BytesIO(value[HEADER_BYTES:])
        read_event = fastavro.schemaless_reader(body, schema.parsed)
        assert not body.read()
        again = io.BytesIO()
        fastavro.schemaless_writer(again, schema.parsed, read_event)
        assert schema.header + again.getvalue() == value
        read.append(read_event)
    texts = FORMATS[WireFormat.JSON].scored_writer(declared, model).write(rows)
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
        "replay_id": model.replay_id,
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
    for wire in (WireFormat.AVRO, WireFormat.JSON):
        writer = FORMATS[wire].scored_writer(scored_event(), MODEL)
        with pytest.raises((ValueError, IndexError)):
            writer.write(rows_of(2, **change))


GRADE = {"name": "grade", "type": ["null", "string"], "default": None}
SEEN = {"name": "seen", "type": "long"}
SITE = {"name": "site", "type": ["null", "string"], "default": None}


def event_with(fields: list[dict[str, Any]], values: dict[str, Value]) -> ScoredEvent:
    """The scored event with further fields, declared as any: in the schema and by a value."""
    avro = {**SCHEMA.avro, "fields": [*SCHEMA.avro["fields"], *fields]}
    return ScoredEvent(parse_schema(avro), {**VALUES, **values})


def test_a_further_field_reaches_every_writer_by_its_declaration_alone() -> None:
    event = event_with(
        [GRADE, SEEN, SITE],
        {
            "grade": OfScore(
                lambda scores, rule: scores.probability >= rule.high, options=(None, "A")
            ),
            "seen": OfLead(lambda rows: rows.offsets * 2),
            "site": OfModel(lambda _: "north"),
        },
    )
    rows = rows_of(2, probability=np.array([0.25, 0.75], np.float32))
    expected = [
        {**said, "grade": grade, "seen": 2 * i, "site": "north"}
        for i, (said, grade) in enumerate(zip(events(rows), (None, "A"), strict=True))
    ]
    assert events(rows, event=event) == expected
    of_scores = [*event.of_scores(rows, MODEL)]
    names = ("score", "category", "label", "confidence", "feature_coverage", "reasons", "grade")
    assert of_scores == [{name: said[name] for name in names} for said in expected]


def test_a_field_without_a_value_is_named() -> None:
    with pytest.raises(ValueError, match=r"the field seen of .* has no value"):
        event_with([SEEN], {})


def test_a_value_without_a_field_is_named() -> None:
    with pytest.raises(ValueError, match=r"has no fields \['seen'\]"):
        event_with([], {"seen": OfLead(lambda rows: rows.offsets)})
