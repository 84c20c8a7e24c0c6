"""Records of a schema that comes with LeadScore, as Avro single-object encoding [1]_.

For records that are few: leads and scored events have readers and writers of their own.

References
----------
.. [1] Apache Avro 1.12, "Single-object encoding specification".
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import fastavro

from schemas.store import SchemaStore
from schemas.wire import HEADER_BYTES

__all__ = ["RecordCodec"]


class RecordCodec:
    """Writes and reads the records of one schema.

    Parameters
    ----------
    name
        The schema's, such as drift_report.

    Raises
    ------
    KeyError
        No such schema comes with LeadScore.
    """

    def __init__(self, name: str) -> None:
        schema = SchemaStore.load().by_name(name)
        if schema is None:
            raise KeyError(name)
        self._schema = schema

    def encode(self, record: Mapping[str, Any]) -> bytes:
        """Write a record."""
        out = io.BytesIO()
        out.write(self._schema.header)
        fastavro.schemaless_writer(out, self._schema.parsed, record)
        return out.getvalue()

    def decode(self, value: bytes | None) -> Mapping[str, Any]:
        """Read a record.

        Raises
        ------
        ValueError
            The bytes are none of this schema.
        """
        schema = self._schema
        if value is None or value[:HEADER_BYTES] != schema.header:
            found = "no value" if value is None else value[:HEADER_BYTES].hex(" ")
            raise ValueError(f"expected a {schema.name} ({schema.header.hex(' ')} …), got {found}")
        body = io.BytesIO(value[HEADER_BYTES:])
        try:
            record: Any = fastavro.schemaless_reader(body, schema.parsed, None)
        except Exception as error:  # fastavro raises whatever the bytes lead it to
            raise ValueError(
                f"expected a {schema.name}, its bytes are damaged: {error!r}"
            ) from None
        found_record: Mapping[str, Any] = record
        return found_record
