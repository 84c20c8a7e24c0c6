"""A time of day is one number, whether a file or an event has it, and however it is written."""

from __future__ import annotations

import datetime
import io
from typing import Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from features.binning import build_reference
from features.field_spec import NumberField
from features.infer import Inferred, infer_fields
from features.spec import FeatureSpec
from features.table import Table
from features.table_file import parse_table
from schemas.decode import LeadDecoder
from schemas.encode import encode_lead
from schemas.fields import FieldKind
from schemas.number_reading import NumberReading
from schemas.store import SchemaStore
from schemas.wire import WireFormat

MS = [34_200_000.0, 52_200_000.0, 61_815_000.0, float("nan")]
ROWS = 40
WAYS = {
    "seconds": ["09:30:00", "14:30:00", "17:10:15", ""],
    "no seconds": ["9:30", "14:30", "17:10:15", "n/a"],
    "am and pm": ["9:30 AM", "2:30 PM", "05:10:15 p.m.", ""],
    "zone": ["09:30Z", "14:30:00+00:00", "17:10:15.000Z", ""],
}
CLOCK = NumberReading(clock=True)


def csv(cells: list[str]) -> Table:
    lines = [f"{i % 7},{cells[i % len(cells)]}" for i in range(ROWS)]
    return parse_table("\n".join(["filler,calls_from", *lines]).encode(), "leads.csv")


def json(cells: list[str]) -> Table:
    rows = [{"filler": i % 7, "calls_from": cells[i % 4] or None} for i in range(ROWS)]
    return parse_table(orjson.dumps(rows), "leads.json")


def parquet(kind: pa.DataType) -> Table:
    times = [datetime.time(9, 30), datetime.time(14, 30), datetime.time(17, 10, 15), None]
    out = io.BytesIO()
    calls = pa.array([times[i % 4] for i in range(ROWS)], kind)
    filler = pa.array([i % 7 for i in range(ROWS)])
    pq.write_table(pa.table({"filler": filler, "calls_from": calls}), out)
    return parse_table(out.getvalue(), "leads.parquet")


TABLES = [
    *(csv(cells) for cells in WAYS.values()),
    json(WAYS["seconds"]),
    *(parquet(kind) for kind in (pa.time32("s"), pa.time32("ms"), pa.time64("us"))),
]


def inferred(table: Table) -> Inferred:
    return infer_fields(table, reserved={})


@pytest.mark.parametrize("table", TABLES)
@pytest.mark.parametrize("given", [None, FieldKind.NUMBER])
def test_a_file_s_times_of_day_are_numbers(table: Table, given: FieldKind | None) -> None:
    found = infer_fields(table, reserved={}, given={"calls_from": given} if given else None)
    assert found.kinds["calls_from"] is FieldKind.NUMBER
    reading = found.readings["calls_from"]
    assert isinstance(reading, NumberReading)
    assert reading.clock
    read = table.columns_for(found.kinds, found.readings)["calls_from"]
    np.testing.assert_array_equal(read[:4], MS)
    # As a model of any other of these files reads it.
    np.testing.assert_array_equal(
        table.columns_for(found.kinds, {"calls_from": CLOCK})["calls_from"][:4], MS
    )


def logical(primitive: str, name: str) -> dict[str, str]:
    return {"type": primitive, "logicalType": name}


@pytest.mark.parametrize(
    ("avro_type", "written"),
    [
        (logical("int", "time-millis"), [*map(int, MS[:3]), None]),  # the encoder scales them
        (logical("long", "time-micros"), [*MS[:3], None]),
        ("double", [*MS[:3], None]),
        ("string", ["09:30", "2:30 pm", "17:10:15", None]),
    ],
)
def test_an_avro_event_s_time_of_day_is_the_same_number(avro_type: Any, written: list[Any]) -> None:
    store = SchemaStore()
    fields = [
        {"name": "lead_id", "type": "string"},
        {"name": "created_at", "type": logical("long", "timestamp-millis")},
        {"name": "calls_from", "type": ["null", avro_type]},
    ]
    schema = store.add({"type": "record", "name": "timed", "fields": fields})
    records = [{"lead_id": "a", "created_at": 7, "calls_from": value} for value in written]
    events = [encode_lead(record, schema, WireFormat.AVRO) for record in records]
    assert_read(store, events)


@pytest.mark.parametrize("cells", [*WAYS.values(), MS[:3]])
def test_a_json_event_s_time_of_day_is_the_same_number(cells: list[Any]) -> None:
    leads = [{"lead_id": "a", "created_at": 7, "calls_from": cell or None} for cell in cells]
    if len(leads) < len(MS):
        leads.append({"lead_id": "a", "created_at": 7})
    assert_read(SchemaStore(), [orjson.dumps(lead) for lead in leads])


def assert_read(store: SchemaStore, events: list[bytes]) -> None:
    kinds = {"calls_from": FieldKind.NUMBER}
    leads = LeadDecoder(store, kinds, readings={"calls_from": CLOCK}).decode(events)
    assert leads.errors == []
    np.testing.assert_array_equal(np.array(leads.columns["calls_from"], float), MS)


def test_office_hours_are_no_code_for_their_eight_digits() -> None:
    cells = [f"{9 + i % 8}:{i % 60:02}:{i * 7 % 60:02}" for i in range(ROWS)]
    hours = [f"1{i % 10}:{i % 60:02}:{i * 7 % 60:02}" for i in range(ROWS)]
    for found in (inferred(csv(cells)), inferred(csv(hours))):
        assert found.kinds["calls_from"] is FieldKind.NUMBER
        assert found.remarks == {}


@pytest.mark.parametrize("cells", [["3:1", "2:0"], ["26:30", "31:10"], ["14:30+02:00", "9:15"]])
def test_other_text_is_a_category_and_no_time_of_day(cells: list[str]) -> None:
    assert inferred(csv(cells)).kinds["calls_from"] is FieldKind.CATEGORY


def test_bins_are_labelled_as_times_of_day() -> None:
    spec = FeatureSpec(fields=(NumberField(name="calls_from", reading=CLOCK),))
    times = np.repeat(MS, 3)
    labels = build_reference(spec, {"calls_from": times}, 12, np.full(12, 0.5)).fields[0].labels
    assert labels[:4] == ("before 14:30", "14:30-17:10:15", "17:10:15 or later", "other")
