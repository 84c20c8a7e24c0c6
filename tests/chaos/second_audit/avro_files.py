"""Avro schemas from files, and single-object encoding (Avro 1.11) read with fastavro."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

__all__ = ["HEADER", "MARKER", "AvroFiles", "DatumError", "UnknownSchemaError"]

MARKER = b"\xc3\x01"
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
DAY_MS = 86_400_000
MILLIS = "timestamp-millis"
HEADER = 10
"""Bytes: the marker and the fingerprint."""


class UnknownSchemaError(Exception):
    """No file has a schema of this fingerprint."""


class DatumError(Exception):
    """The bytes are not a datum of their schema."""


class AvroFiles:
    """Record schemas of folders, by fingerprint.

    Parameters
    ----------
    folders
        Each ``*.avsc`` in them is read.
    """

    def __init__(self, folders: Iterable[Path]) -> None:
        self._schemas: dict[bytes, Any] = {}
        for folder in folders:
            for file in sorted(folder.glob("*.avsc")):
                schema = json.loads(file.read_text())
                key = bytes.fromhex(fingerprint(to_parsing_canonical_form(schema), "CRC-64-AVRO"))
                plain = schema if _has_others(schema) else _without_logical_types(schema)
                self._schemas[key] = fastavro.parse_schema(plain)

    def read(self, value: bytes) -> dict[str, Any]:
        """Read a value that begins with the marker; times are milliseconds, decimals floats.

        Raises
        ------
        UnknownSchemaError
            No file has the schema.
        DatumError
            The bytes do not fit it, or continue after its end.
        """
        schema = self._schemas.get(value[2:HEADER])
        if schema is None:
            raise UnknownSchemaError(value[2:HEADER].hex())
        body = io.BytesIO(value[HEADER:])
        try:
            found: Any = fastavro.schemaless_reader(body, schema, None)
        except Exception as error:  # fastavro raises whatever the bytes lead it into
            raise DatumError(type(error).__name__) from error
        if body.tell() != len(value) - HEADER:
            raise DatumError("bytes after the end")
        return {name: _plain(given) for name, given in found.items()}


def _plain(value: Any) -> Any:
    """Return what fastavro makes of a logical type as the number or text that it stands for."""
    match value:
        case Decimal():
            return float(value)
        case UUID():
            return str(value)
        case datetime():
            since = value.replace(tzinfo=value.tzinfo or UTC) - EPOCH
            return since // timedelta(milliseconds=1)
        case date():
            return (value - EPOCH.date()).days * DAY_MS
        case time():
            at = timedelta(hours=value.hour, minutes=value.minute, seconds=value.second)
            return (at + timedelta(microseconds=value.microsecond)) / timedelta(milliseconds=1)
    return value


def _has_others(schema: Any) -> bool:
    """Return whether a schema has other logical types than milliseconds.

    Milliseconds stay integers, as those of broken leads may be no time that Python has.
    """
    if isinstance(schema, dict):
        is_other = schema.get("logicalType", MILLIS) != MILLIS
        return is_other or any(map(_has_others, schema.values()))
    return isinstance(schema, list) and any(map(_has_others, schema))


def _without_logical_types(schema: Any) -> Any:
    if isinstance(schema, dict):
        kept = {k: _without_logical_types(v) for k, v in schema.items() if k != "logicalType"}
        is_plain = set(kept) == {"type"} and isinstance(kept["type"], str)
        return kept["type"] if is_plain else kept
    if isinstance(schema, list):
        return [_without_logical_types(part) for part in schema]
    return schema
