"""Record batches made by hand, byte by byte: sound ones, and such as no client's builder makes.

Source: Apache Kafka, "Message Format".
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Sequence
from dataclasses import dataclass, field

import cramjam
import lz4.frame
from aiokafka.codec import snappy_encode
from aiokafka.record.util import calc_crc32c
from backports import zstd

__all__ = ["CODECS", "Made", "batch", "record_bytes", "varint"]

Header = tuple[bytes, bytes | None]


def varint(value: int) -> bytes:
    """Encode a signed integer (zigzag)."""
    value = (value << 1) ^ (value >> 63)
    written = bytearray()
    while value > 0x7F:
        written.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes(written) + bytes([value])


def _sized(value: bytes | None) -> bytes:
    return varint(-1) if value is None else varint(len(value)) + value


@dataclass(frozen=True)
class Made:
    """A record to make."""

    value: bytes | None = b"value"
    key: bytes | None = b"key"
    headers: Sequence[Header] = ()
    offset_delta: int | None = None
    timestamp_delta: int = 0
    header_count: int | None = None
    """Claimed number of headers."""
    length_error: int = 0
    """Error of its length field."""
    raw: bytes | None = field(default=None, repr=False)
    """Raw bytes in place of the record."""


def record_bytes(made: Made, position: int) -> bytes:
    """Encode one record of format 2."""
    if made.raw is not None:
        return made.raw
    count = len(made.headers) if made.header_count is None else made.header_count
    delta = position if made.offset_delta is None else made.offset_delta
    body = b"\0" + varint(made.timestamp_delta) + varint(delta)
    body += _sized(made.key) + _sized(made.value) + varint(count)
    body += b"".join(varint(len(name)) + name + _sized(value) for name, value in made.headers)
    return varint(len(body) + made.length_error) + body


CODECS = {
    "none": (0, bytes),
    "gzip": (1, gzip.compress),
    "snappy": (2, lambda data: bytes(cramjam.snappy.compress_raw(data))),
    "xerial": (2, snappy_encode),
    "lz4": (3, lambda data: lz4.frame.compress(data, block_linked=False)),
    "zstd": (4, zstd.compress),
}


def batch(
    records: Sequence[Made],
    *,
    base: int = 0,
    codec: str = "none",
    attributes: int = 0,
    last_delta: int | None = None,
    count: int | None = None,
    timestamp: int = 1_000,
    max_timestamp: int = 2_000,
    producer: int = -1,
    magic: int = 2,
    compressed: bytes | None = None,
    crc_error: int = 0,
) -> bytes:
    """Encode a batch of format 2; ``compressed`` stands in the place of its records."""
    number, compress = CODECS[codec]
    data = b"".join(record_bytes(made, i) for i, made in enumerate(records))
    if compressed is None:
        compressed = compress(data)
    checked = struct.pack(
        ">hiqqqhii",
        attributes | number,
        len(records) - 1 if last_delta is None else last_delta,
        timestamp,
        max_timestamp,
        producer,
        0,
        0,
        len(records) if count is None else count,
    )
    checked += compressed
    crc = calc_crc32c(checked) ^ crc_error
    return struct.pack(">qiibI", base, len(checked) + 9, 0, magic, crc) + checked
