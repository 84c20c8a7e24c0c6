"""Schemas by fingerprint and by name, and what a lead's schema must have."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from schemas.errors import InputError, StartupError
from schemas.store import SchemaStore, parse_schema

LEAD: dict[str, Any] = {
    "type": "record",
    "name": "visit",
    "namespace": "shop",
    "fields": [
        {"name": "lead_id", "type": "string"},
        {"name": "created_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "pages", "type": ["null", "int"], "default": None, "doc": "How many."},
    ],
}
EMPTY_CRC = 0xC15D213AA4D7A795


def crc_64_avro(text: bytes) -> int:
    """The specification's fingerprint, bit by bit."""
    fingerprint = EMPTY_CRC
    for byte in text:
        fingerprint ^= byte
        for _ in range(8):
            fingerprint = (fingerprint >> 1) ^ (EMPTY_CRC if fingerprint & 1 else 0)
    return fingerprint


def write(folder: Path, name: str, content: Any) -> None:
    (folder / name).write_text(content if isinstance(content, str) else json.dumps(content))


def lead_without(name: str) -> dict[str, Any]:
    return {**LEAD, "fields": [entry for entry in LEAD["fields"] if entry["name"] != name]}


def lead_with(name: str, avro_type: Any) -> dict[str, Any]:
    fields = [*lead_without(name)["fields"], {"name": name, "type": avro_type}]
    return {**LEAD, "fields": fields}


@pytest.mark.parametrize(
    ("canonical", "number"),
    [
        (b'"null"', 7195948357588979594),
        (b'"boolean"', -6970731678124411036),
        (b'"long"', -3434872931120570953),
        (b'{"name":"foo","type":"record","fields":[]}', -4824392279771201922),
    ],
)
def test_the_bitwise_fingerprint_is_the_published_one(canonical: bytes, number: int) -> None:
    assert crc_64_avro(canonical) == number % 2**64


def test_a_fingerprint_is_of_the_canonical_form_little_endian() -> None:
    canonical = (
        b'{"name":"shop.visit","type":"record","fields":[{"name":"lead_id","type":"string"},'
        b'{"name":"created_at","type":"long"},{"name":"pages","type":["null","int"]}]}'
    )
    schema = parse_schema(LEAD)
    assert schema.fingerprint == crc_64_avro(canonical).to_bytes(8, "little")
    assert schema.header == b"\xc3\x01" + schema.fingerprint


def test_documentation_does_not_change_a_fingerprint_and_a_type_does() -> None:
    undocumented = lead_with("pages", ["null", "int"])
    assert parse_schema(undocumented).fingerprint == parse_schema(LEAD).fingerprint
    assert (
        parse_schema(lead_with("pages", ["null", "long"])).fingerprint
        != parse_schema(LEAD).fingerprint
    )


def test_the_packaged_schemas_are_always_there_and_documented() -> None:
    store = SchemaStore.load()
    assert {schema.name for schema in store} == {
        *("lead_created", "bank_contact", "lead_scored", "drift_partial", "drift_report"),
        *("lead_outcome", "lead_overdue", "model_change", "retrain_request"),
        *("quality_counts", "quality_report"),
    }
    for schema in store:
        assert schema.full_name == f"leadscore.v1.{schema.name}"
        assert schema.avro["doc"]
        assert all(entry["doc"] for entry in schema.avro["fields"])


@pytest.mark.parametrize("name", ["lead_created", "bank_contact"])
def test_all_but_id_and_time_of_a_packaged_lead_may_lack(name: str) -> None:
    schema = SchemaStore.load().by_name(name)
    assert schema is not None
    for entry in schema.avro["fields"]:
        if entry["name"] not in ("lead_id", "created_at"):
            assert entry["type"][0] == "null"
            assert entry["default"] is None


def test_further_folders_add_their_schemas(tmp_path: Path) -> None:
    write(tmp_path, "visit.avsc", LEAD)
    write(tmp_path, "readme.txt", "not a schema")
    store = SchemaStore.load(tmp_path)
    visit = store.by_name("visit")
    assert visit is not None
    assert visit is store.by_name("shop.visit")
    assert visit is store.by_fingerprint(visit.fingerprint)
    assert store.by_name("lead_created") is not None
    assert store.by_name("other") is None
    assert store.by_fingerprint(bytes(8)) is None


def test_the_last_of_two_schemas_of_a_name_has_the_name_and_both_are_read() -> None:
    store = SchemaStore()
    first, second = store.add(LEAD), store.add(lead_without("pages"))
    assert store.by_name("visit") is second
    assert store.by_fingerprint(first.fingerprint) is first
    assert store.add(LEAD) is first
    assert len(list(store)) == 2


def test_a_folder_that_is_not_there_stops_the_start(tmp_path: Path) -> None:
    with pytest.raises(StartupError, match="LEADSCORE_SCHEMA_DIR"):
        SchemaStore.load(tmp_path / "none")


@pytest.mark.parametrize(
    "content",
    ["", "{", "[" * 100_000, '"string"', {"type": "record", "name": "x"}, {"type": "record"}],
    ids=["empty", "cut", "deep", "no record", "no fields", "nothing"],
)
def test_a_broken_file_stops_the_start_and_is_named(tmp_path: Path, content: Any) -> None:
    write(tmp_path, "broken.avsc", content)
    with pytest.raises(StartupError, match=r"broken\.avsc"):
        SchemaStore.load(tmp_path)


def test_a_file_that_is_no_text_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.avsc").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InputError, match=r"x\.avsc"):
        SchemaStore().add_file(tmp_path / "x.avsc")


@pytest.mark.parametrize(
    ("avro", "missing"),
    [
        (lead_without("lead_id"), "lead_id"),
        (lead_with("lead_id", "long"), "lead_id"),
        (lead_with("lead_id", ["null", "bytes"]), "lead_id"),
        (lead_without("created_at"), "created_at"),
        (lead_with("created_at", "double"), "created_at"),
    ],
)
def test_a_lead_needs_its_id_and_time(avro: dict[str, Any], missing: str) -> None:
    schema = parse_schema(avro, "visit.avsc")
    with pytest.raises(InputError, match=rf"visit\.avsc.*{missing}"):
        schema.require_lead()
    store = SchemaStore()
    store.add(avro)
    assert store.lead_contracts() == []


@pytest.mark.parametrize(
    "avro", [LEAD, lead_with("lead_id", ["null", "string"]), lead_with("created_at", "string")]
)
def test_a_schema_with_id_and_time_is_a_leads(avro: dict[str, Any]) -> None:
    store = SchemaStore()
    schema = store.add(avro)
    schema.require_lead()
    assert store.lead_contracts() == [schema]
