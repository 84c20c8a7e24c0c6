"""Leads to bytes, as a CRM writes them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastavro.validation import ValidationError

from schemas.errors import InputError
from schemas.logical_types import as_written
from schemas.store import Schema
from schemas.wire import FORMATS, WireFormat

__all__ = ["encode_lead"]


def encode_lead(record: Mapping[str, Any], schema: Schema, wire: WireFormat) -> bytes:
    """Write a lead, as a CRM does.

    Parameters
    ----------
    record
        The fields by name, as they are read: times in milliseconds since 1970, times of day in
        milliseconds, decimals as numbers, UUIDs as text.
    schema
        The lead's contract.
    wire
        The format.

    Raises
    ------
    InputError
        The record does not fit the schema.
    """
    try:
        return FORMATS[wire].write_lead(record, _as_written(record, schema), schema)
    except ValidationError as error:
        misfits = "; ".join(map(str, error.errors))
        raise InputError(f"the lead does not fit {schema.full_name}: {misfits}") from None
    except (TypeError, ValueError, OverflowError, AttributeError) as error:
        raise InputError(f"the lead does not fit {schema.full_name}: {error}") from None


def _as_written(record: Mapping[str, Any], schema: Schema) -> Mapping[str, Any]:
    """Return the record's values as the schema's types have them."""
    written = {
        name: as_written(record[name], meaning, avro_type)
        for name, (meaning, avro_type) in schema.unlike.items()
        if record.get(name) is not None
    }
    return {**record, **written} if written else record
