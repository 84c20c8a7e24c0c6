"""Avro's single-object encoding: what every value in it begins with.

``C3 01``, then 8 bytes: the CRC-64-AVRO fingerprint of the writer's schema (Avro 1.11
specification, "Single-object encoding"). The datum follows.
"""

from __future__ import annotations

__all__ = ["AVRO_MARKER", "HEADER_BYTES"]

AVRO_MARKER = b"\xc3\x01"
HEADER_BYTES = 10
"""Length of marker and fingerprint."""
