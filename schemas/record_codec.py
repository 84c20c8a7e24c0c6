"""Records of LeadScore's own schemas as Avro single-object encoding [1]_.

For topics of low rate: leads and scored events have readers and writers of their own.

References
----------
.. [1] Apache Avro 1.12, "Single-object encoding specification".
"""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import fastavro

from schemas.single_object import HEADER_BYTES
from schemas.store import PACKAGED, Schema, SchemaStore

__all__ = ["OLDER", "RecordCodec"]

OLDER = PACKAGED / "older"
"""Schemas that earlier versions wrote records of."""


class RecordCodec:
    """Writes and reads the records of one schema.

    Records of the schema's earlier versions (``schemas/older``) are read as those of this one, by
    Avro's schema resolution.

    Parameters
    ----------
    name
        Name of the schema, such as drift_report.

    Raises
    ------
    KeyError
        LeadScore has no such schema.
    """

    def __init__(self, name: str) -> None:
        schema = SchemaStore.load().by_name(name)
        if schema is None:
            raise KeyError(name)
        self._schema = schema
        older = SchemaStore()
        for file in sorted(OLDER.glob(f"{name}*.avsc")):
            older.add_file(file)
        self._written_with = {known.header: known for known in (*older, schema)}

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
            The bytes are not a record of this schema.
        """
        schema = self._schema
        written_with = self._written_with.get(value[:HEADER_BYTES]) if value else None
        if value is None or written_with is None:
            found = "no value" if value is None else value[:HEADER_BYTES].hex(" ")
            raise ValueError(f"expected a {schema.name} ({schema.header.hex(' ')} …), got {found}")
        return self.decode_datum(value[HEADER_BYTES:], written_with)

    def decode_datum(self, datum: bytes, written_with: Schema) -> Mapping[str, Any]:
        """Read the bytes of a record without their header.

        Parameters
        ----------
        datum
            The record in Avro's binary encoding.
        written_with
            The writer's schema.

        Raises
        ------
        ValueError
            The bytes are not a record of this schema.
        """
        is_same = written_with.fingerprint == self._schema.fingerprint
        try:
            record: Any = fastavro.schemaless_reader(
                *(io.BytesIO(datum), written_with.parsed),
                None if is_same else self._schema.parsed,
            )
        except Exception as error:  # fastavro raises whatever the bytes lead it to
            raise ValueError(
                f"expected a {self._schema.name}, its bytes are damaged: {error!r}"
            ) from None
        found_record: Mapping[str, Any] = record
        return found_record
