"""The wire formats of an event's value: the first byte tells which one it is.

``C3 01`` opens an Avro single-object encoding (Avro 1.11 specification, "Single-object encoding"):
the marker, 8 bytes of the writer's schema's CRC-64-AVRO fingerprint, the datum. A JSON object opens
with ``{``, behind white space or a byte-order mark, too. ``00`` opens Confluent's framing, which
needs a schema registry.
"""

from __future__ import annotations

import re
from enum import StrEnum

from schemas.errors import ErrorCode, InvalidEventError

__all__ = ["AVRO_MARKER", "BYTE_ORDER_MARK", "HEADER_BYTES", "WireFormat", "detect"]

AVRO_MARKER = b"\xc3\x01"
HEADER_BYTES = 10
"""Of a single-object encoding: the marker and the fingerprint."""

BYTE_ORDER_MARK = b"\xef\xbb\xbf"
"""Of UTF-8: some senders on Windows write it."""
JSON = re.compile(rb"(?:\xef\xbb\xbf)?[ \t\r\n]*\{")
BEFORE_JSON = b" \t\r\n" + BYTE_ORDER_MARK[:1]


class WireFormat(StrEnum):
    """How a value is written."""

    AVRO = "avro"
    """Avro single-object encoding."""
    JSON = "json"
    """A JSON object."""


def detect(value: bytes | None) -> WireFormat:
    """Return the wire format of a value by its first byte.

    Raises
    ------
    InvalidEventError
        Code ``WIRE_FORMAT``: the value is empty, of no known format, or of one that can't be read
        here.
    """
    if not value:
        raise _unreadable("a value", "none (a tombstone or an empty record)")
    first = value[0]
    if first == AVRO_MARKER[0]:
        if len(value) < HEADER_BYTES or value[1] != AVRO_MARKER[1]:
            raise _unreadable(
                "C3 01 and 8 bytes of fingerprint at the start of an Avro event",
                f"{value[:HEADER_BYTES].hex(' ')}",
            )
        return WireFormat.AVRO
    if first == ord("{") or (first in BEFORE_JSON and JSON.match(value)):
        return WireFormat.JSON
    if first == 0:
        raise _unreadable(
            "Avro single-object encoding (C3 01) or a JSON object",
            "Confluent framing (00), which is not supported yet",
        )
    raise _unreadable("C3 01 (Avro single-object) or { (JSON) as the first byte", f"{first:02x}")


def _unreadable(expected: str, came: str) -> InvalidEventError:
    return InvalidEventError(
        ErrorCode.WIRE_FORMAT,
        f"expected {expected}, got {came}: write leads as Avro single-object encoding or JSON",
    )
