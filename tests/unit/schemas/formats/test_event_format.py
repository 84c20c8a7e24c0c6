"""Conformance tests of wire formats: LeadScore's own, and one that only tests have."""

from __future__ import annotations

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import fastavro
import numpy as np
import orjson
import pytest
from fastavro.validation import ValidationError
from hypothesis import given, settings
from hypothesis import strategies as st

from schemas.errors import InvalidEventError
from schemas.field_names import FieldNames
from schemas.fields import FieldKind
from schemas.formats.event_format import DecodedRow, EventFormat, LeadFields, LeadReader
from schemas.model_identity import ModelIdentity
from schemas.registered import (
    ID_BYTES,
    RegisteredAvro,
    RegisteredSchemas,
    header_of_id,
)
from schemas.scored_event import ScoredModel, ScoredRows, scored_event
from schemas.single_object import HEADER_BYTES
from schemas.store import SchemaStore
from schemas.wire import formats_with
from tests.unit.schemas.formats.framed_avro import HEADER_BYTES as FRAME_BYTES
from tests.unit.schemas.formats.framed_avro import FramedAvro

STORE = SchemaStore()
VISIT = STORE.add(
    {
        "type": "record",
        "name": "visit",
        "fields": [
            {"name": "lead_id", "type": "string"},
            {"name": "created_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
            {"name": "request_id", "type": ["null", "string"]},
            {"name": "pages", "type": ["null", "double"]},
            {"name": "site", "type": ["null", "string"]},
        ],
    }
)
FIELDS = LeadFields(
    {"pages": FieldKind.NUMBER, "site": FieldKind.CATEGORY},
    {},
    FieldNames({"pages": "pages", "site": "site"}),
    max_bytes=1000,
)
LEADS: list[dict[str, Any]] = [
    {
        "lead_id": f"lead {i}",
        "created_at": 1_760_000_000_000 + i,
        "request_id": f"r{i}" if i % 2 else None,
        "pages": None if i % 3 == 0 else i / 2,
        "site": None if i % 5 == 0 else "nörd",
    }
    for i in range(12)
]
ROWS: list[DecodedRow] = [
    (lead["lead_id"], lead["created_at"], lead["request_id"], lead["pages"], lead["site"])
    for lead in LEADS
]
MODEL = ScoredModel(
    identity=ModelIdentity("bank", "12", "0f" * 32),
    engine="onnx",
    calibration_method="none",
    slope=1.0,
    intercept=0.0,
    high=0.7,
    medium=0.4,
    label=0.5,
    reason_texts=(("pages", "3"), ("site", "missing")),
    topic="leads.created",
)


@dataclass(frozen=True)
class Case:
    """A format, and how to read what it writes without it."""

    form: EventFormat
    read_event: Callable[[bytes], Any]


def _avro_behind(header_bytes: int) -> Callable[[bytes], Any]:
    def read(value: bytes) -> Any:
        body = io.BytesIO(value[header_bytes:])
        event = fastavro.schemaless_reader(body, scored_event().schema.parsed, None)
        assert not body.read()
        return event

    return read


def _cases() -> dict[str, Case]:
    readers = {
        "avro": _avro_behind(HEADER_BYTES),
        "json": orjson.loads,
        "confluent": _avro_behind(ID_BYTES),
    }
    registered = RegisteredSchemas()
    for number, schema in enumerate((VISIT, scored_event().schema)):
        registered.add(header_of_id(number), RegisteredAvro([schema]))
        registered.add_written(schema, header_of_id(number))
    formats = formats_with(registered)
    cases = {str(wire): Case(form, readers[wire]) for wire, form in formats.items()}
    framed = FramedAvro([VISIT, scored_event().schema])
    return {**cases, "framed": Case(framed, _avro_behind(FRAME_BYTES))}


CASES = _cases()


@pytest.fixture(params=CASES)
def case(request: pytest.FixtureRequest) -> Case:
    return CASES[request.param]


@pytest.fixture
def form(case: Case) -> EventFormat:
    return case.form


@pytest.fixture
def reader(form: EventFormat) -> LeadReader:
    return form.lead_reader(STORE, FIELDS)


def written(form: EventFormat) -> list[bytes]:
    return [form.write_lead(lead, lead, VISIT) for lead in LEADS]


def recognised(form: EventFormat, value: bytes) -> bool:
    return value[0] in form.first_bytes and form.recognises(value)


def read(
    reader: LeadReader, values: Sequence[bytes | None], indices: Sequence[int] | None = None
) -> tuple[list[DecodedRow | None], dict[int, InvalidEventError]]:
    rows: list[DecodedRow | None] = [None] * len(values)
    errors: dict[int, InvalidEventError] = {}
    reader.read_rows(values, range(len(values)) if indices is None else indices, rows, errors)
    return rows, errors


def scored_rows(n: int) -> ScoredRows:
    return ScoredRows(
        event_ids=[b"e-%d" % i for i in range(n)],
        lead_ids=[f"läd {i}".encode() for i in range(n)],
        request_ids=[b"r%d" % i for i in range(n)],
        created_at=1_760_000_000_000 + np.arange(n),
        timestamps=np.full(n, 1_760_000_000_500),
        partitions=[3] * n,
        offsets=np.arange(n),
        scored_at=1_760_000_000_600,
        probability=np.linspace(0, 1, n, dtype=np.float32),
        coverage=np.ones(n, np.float32),
        low_coverage=np.zeros(n, np.bool_),
        reason_code=np.tile(np.array([0, 1], np.int32), (n, 1)),
        reason_value=np.full((n, 2), 0.5, np.float32),
    )


def test_its_content_type_is_a_media_type(form: EventFormat) -> None:
    assert form.content_type.startswith(b"application/")


def test_a_value_is_of_one_format_only(case: Case) -> None:
    events = case.form.scored_writer(scored_event(), MODEL).write(scored_rows(1))
    for value in (*written(case.form), *events):
        assert [other for other in CASES.values() if recognised(other.form, value)] == [case]


def test_no_two_formats_share_a_first_byte() -> None:
    first_bytes = b"".join(case.form.first_bytes for case in CASES.values())
    assert len({*first_bytes}) == len(first_bytes)


def test_leads_are_read_as_they_were_written(form: EventFormat, reader: LeadReader) -> None:
    assert read(reader, written(form)) == (ROWS, {})


def test_reading_by_column_equals_reading_by_row(form: EventFormat, reader: LeadReader) -> None:
    found = reader.read_columns(written(form))
    if found is None:
        return
    assert found.is_read.all()
    assert found.lead_ids == [row[0].encode() for row in ROWS]
    assert found.created_at.tolist() == [row[1] for row in ROWS]
    assert found.request_ids == [row[2] and row[2].encode() for row in ROWS]
    expected = [np.nan if row[3] is None else row[3] for row in ROWS]
    np.testing.assert_array_equal(found.columns["pages"], expected)
    assert found.columns["site"] == [row[4] and row[4].encode() for row in ROWS]


def test_only_the_indices_that_are_asked_for_are_read(
    form: EventFormat, reader: LeadReader
) -> None:
    rows, errors = read(reader, written(form), [1, 4])
    assert {i: row for i, row in enumerate(rows) if row is not None} == {1: ROWS[1], 4: ROWS[4]}
    assert errors == {}


def test_a_value_that_ends_too_soon_gets_a_verdict_and_harms_no_other(
    form: EventFormat, reader: LeadReader
) -> None:
    first, whole, last = written(form)[:3]
    for end in range(1, len(whole)):
        cut = whole[:end]
        try:
            assert recognised(form, cut)
        except InvalidEventError:
            continue
        rows, errors = read(reader, [first, cut, last])
        assert rows == [ROWS[0], None, ROWS[2]]
        assert [*errors] == [1]


@pytest.mark.parametrize("name", CASES)
@given(data=st.data())
@settings(max_examples=200, deadline=None)
def test_no_bytes_make_the_reader_raise(name: str, data: st.DataObject) -> None:
    form = CASES[name].form
    value = bytearray(written(form)[data.draw(st.integers(0, len(LEADS) - 1))])
    for _ in range(data.draw(st.integers(1, 4))):
        value[data.draw(st.integers(1, len(value) - 1))] = data.draw(st.integers(0, 255))
    try:
        if not recognised(form, bytes(value)):
            return
    except InvalidEventError:
        return
    rows, errors = read(form.lead_reader(STORE, FIELDS), [bytes(value)])
    assert (rows[0] is None) == (0 in errors)


def test_a_schema_is_named_where_the_format_names_one(
    form: EventFormat, reader: LeadReader
) -> None:
    values = written(form)
    assert {reader.schema_of(value) for value in values} <= {None, VISIT.full_name}
    assert reader.schema_of(values[0][:1]) is None


def test_preparing_changes_nothing(form: EventFormat, reader: LeadReader) -> None:
    reader.prepare()
    reader.prepare()
    assert read(reader, written(form)) == (ROWS, {})


def test_a_lead_that_does_not_fit_its_schema_is_not_written(form: EventFormat) -> None:
    misfit = {**LEADS[0], "created_at": "soon"}
    with pytest.raises((ValidationError, ValueError, TypeError, AttributeError, OverflowError)):
        form.write_lead(misfit, misfit, VISIT)


@pytest.mark.parametrize("n", [0, 1, 5])
def test_scored_events_say_what_is_declared(case: Case, n: int) -> None:
    rows = scored_rows(n)
    values = case.form.scored_writer(scored_event(), MODEL).write(rows)
    assert [case.read_event(value) for value in values] == [*scored_event().of_rows(rows, MODEL)]


def test_the_writers_of_two_models_are_independent(form: EventFormat) -> None:
    one = form.scored_writer(scored_event(), MODEL)
    before = one.write(scored_rows(3))
    form.scored_writer(scored_event(), MODEL).write(scored_rows(2))
    assert one.write(scored_rows(3)) == before
