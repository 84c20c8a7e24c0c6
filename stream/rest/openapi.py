"""Schemas of requests and answers for OpenAPI, made from the Avro contracts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from schemas.store import Schema
from stream.rest.bodies import MOST_LEADS

__all__ = ["ERROR", "batch_answer", "batch_request", "json_schema", "lead_request", "prediction"]

JSON_TYPES = {
    "string": "string",
    "boolean": "boolean",
    "int": "integer",
    "long": "integer",
    "float": "number",
    "double": "number",
    "null": "null",
}
OPTIONAL = ("lead_id", "created_at")
"""Fields of a lead that a request may leave out."""
ERROR: Mapping[str, Any] = {
    "type": "object",
    "required": ["error"],
    "properties": {
        "error": {
            "type": "object",
            "required": ["code", "message", "request_id"],
            "properties": {
                "code": {"type": "string", "description": "What is wrong, for programs."},
                "message": {"type": "string", "description": "What is wrong, for people."},
                "request_id": {"type": "string", "description": "As in the header X-Request-ID."},
            },
        }
    },
    "example": {
        "error": {
            "code": "TYPE",
            "message": "expected company_size to be a number, got a string",
            "request_id": "5f0c6a0e",
        }
    },
}


def json_schema(avro: Any) -> dict[str, Any]:
    """Return the JSON schema of an Avro type, as LeadScore writes it in JSON."""
    if isinstance(avro, list):
        return {"anyOf": [json_schema(branch) for branch in avro]}
    if isinstance(avro, str):
        return {"type": JSON_TYPES[avro]}
    if avro["type"] == "array":
        return {"type": "array", "items": json_schema(avro["items"])}
    if avro["type"] != "record":
        return json_schema(avro["type"])
    fields = {
        field["name"]: {**json_schema(field["type"]), "description": field.get("doc", "")}
        for field in avro["fields"]
    }
    return {"type": "object", "properties": fields, "required": [*fields]}


def lead_request(contract: Schema) -> dict[str, Any]:
    """Return the JSON schema of a lead in a request: the contract, and fields beside it."""
    schema = json_schema(contract.avro)
    required = [name for name in schema.pop("required") if _is_required(contract.avro, name)]
    properties = schema["properties"]
    properties["created_at"] = {
        "anyOf": [{"type": "integer"}, {"type": "string", "format": "date-time"}],
        "description": "When the lead came to be: milliseconds since 1970, or ISO 8601. Default:"
        " now.",
    }
    properties["lead_id"] = {
        "type": "string",
        "minLength": 1,
        "description": "Identity of the lead. Default: the id of the request.",
    }
    if required:
        schema["required"] = required
    return schema


def _is_required(avro: Mapping[str, Any], name: str) -> bool:
    [field] = [field for field in avro["fields"] if field["name"] == name]
    return name not in OPTIONAL and "default" not in field


def batch_request() -> dict[str, Any]:
    """Return the JSON schema of a request of many leads."""
    ids = {
        "type": "array",
        "items": {"type": "string", "minLength": 1},
        "minItems": 1,
        "maxItems": MOST_LEADS,
    }
    leads = {
        "type": "array",
        "items": {"$ref": "#/components/schemas/Lead"},
        "minItems": 1,
        "maxItems": MOST_LEADS,
    }
    return {
        "anyOf": [
            ids,
            leads,
            {"type": "object", "properties": {"lead_ids": ids}, "required": ["lead_ids"]},
            {"type": "object", "properties": {"leads": leads}, "required": ["leads"]},
        ]
    }


def prediction(scored: Schema, *, has_grade: bool = False) -> dict[str, Any]:
    """Return the JSON schema of an answer: the scored event, and the names of earlier APIs.

    Parameters
    ----------
    scored
        The schema of scored events.
    has_grade
        Whether the server grades leads.
    """
    schema = json_schema(scored.avro)
    schema["properties"] |= {
        "lead_score": {"type": "number", "description": "The score."},
        "score_category": {"type": "string", "description": "The category."},
        "prediction_timestamp": {
            "type": "string",
            "format": "date-time",
            "description": "scored_at in ISO 8601, UTC.",
        },
        "latency_ms": {
            "type": "number",
            "description": "Milliseconds from the arrival of the request to its answer.",
        },
    }
    if has_grade:
        schema["properties"]["grade"] = {
            "anyOf": [{"type": "null"}, {"type": "string"}],
            "description": "Fit A to D, engagement 1 to 4, or both, such as B2, by the server's"
            " rules.",
        }
    schema["required"] = [*schema["properties"]]
    return schema


def batch_answer() -> dict[str, Any]:
    """Return the JSON schema of the answer to a request of many leads."""
    wrong = {
        "type": "object",
        "required": ["index", "code", "message"],
        "properties": {
            "index": {"type": "integer", "description": "Place in the request, from 0."},
            "lead_id": {"type": ["string", "null"]},
            "code": {"type": "string"},
            "message": {"type": "string"},
        },
    }
    return {
        "type": "object",
        "required": ["predictions", "errors", "count", "latency_ms"],
        "properties": {
            "predictions": {
                "type": "array",
                "items": {"$ref": "#/components/schemas/Prediction"},
                "description": "Of the leads that could be scored, in their order.",
            },
            "errors": {"type": "array", "items": wrong, "description": "Of all other leads."},
            "count": {"type": "integer", "description": "Number of predictions."},
            "latency_ms": {"type": "number"},
        },
    }
