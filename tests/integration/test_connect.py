"""Recipes for Kafka Connect: Apache's converters and transformations, on bytes of scored events."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import orjson
import pytest

import testing
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
pytestmark = pytest.mark.long


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
    assert found["types"].keys() == event.keys() - {"reasons", "calibration", "source"}


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
