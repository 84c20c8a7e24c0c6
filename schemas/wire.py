"""The wire formats that there are, and which of them a value is in.

The first byte decides: ``C3`` opens an Avro single-object encoding, ``{`` a JSON object, behind
white space or a byte-order mark, too. ``00`` and ``01`` open Confluent's framing, which can be read
with a schema registry only.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import StrEnum

from schemas.errors import ErrorCode, InvalidEventError
from schemas.formats.avro_single_object import AvroSingleObject
from schemas.formats.confluent import ConfluentFraming
from schemas.formats.event_format import EventFormat
from schemas.formats.json_objects import JsonObjects
from schemas.registered import RegisteredSchemas

__all__ = ["FORMATS", "WireFormat", "detect", "formats_with"]


class WireFormat(StrEnum):
    """How a value is written."""

    AVRO = "avro"
    """Avro single-object encoding."""
    JSON = "json"
    """A JSON object."""
    CONFLUENT = "confluent"
    """Avro, or JSON, behind an id of a schema registry."""


FORMATS: Mapping[WireFormat, EventFormat] = {
    WireFormat.AVRO: AvroSingleObject(),
    WireFormat.JSON: JsonObjects(),
    WireFormat.CONFLUENT: ConfluentFraming(),
}
"""The formats without a schema registry."""
_BY_FIRST_BYTE = {
    first: (wire, form.recognises) for wire, form in FORMATS.items() for first in form.first_bytes
}


def formats_with(registered: RegisteredSchemas | None) -> Mapping[WireFormat, EventFormat]:
    """Return the formats with what is known of a schema registry; None: there is no registry."""
    if registered is None:
        return FORMATS
    return {**FORMATS, WireFormat.CONFLUENT: ConfluentFraming(registered)}


def detect(value: bytes | None) -> WireFormat:
    """Return the wire format of a value by its first byte.

    Raises
    ------
    InvalidEventError
        Code ``WIRE_FORMAT``: the value is empty, of no known format, or of one that can't be read
        here.
    """
    if not value or not value[:1]:  # a value that was left out has a length, but no bytes
        raise _unreadable("a value", "none (a tombstone or an empty record)")
    found = _BY_FIRST_BYTE.get(value[0])
    if found is not None and found[1](value):
        return found[0]
    if value[:1] == b"[":
        raise _unreadable("a JSON object a record", "a JSON array: send each lead alone")
    raise _unreadable("C3 01 (Avro single-object) or { (JSON) as the first byte", f"{value[0]:02x}")


def _unreadable(expected: str, came: str) -> InvalidEventError:
    return InvalidEventError(
        ErrorCode.WIRE_FORMAT,
        f"expected {expected}, got {came}: write leads as Avro single-object encoding or JSON",
    )
