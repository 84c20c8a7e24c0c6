"""Schemas that refer to others read the same bytes as fastavro does with all of them."""

from __future__ import annotations

import io
from typing import Any

import fastavro
import pytest

from schemas.self_contained import definitions, self_contained

ADDRESS: Any = {
    "type": "record",
    "name": "Address",
    "namespace": "crm.shared",
    "fields": [
        {"name": "street", "type": "string"},
        {"name": "kind", "type": {"type": "enum", "name": "Kind", "symbols": ["HOME", "WORK"]}},
    ],
}
LEAD: Any = {
    "type": "record",
    "name": "Lead",
    "namespace": "crm.sales",
    "fields": [
        {"name": "lead_id", "type": "string"},
        {"name": "home", "type": "crm.shared.Address"},
        {"name": "work", "type": ["null", "crm.shared.Address"], "default": None},
        {"name": "others", "type": {"type": "array", "items": "crm.shared.Address"}},
    ],
}
DATUM = {
    "lead_id": "a",
    "home": {"street": "b", "kind": "HOME"},
    "work": {"street": "c", "kind": "WORK"},
    "others": [{"street": "d", "kind": "HOME"}],
}


def written(schema: Any, *named: Any) -> bytes:
    known: dict[str, Any] = {}
    for part in named:
        fastavro.parse_schema(part, known)
    body = io.BytesIO()
    fastavro.schemaless_writer(body, fastavro.parse_schema(schema, known), DATUM)
    return body.getvalue()


def test_it_needs_no_other_schema_and_reads_the_same_bytes() -> None:
    alone = self_contained(LEAD, definitions(ADDRESS))
    read = fastavro.schemaless_reader(
        io.BytesIO(written(LEAD, ADDRESS)), fastavro.parse_schema(alone), None
    )
    assert read == DATUM


def test_a_type_is_defined_where_it_is_used_first_and_named_after_that() -> None:
    fields = self_contained(LEAD, definitions(ADDRESS))["fields"]
    assert fields[1]["type"]["name"] == "Address"
    assert fields[2]["type"] == ["null", "crm.shared.Address"]


def test_a_reference_to_a_reference_is_resolved() -> None:
    kind = ADDRESS["fields"][1]["type"] | {"namespace": "crm.shared"}
    address = {**ADDRESS, "fields": [ADDRESS["fields"][0], {"name": "kind", "type": "Kind"}]}
    alone = self_contained(LEAD, definitions(address) | definitions(kind))
    read = fastavro.schemaless_reader(
        io.BytesIO(written(LEAD, ADDRESS)), fastavro.parse_schema(alone), None
    )
    assert read == DATUM


def test_a_type_without_a_namespace_keeps_its_name_inside_of_another_one() -> None:
    bare = {"type": "fixed", "name": "Id", "size": 4}
    outer = {"type": "record", "name": "Key", "fields": [{"name": "id", "type": "Id"}]}
    lead = {**LEAD, "fields": [{"name": "key", "type": "crm.shared.Holder"}]}
    holder = {
        "type": "record",
        "name": "crm.shared.Holder",
        "fields": [{"name": "id", "type": {"type": "record", "name": "In", "fields": []}}],
    }
    found = definitions(outer) | definitions(bare)
    assert self_contained("Key", found)["fields"][0]["type"]["namespace"] == ""
    assert fastavro.parse_schema(self_contained(lead, definitions(holder)))
    assert set(definitions(holder)) == {"crm.shared.Holder", "crm.shared.In"}


def test_a_type_inside_itself_keeps_its_name() -> None:
    node = {
        "type": "record",
        "name": "Node",
        "fields": [{"name": "next", "type": ["null", "Node"]}],
    }
    assert self_contained("Node", definitions(node))["fields"][0]["type"] == ["null", "Node"]


@pytest.mark.parametrize("avro", ["string", "not.Known", 7, None, {"type": "array", "items": 3}])
def test_a_name_that_is_not_known_stays(avro: Any) -> None:
    assert self_contained(avro, definitions(ADDRESS)) == avro
