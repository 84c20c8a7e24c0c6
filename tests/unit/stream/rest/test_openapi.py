"""Schemas for OpenAPI, from the contracts."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.rest.openapi import json_schema, lead_request, prediction
from testing.schemas import packaged_schema
from tests.unit.small_model import SmallModel
from tests.unit.stream.rest.client import RULES, client_of, rules_file


@pytest.mark.parametrize(
    ("avro", "expected"),
    [
        ("double", {"type": "number"}),
        (["null", "string"], {"anyOf": [{"type": "null"}, {"type": "string"}]}),
        ({"type": "long", "logicalType": "timestamp-millis"}, {"type": "integer"}),
        ({"type": "array", "items": "int"}, {"type": "array", "items": {"type": "integer"}}),
    ],
)
def test_avro_types_have_json_types(avro: object, expected: object) -> None:
    assert json_schema(avro) == expected


def test_a_lead_needs_no_field_that_the_contract_has_a_default_for() -> None:
    schema = lead_request(packaged_schema("lead_created"))
    assert "required" not in schema
    assert schema["properties"].keys() >= {"lead_id", "created_at", "company_size"}


def test_all_fields_of_an_answer_are_declared_and_required() -> None:
    schema = prediction(packaged_schema("lead_scored"))
    assert set(schema["required"]) == schema["properties"].keys() >= {"lead_score", "reasons"}


@pytest.mark.parametrize("rules", [None, RULES])
async def test_the_answers_have_the_fields_of_the_schema(
    model: SmallModel, rules: str | None, tmp_path: Path
) -> None:
    schema = prediction(packaged_schema("lead_scored"), has_grade=rules is not None)
    async with client_of(model, grade_rules=rules_file(tmp_path, rules)) as client:
        found = (await client.post("/score-lead", json={"lead_id": "a"})).json()
        spec = (await client.get("/openapi.json")).json()
    assert found.keys() == schema["properties"].keys()
    assert ("grade" in found) == (rules is not None)
    assert spec["components"]["schemas"]["Prediction"] == schema
    assert {"/score-lead", "/ai/advanced-ml/predict-batch", "/model-info"} <= spec["paths"].keys()
    assert "/ai/advanced-ml-legacy/predict-batch" not in spec["paths"]
