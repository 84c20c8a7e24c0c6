"""Reading by column: which schemas it takes, and what it leaves to the other reader."""

from __future__ import annotations

from importlib.util import find_spec
from typing import Any

import numpy as np
import pytest

from schemas import column_reader as module
from schemas.column_reader import ColumnReader, column_reader
from schemas.encode import encode_lead
from schemas.field_names import FieldNames
from schemas.fields import FieldKind
from schemas.record_codec import RecordCodec
from schemas.store import Schema, SchemaStore, parse_schema
from schemas.wire import WireFormat
from testing.scored_events import scored

pytestmark = pytest.mark.skipif(
    find_spec("schemas._compiled") is None, reason="there was no compiler"
)

KINDS = {"pages": FieldKind.NUMBER, "site": FieldKind.CATEGORY}
CREATED = 1_760_000_000_000


def schema(
    pages: Any = ("null", "double"), site: Any = ("null", "string"), created_at: Any = "long"
) -> Schema:
    def branches(avro_type: Any) -> Any:
        return list(avro_type) if isinstance(avro_type, tuple) else avro_type

    return parse_schema(
        {
            "type": "record",
            "name": "visit",
            "fields": [
                {"name": "lead_id", "type": "string"},
                {"name": "created_at", "type": created_at},
                {"name": "pages", "type": branches(pages)},
                {"name": "site", "type": branches(site)},
            ],
        }
    )


def reader_of(found: Schema, max_bytes: int = 1000, **kinds: FieldKind) -> ColumnReader:
    reader = column_reader(found, kinds or KINDS, max_bytes)
    assert reader is not None
    return reader


def lead(number: int, pages: float | None, site: str | None) -> bytes:
    record = {"lead_id": f"lead {number}", "created_at": CREATED + number}
    return encode_lead({**record, "pages": pages, "site": site}, schema(), WireFormat.AVRO)


def test_records_are_read_into_columns_in_order() -> None:
    values = [lead(0, 1.5, "web"), lead(1, None, None), lead(2, 3.0, "nörd")]
    found = reader_of(schema()).read(values)
    assert found.is_read.tolist() == [True, True, True]
    assert found.lead_ids == [b"lead 0", b"lead 1", b"lead 2"]
    assert found.created_at.tolist() == [CREATED, CREATED + 1, CREATED + 2]
    np.testing.assert_array_equal(found.columns["pages"], [1.5, np.nan, 3.0])
    assert list(found.columns["site"]) == [b"web", None, "nörd".encode()]


def test_records_that_are_not_valid_in_the_simplest_way_are_left_out() -> None:
    sound = lead(0, 1.5, "web")
    values = [sound, None, b"", sound[:-1], sound + b"\0", b"\xc3\x01" + bytes(8) + sound[10:]]
    found = reader_of(schema()).read(values)
    assert found.is_read.tolist() == [True, *[False] * 5]
    assert found.lead_ids == [b"lead 0"]


def test_a_record_larger_than_the_limit_is_left_out() -> None:
    large = lead(0, 1.5, "w" * 500)
    assert reader_of(schema(), max_bytes=len(large)).read([large]).is_read.tolist() == [True]
    assert reader_of(schema(), max_bytes=len(large) - 1).read([large]).is_read.tolist() == [False]


def test_a_field_that_the_schema_lacks_is_missing() -> None:
    reader = reader_of(schema(), pages=FieldKind.NUMBER, age=FieldKind.NUMBER, tag=FieldKind.TEXT)
    found = reader.read([lead(0, 1.5, "web")])
    assert np.isnan(np.asarray(found.columns["age"], float)).all()
    assert list(found.columns["tag"]) == [None]


@pytest.mark.parametrize(
    "other",
    [
        schema(pages={"type": "array", "items": "double"}),
        schema(pages=("null", "double", "string")),
        schema(site={"type": "enum", "name": "site", "symbols": ["web"]}),
        schema(pages="string"),
        schema(site="double"),
        schema(created_at="string"),
        schema(created_at={"type": "long", "logicalType": "timestamp-nanos"}),
    ],
    ids=["array", "three branches", "enum", "text", "number", "created in text", "nanoseconds"],
)
def test_a_schema_that_the_loop_cannot_read_has_no_reader(other: Schema) -> None:
    assert column_reader(other, KINDS, 1000) is None


def test_without_a_compiler_there_is_no_reader(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_compiled", None)
    assert column_reader(schema(), KINDS, 1000) is None


@pytest.mark.parametrize(("unit", "scale"), [("micros", 1000), ("millis", 1)])
def test_times_are_milliseconds_whatever_their_unit(unit: str, scale: int) -> None:
    written = schema(created_at={"type": "long", "logicalType": f"timestamp-{unit}"})
    record = {"lead_id": "a", "created_at": CREATED, "pages": None, "site": None}
    found = reader_of(written).read([encode_lead(record, written, WireFormat.AVRO)])
    assert found.created_at.tolist() == [CREATED]


def test_scored_events_are_read_with_their_reasons_skipped() -> None:
    written = SchemaStore.load().by_name("lead_scored")
    assert written is not None
    event = scored("L", offset=7, score=0.25)
    assert event["reasons"]
    reader = reader_of(written, score=FieldKind.NUMBER, model_id=FieldKind.CATEGORY)
    found = reader.read([RecordCodec("lead_scored").encode(event)])
    assert found.is_read.all()
    assert np.asarray(found.columns["score"]).tolist() == [0.25]
    assert list(found.columns["model_id"]) == [event["model_id"].encode()]


def test_a_field_in_a_record_is_found_by_its_dotted_name() -> None:
    avro = dict(schema().avro)
    site = {"type": "record", "name": "site", "fields": [{"name": "host", "type": "string"}]}
    avro["fields"] = [*avro["fields"][:3], {"name": "site", "type": site}]
    names = FieldNames({"site.host": "site.host"})
    written = parse_schema(avro).with_names(names)
    kinds = {"site.host": FieldKind.CATEGORY}
    record = {"lead_id": "a", "created_at": CREATED, "pages": None, "site": {"host": "web"}}
    value = encode_lead(record, parse_schema(avro), WireFormat.AVRO)
    reader = column_reader(written, kinds, 1000, header=parse_schema(avro).header)
    assert reader is not None
    assert list(reader.read([value]).columns["site.host"]) == [b"web"]
