"""Avro schemas from files, and single-object encoding (Avro 1.11) read with fastavro."""

from __future__ import annotations

import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import fastavro
from fastavro.schema import fingerprint, to_parsing_canonical_form

__all__ = ["HEADER", "MARKER", "AvroFiles", "DatumError", "UnknownSchemaError"]

MARKER = b"\xc3\x01"
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
                self._schemas[key] = fastavro.parse_schema(_without_logical_types(schema))

    def read(self, value: bytes) -> dict[str, Any]:
        """Read a value that begins with the marker; times stay integers.

        Raises
        ------
        UnknownSchemaError
            No file has the schema.
        DatumError
            The bytes do not fit it, or go on after its end.
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
        return dict(found)


def _without_logical_types(schema: Any) -> Any:
    if isinstance(schema, dict):
        kept = {k: _without_logical_types(v) for k, v in schema.items() if k != "logicalType"}
        is_plain = set(kept) == {"type"} and isinstance(kept["type"], str)
        return kept["type"] if is_plain else kept
    if isinstance(schema, list):
        return [_without_logical_types(part) for part in schema]
    return schema
