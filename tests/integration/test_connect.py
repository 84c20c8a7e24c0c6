"""Recipes for Kafka Connect: Apache's converters and transformations, on bytes of scored events."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import fastavro
import orjson
import pytest
from confluent_kafka.schema_registry import Schema, SchemaRegistryClient

import testing
from schemas.registered import header_of_id
from schemas.scored_event import scored_event
from testing.apicurio import ApicurioRegistry
from testing.connect_converters import converted
from testing.scored_events import SCORED_AT, scored

PAGE = Path(testing.__file__).parents[1] / "docs" / "sinks.md"
RECIPES = {
    recipe["name"]: recipe["config"]
    for recipe in map(
        json.loads, re.findall(r"```json\n(\{\n.*?\n\})\n```", PAGE.read_text(), re.S)
    )
}
EVENTS = [
    scored("L-1", offset=42),
    scored("Größe 東京", offset=7, score=0.1 + 0.2, reasons=[], latency_ms=2**53 + 1),
]
APICURIO = {"value.converter": "io.apicurio.registry.utils.converter.AvroConverter"}
CCOMPAT, OWN = "/apis/ccompat/v7", "/apis/registry/v3"
"""Paths of Apicurio's interface that is compatible with Confluent's, and of its own."""
LEFT_OUT = {"reasons", "calibration", "source"}
pytestmark = pytest.mark.long


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[ApicurioRegistry]:
    """A registry of this test alone."""
    opened = ApicurioRegistry(tmp_path)
    yield opened
    opened.close()


def records(events: list[dict[str, Any]]) -> list[tuple[bytes, bytes]]:
    """Return keys and values as workers with LEADSCORE_OUTPUT_FORMAT=json write them."""
    return [(event["lead_id"].encode(), orjson.dumps(event)) for event in events]


def test_s3_gets_every_field_as_it_was_written(tmp_path: Path) -> None:
    found = converted(RECIPES["leadscore-s3"], "leads.scored", records(EVENTS), tmp_path)
    assert [each["value"] for each in found] == EVENTS
    assert [each["key"] for each in found] == ["L-1", "Größe 東京"]
    assert {each["types"] for each in found} == {None}, "values without a schema"


def test_elasticsearch_gets_times_as_text_and_the_lead_as_id(tmp_path: Path) -> None:
    config = RECIPES["leadscore-elasticsearch"]
    [found, _] = converted(config, "leads.scored", records(EVENTS), tmp_path)
    assert found["key"] == "L-1"
    assert found["value"] == EVENTS[0] | {
        "scored_at": "2026-09-21T14:13:20.042Z",
        "created_at": "2026-09-21T14:13:15.042Z",
    }
    assert EVENTS[0]["scored_at"] == SCORED_AT + 42


def test_jdbc_gets_plain_columns_alone(tmp_path: Path) -> None:
    """Values have a schema, as Confluent's AvroConverter makes one; that itself can't be had."""
    config = RECIPES["leadscore-jdbc"] | {
        "value.converter": "org.apache.kafka.connect.json.JsonConverter",
        "value.converter.schemas.enable": "true",
    }
    event = {name: value for name, value in EVENTS[0].items() if value is not None}
    fields = [{"field": name, **_type_of(value)} for name, value in event.items()]
    envelope = {"schema": {"type": "struct", "fields": fields}, "payload": event}
    given = [(b"L-1", orjson.dumps(envelope))]
    [found] = converted(config, "leads.scored", given, tmp_path)
    assert set(found["types"].values()) <= {"string", "int64", "double", "float64", "boolean"}
    assert found["types"].keys() == event.keys() - LEFT_OUT


# Confluent's client leaves its connections open.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_jdbc_gets_plain_columns_of_confluents_framing_by_apicurios_converter(
    registry: ApicurioRegistry, tmp_path: Path
) -> None:
    avro = scored_event().schema.avro
    client = SchemaRegistryClient({"url": registry.url})
    schema_id = client.register_schema("leads.scored-value", Schema(json.dumps(avro)))
    values = []
    for event in EVENTS:
        datum = io.BytesIO()
        fastavro.schemaless_writer(datum, avro, event)
        values.append((event["lead_id"].encode(), header_of_id(schema_id) + datum.getvalue()))
    address = registry.url.replace(CCOMPAT, OWN)
    config = (
        RECIPES["leadscore-jdbc"] | APICURIO | {"value.converter.apicurio.registry.url": address}
    )
    found = converted(config, "leads.scored", values, tmp_path)
    assert [row["value"] for row in found] == [
        {name: value for name, value in event.items() if name not in LEFT_OUT} for event in EVENTS
    ]
    times = {name for name, kind in found[0]["types"].items() if kind.endswith(".Timestamp")}
    assert times == {"created_at", "scored_at"}
    assert APICURIO["value.converter"] in PAGE.read_text()


def test_the_default_format_is_none_that_the_converter_reads(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="DataException"):
        converted(RECIPES["leadscore-s3"], "leads.scored", [(b"L-1", b"\xc3\x01 avro")], tmp_path)


def _type_of(value: Any) -> dict[str, Any]:
    """Return the schema of a value, as Connect's JSON names it."""
    if isinstance(value, bool):
        return {"type": "boolean"}
    if isinstance(value, int):
        return {"type": "int64"}
    if isinstance(value, float):
        return {"type": "double"}
    if isinstance(value, list):
        return {"type": "array", "items": _type_of(value[0])}
    if isinstance(value, dict):
        return {
            "type": "struct",
            "fields": [{"field": name, **_type_of(inner)} for name, inner in value.items()],
        }
    return {"type": "string"}
