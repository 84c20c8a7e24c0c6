"""Reader of records of any known schema, with all fields, in each wire format."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping
from typing import Any

import fastavro
import orjson

from schemas.errors import ErrorCode, InvalidEventError
from schemas.framed_schemas import FramedSchemas
from schemas.json_values import as_json_values
from schemas.registered import RegisteredSchemas
from schemas.single_object import AVRO_MARKER, HEADER_BYTES
from schemas.store import Schema, SchemaStore
from schemas.wire import WireFormat, detect

__all__ = ["RecordReader"]


class RecordReader:
    """Reads records one by one, as JSON has their values; see ``schemas.json_values``.

    Parameters
    ----------
    store
        The schemas that records may be written with.
    registered
        What ids of the schema registry stand for; None: no registry is set.
    """

    def __init__(self, store: SchemaStore, registered: RegisteredSchemas | None = None) -> None:
        self._store = store
        self._framed = FramedSchemas(registered)
        self._converts: dict[bytes, Callable[[Any], Any]] = {}

    def read(self, value: bytes | None) -> Mapping[str, Any]:
        """Read a record.

        Raises
        ------
        InvalidEventError
            The bytes are not a record of a known schema, and no JSON object.
        """
        wire = detect(value)
        assert value is not None, "detect refuses it"
        if wire is WireFormat.JSON:
            return _read_json(value)
        schema, datum = (
            self._framed.split(value)
            if wire is WireFormat.CONFLUENT
            else (self._schema_of(value), value[HEADER_BYTES:])
        )
        return _read_json(datum) if schema is None else self._read_avro(schema, datum)

    def _schema_of(self, value: bytes) -> Schema:
        """Return the schema whose fingerprint a single-object encoding begins with."""
        fingerprint = value[len(AVRO_MARKER) : HEADER_BYTES]
        schema = self._store.by_fingerprint(fingerprint)
        if schema is None:
            raise InvalidEventError(
                ErrorCode.SCHEMA,
                f"no schema has the fingerprint {fingerprint.hex()}: put its .avsc file into the"
                " folder that LEADSCORE_SCHEMA_DIR names, and restart",
            )
        return schema

    def _read_avro(self, schema: Schema, datum: bytes) -> Mapping[str, Any]:
        body = io.BytesIO(datum)
        try:
            record: Any = fastavro.schemaless_reader(body, schema.parsed)
            if body.read(1):
                raise ValueError("bytes after the datum")
        except Exception as error:  # fastavro raises whatever the bytes lead it to
            raise InvalidEventError(
                ErrorCode.DECODE,
                f"expected a {schema.name}, but its bytes are damaged ({type(error).__name__})",
            ) from None
        if schema.fingerprint not in self._converts:
            self._converts[schema.fingerprint] = as_json_values(schema)
        try:
            found: Mapping[str, Any] = self._converts[schema.fingerprint](record)
        except ValueError:
            raise InvalidEventError(
                ErrorCode.DECODE, f"expected a {schema.name}, but a decimal of it is damaged"
            ) from None
        return found


def _read_json(value: bytes) -> Mapping[str, Any]:
    try:
        record = orjson.loads(value.removeprefix(b"\xef\xbb\xbf"))
    except orjson.JSONDecodeError:
        raise InvalidEventError(
            ErrorCode.DECODE, "expected a JSON object, but the value is not valid JSON"
        ) from None
    if not isinstance(record, dict):  # behind the id of a JSON Schema
        raise InvalidEventError(ErrorCode.DECODE, "expected a JSON object, got other JSON")
    return record
