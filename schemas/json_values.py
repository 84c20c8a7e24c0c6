"""Values of a record in Avro as JSON writes them: with the same meaning for every reader.

Avro stores a time as a count, a decimal and a UUID as bytes; the schema has the meaning.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

from schemas.logical_types import (
    Meaning,
    decimal_of,
    meaning_of,
    scaled_decimal,
    type_name,
    uuid_of,
)
from schemas.store import Schema

__all__ = ["as_json_values"]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
COUNT = "created_at"
"""A field that is a count in JSON, too: of milliseconds."""
PER_MS = {"us": 1_000, "ns": 1_000_000}
PER_US = {"ms": 1000, "us": 1}
NS_PER_US = 1000
DAY_US = 86_400_000_000

Convert = Callable[[Any], Any]


def as_json_values(schema: Schema) -> Convert:
    """Return a function that converts the fields of a schema's leads.

    Times but ``created_at`` become ISO 8601, times of day milliseconds, decimals numbers, UUIDs
    text. What has no meaning beyond its type stays as it is, and so does a value outside the
    years 1 to 9999.

    Parameters
    ----------
    schema
        The leads' schema.
    """
    converts = {
        name: convert
        for name, avro_type in schema.fields.items()
        if name != COUNT and (convert := _converter(avro_type)) is not None
    }
    created = meaning_of(schema.fields[COUNT]) if COUNT in schema.fields else None
    if created is not None and created.unit in PER_MS:
        per_ms = PER_MS[created.unit]
        converts[COUNT] = lambda count: count // per_ms
    return lambda lead: _converted(lead, converts)


def _converted(record: Any, converts: Mapping[str, Convert]) -> Any:
    new = {
        name: convert(record[name])
        for name, convert in converts.items()
        if record.get(name) is not None
    }
    return {**record, **new} if new else record


def _converter(avro_type: Any) -> Convert | None:
    """Return the conversion of a type's values; None: they stay as they are."""
    if isinstance(avro_type, list):
        branches = [branch for branch in avro_type if branch != "null"]
        return _converter(branches[0]) if len(branches) == 1 else None
    if (meaning := meaning_of(avro_type)) is not None:
        return _of_meaning(meaning, avro_type)
    if not isinstance(avro_type, Mapping):
        return None
    if type_name(avro_type) == "record" and "fields" in avro_type:
        inner = {
            entry["name"]: convert
            for entry in avro_type["fields"]
            if (convert := _converter(entry["type"])) is not None
        }
        return (lambda record: _converted(record, inner)) if inner else None
    return None


def _of_meaning(meaning: Meaning, avro_type: Any) -> Convert | None:
    match meaning.what:
        case "time":
            return lambda count: _time(count, meaning.unit)
        case "clock":
            per_ms = PER_MS.get(meaning.unit)
            return None if per_ms is None else lambda count: count / per_ms
        case "decimal" if type_name(avro_type) == "record":
            return lambda parts: decimal_of(parts["value"], parts["scale"])
        case "decimal" if meaning.scale is None:
            return scaled_decimal
        case "decimal":
            return lambda raw: decimal_of(raw, meaning.scale or 0)
        case _:
            return uuid_of if meaning.unit == "fixed" else None


def _time(count: int, unit: str) -> Any:
    if unit == "ns":
        us = count // NS_PER_US
    elif unit == "days":
        us = count * DAY_US
    else:
        us = count * PER_US[unit]
    try:
        return (EPOCH + timedelta(microseconds=us)).isoformat()
    except OverflowError:
        return count
