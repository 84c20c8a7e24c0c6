"""Values inside nested objects have dotted names, in files and in events of every format."""

from __future__ import annotations

import io
import json
from pathlib import Path
from typing import Any

import fastavro
import numpy as np
import pytest

from features.table import Table
from features.table_file import parse_table
from schemas.decode import DecodedLeads, LeadDecoder
from schemas.errors import ErrorCode, InputError
from schemas.field_names import FieldNames
from schemas.fields import FieldKind
from schemas.store import SchemaStore

KINDS = {
    "address_city": FieldKind.CATEGORY,
    "address_geo_lat": FieldKind.NUMBER,
    "size": FieldKind.NUMBER,
}
COLUMNS = {"address_city": "address.city", "address_geo_lat": "address.geo.lat", "size": "size"}
LEADS: list[dict[str, Any]] = [
    {"size": 3, "address": {"city": "Bonn", "geo": {"lat": 50.7}}},
    {"size": None, "address": {"city": "Kiel", "geo": None}},
    {"size": 5, "address": None},
]
GEO = {"type": "record", "name": "Geo", "fields": [{"name": "lat", "type": "double"}]}
ADDRESS = {
    "type": "record",
    "name": "Address",
    "fields": [
        {"name": "note", "type": "string", "default": "-"},
        {"name": "city", "type": ["null", "string"]},
        {"name": "geo", "type": ["null", GEO]},
    ],
}
SCHEMA = {
    "type": "record",
    "name": "nested_lead",
    "fields": [
        {"name": "lead_id", "type": "string"},
        {"name": "created_at", "type": "long"},
        {"name": "billing", "type": ["null", ADDRESS]},
        {"name": "address", "type": ["null", "Address"]},
        {"name": "size", "type": ["null", "int"]},
    ],
}


def sent(lead: dict[str, Any], number: int) -> dict[str, Any]:
    return {"lead_id": f"L-{number}", "created_at": 1_704_067_200_000 + number, **lead}


def decoded(values: list[bytes], store: SchemaStore | None = None) -> DecodedLeads:
    decoder = LeadDecoder(store or SchemaStore(), KINDS, names=FieldNames(COLUMNS))
    return decoder.decode(values)


def read(content: str) -> Table:
    return parse_table(content.encode(), "leads.json")


def assert_read(columns: Any) -> None:
    assert columns["address_city"] == ["Bonn", "Kiel", None]
    np.testing.assert_array_equal(columns["address_geo_lat"], [50.7, np.nan, np.nan])
    np.testing.assert_array_equal(columns["size"], [3, np.nan, 5])


def test_nested_objects_of_a_file_are_columns() -> None:
    table = read("\n".join(map(json.dumps, LEADS)))
    assert dict(table.originals) == {
        "size": "size", "address_city": "address.city", "address_geo_lat": "address.geo.lat"
    }  # fmt: skip
    assert table.unusable == {}
    assert_read(table.columns_for(KINDS))


def test_nested_objects_of_events_are_the_same_fields() -> None:
    leads = decoded([json.dumps(sent(lead, i)).encode() for i, lead in enumerate(LEADS)])
    assert leads.errors == []
    assert_read(leads.columns)


def test_nested_records_of_avro_are_the_same_fields() -> None:
    """Two fields of one type have paths of their own; either may be null."""
    store = SchemaStore()
    schema = store.add(SCHEMA)
    values = []
    for i, lead in enumerate(LEADS):
        body = io.BytesIO(schema.header)
        body.seek(len(schema.header))
        address = lead["address"] and {"note": "x", **lead["address"]}
        other = {"note": "y", "city": "Rome", "geo": {"lat": 41.9}}
        record = sent(lead, i) | {"billing": other if i else None, "address": address}
        fastavro.schemaless_writer(body, schema.parsed, record)
        values.append(body.getvalue())
    leads = decoded(values * 5, store)
    assert leads.errors == []
    assert_read({name: values[:3] for name, values in leads.columns.items()})
    assert leads.columns["address_city"][12:] == ["Bonn", "Kiel", None]


@pytest.mark.parametrize(
    "lead",
    [
        {"address_city": "Bonn"},
        {"address.city": "Bonn"},
        {"Address": {"City": "Bonn"}},
        {"address": {"city": "Bonn", "street": {"name": "x"}}},
    ],
    ids=["flat", "dotted", "other forms", "more objects"],
)
def test_a_nested_field_is_found_by_each_of_its_names(lead: dict[str, Any]) -> None:
    leads = decoded([json.dumps(sent(lead, 1)).encode()])
    assert leads.errors == []
    assert leads.columns["address_city"] == ["Bonn"]


def test_two_paths_that_may_be_one_field_are_refused() -> None:
    lead = {"Address": {"City": "Bonn"}, "ADDRESS": {"city": "Kiel"}}
    [(_, error)] = decoded([json.dumps(sent(lead, 1)).encode()]).errors
    assert error.code is ErrorCode.VALIDATION
    assert "ADDRESS.city may each be the field address_city" in str(error)


@pytest.mark.parametrize("outer", ["after", "payload"])
def test_a_lead_inside_of_an_envelope_is_reported(outer: str) -> None:
    [(_, error)] = decoded([json.dumps({"op": "c", outer: sent({}, 1)}).encode()]).errors
    assert f"one inside {outer}: send that object as the lead" in str(error)


def test_an_object_in_some_leads_and_a_value_in_others_is_reported() -> None:
    table = read('{"n": 1, "company": {"name": "A"}}\n{"n": 2, "company": "B"}\n')
    assert [*table.originals.values()] == ["n", "company.name"]
    assert "objects in some leads and values in others" in table.unusable["company"]


def test_names_with_dots_are_no_objects() -> None:
    table = read('{"emp": 1, "emp.var": 2}\n{"emp": 3, "emp.var": 4}\n')
    assert [*table.originals.values()] == ["emp", "emp.var"]
    assert table.unusable == {}


def test_a_key_that_comes_twice_in_an_object_is_refused() -> None:
    with pytest.raises(InputError, match="line 2: the key 'n' comes more than once"):
        read('{"n": 1, "s": 1}\n{"n": 1, "n": 2, "s": 3}\n')


def test_nested_objects_take_bounded_memory() -> None:
    """Each value would have the long name in front: 25,000 names of 100,000 characters."""
    lead = {"address": {"city": "Bonn"}, "x" * 100_000: {f"k{i}": 1 for i in range(20_000)}}
    value = json.dumps(sent(lead, 1)).encode()
    decoder = LeadDecoder(SchemaStore(), KINDS, names=FieldNames(COLUMNS), max_bytes=len(value))
    assert decoder.decode([value]).columns["address_city"] == ["Bonn"]


def test_structs_of_parquet_are_columns(tmp_path: Path) -> None:
    import pyarrow
    import pyarrow.parquet

    file = tmp_path / "leads.parquet"
    pyarrow.parquet.write_table(pyarrow.Table.from_pylist(LEADS), file)
    table = parse_table(file.read_bytes(), "leads.parquet")
    assert_read(table.columns_for(KINDS))
