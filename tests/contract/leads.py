"""Leads that the contract tests write and read: with every field, with the least, of every type."""

from __future__ import annotations

from typing import Any

FULL: dict[str, dict[str, Any]] = {
    "lead_created": {
        "lead_id": "L-1",
        "created_at": 1_760_000_000_123,
        "request_id": "req-7",
        "source_system": "hubspot",
        "campaign": "spring",
        "referral_source": "organic",
        "company_size": 250.0,
        "industry": "Software",
        "page_views": 12.0,
        "time_on_site": 340.5,
        "form_completion_time": 41.25,
        "job_title": "Head of Größe",
        "seniority": "director",
        "company_industry": "IT",
        "llm_industry": "SaaS",
        "location": "Köln",
        "company_location": "Berlin",
        "languages": "de,en",
        "timezone": "Europe/Berlin",
        "summary": "Builds things.",
        "icebreaker": "Hello!",
    },
    "bank_contact": {
        "lead_id": "contact-00001",
        "created_at": 1_209_978_000_000,
        "request_id": None,
        "age": 56.0,
        "job": "housemaid",
        "marital": "married",
        "education": "basic.4y",
        "default": "no",
        "housing": "no",
        "loan": "no",
        "contact": "telephone",
        "month": "may",
        "day_of_week": "mon",
        "campaign": 1.0,
        "pdays": 999.0,
        "previous": 0.0,
        "poutcome": "nonexistent",
        "emp_var_rate": 1.1,
        "cons_price_idx": 93.994,
        "cons_conf_idx": -36.4,
        "euribor3m": 4.857,
        "nr_employed": 5191.0,
    },
}
ALL_TYPES: dict[str, Any] = {
    "type": "record",
    "name": "everything",
    "fields": [
        {"name": "before", "type": {"type": "array", "items": ["null", "string", "double"]}},
        {"name": "lead_id", "type": "string"},
        {"name": "flag", "type": ["null", "boolean"]},
        {"name": "tags", "type": {"type": "map", "values": "long"}},
        {"name": "created_at", "type": {"type": "long", "logicalType": "timestamp-millis"}},
        {"name": "kind", "type": {"type": "enum", "name": "kind", "symbols": ["a", "b", "c"]}},
        {"name": "hash", "type": {"type": "fixed", "name": "hash", "size": 3}},
        {"name": "ratio", "type": "float"},
        {"name": "count", "type": ["long", "null"]},
        {
            "name": "company",
            "type": {
                "type": "record",
                "name": "company",
                "fields": [
                    {"name": "name", "type": "string"},
                    {"name": "kind", "type": ["null", "kind"]},
                    {"name": "raw", "type": "bytes"},
                ],
            },
        },
        {"name": "amount", "type": ["null", "double"]},
        {"name": "title", "type": ["null", "string"]},
    ],
}
"""A lead's schema with every type of Avro in it."""
ALL_TYPES_LEAD: dict[str, Any] = {
    "before": [None, "a", 0.5],
    "lead_id": "L-2",
    "flag": True,
    "tags": {"a": 1, "b": -(2**40)},
    "created_at": 1_760_000_000_123,
    "kind": "b",
    "hash": b"abc",
    "ratio": 0.5,
    "count": 7,
    "company": {"name": "Größe", "kind": "c", "raw": b"\x00\xff"},
    "amount": 12.5,
    "title": "Head of things",
}


def least(name: str) -> dict[str, Any]:
    """Everything null but the id and the time."""
    full = FULL[name]
    return {field: full[field] if field in ("lead_id", "created_at") else None for field in full}
