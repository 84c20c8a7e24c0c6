"""Changes of a broker's segment files, as a failing disk makes them: the broker must be stopped.

Source: Apache Kafka, "Message Format" (https://kafka.apache.org/documentation/#messageformat).
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from aiokafka.record.util import calc_crc32c

__all__ = [
    "StoredBatch",
    "append_large_record",
    "flip_byte",
    "overwrite_with_right_checksum",
    "shorten",
    "stored_batches",
]

HEADER = struct.Struct(">qiibIhiqqqhii")
LENGTH_AT, CRC_AT, CHECKED_FROM, LAST_DELTA_AT, RECORDS_FROM = 8, 17, 21, 23, 61
OVERHEAD = 12
"""Bytes of a batch before what its length counts."""
CHUNK = 1 << 20
"""Bytes of a large value that are written at once."""


@dataclass(frozen=True)
class StoredBatch:
    """A record batch in a segment file.

    Attributes
    ----------
    segment
        The file.
    at, size
        Where it begins, and its bytes.
    offsets
        Offsets of its records.
    """

    segment: Path
    at: int
    size: int
    offsets: range


def stored_batches(log_folder: Path) -> list[StoredBatch]:
    """Return the batches of a partition's folder, in order."""
    segments = sorted(log_folder.glob("*.log"))
    return [batch for segment in segments for batch in _batches_of(segment)]


def _batches_of(segment: Path) -> Iterator[StoredBatch]:
    content, at = segment.read_bytes(), 0
    while at < len(content):
        base, length = struct.unpack_from(">qi", content, at)
        (last_delta,) = struct.unpack_from(">i", content, at + LAST_DELTA_AT)
        offsets = range(base, base + last_delta + 1)
        yield StoredBatch(segment, at, OVERHEAD + length, offsets)
        at += OVERHEAD + length


def flip_byte(batch: StoredBatch, share: float = 0.5) -> None:
    """Change one byte of the records, at a share of their length: the checksum is wrong then."""
    content = bytearray(batch.segment.read_bytes())
    records = batch.size - RECORDS_FROM
    content[batch.at + RECORDS_FROM + int(share * records)] ^= 0xFF
    batch.segment.write_bytes(content)


def overwrite_with_right_checksum(batch: StoredBatch, share: float) -> None:
    """Overwrite the records from a share of their length on with zeros, and correct the checksum.

    As memory that fails does before a sender or a broker computes the checksum.
    """
    content = bytearray(batch.segment.read_bytes())
    end = batch.at + batch.size
    begin = batch.at + RECORDS_FROM + int(share * (batch.size - RECORDS_FROM))
    content[begin:end] = bytes(end - begin)
    crc = calc_crc32c(memoryview(content)[batch.at + CHECKED_FROM : end])
    struct.pack_into(">I", content, batch.at + CRC_AT, crc)
    batch.segment.write_bytes(content)


def shorten(batch: StoredBatch) -> None:
    """Make a batch's length too small for one: the broker finds nothing behind it in its file."""
    content = bytearray(batch.segment.read_bytes())
    struct.pack_into(">i", content, batch.at + LENGTH_AT, 3)
    batch.segment.write_bytes(content)


def append_large_record(
    log_folder: Path, offset: int, key: bytes, value_bytes: int, timestamp: int
) -> None:
    """Append an uncompressed batch of one record of any size to a partition, in little memory.

    A producer would need several times its size. The broker takes it for a batch that it has
    written itself before a clean shutdown.

    Parameters
    ----------
    log_folder
        The partition's.
    offset
        The end of its log.
    key
        The record's.
    value_bytes
        Size of its value.
    timestamp
        Timestamp of the record, milliseconds since 1970.
    """
    before = b"\0\0\0" + _varint(len(key)) + key + _varint(value_bytes)
    after = b"\0"  # no headers
    record_bytes = len(before) + value_bytes + len(after)
    before = _varint(record_bytes) + before
    length = HEADER.size - OVERHEAD + len(before) + value_bytes + len(after)
    segment = max(log_folder.glob("*.log"))
    at = segment.stat().st_size
    with segment.open("r+b") as file:
        file.seek(at)
        file.write(HEADER.pack(offset, length, 0, 2, 0, 0, 0, timestamp, timestamp, -1, -1, -1, 1))
        file.write(before)
        for _ in range(value_bytes // CHUNK):
            file.write(b"x" * CHUNK)
        file.write(b"x" * (value_bytes % CHUNK) + after)
        file.flush()
        with mmap.mmap(file.fileno(), 0) as content, memoryview(content) as view:
            crc = calc_crc32c(view[at + CHECKED_FROM :])
            struct.pack_into(">I", view, at + CRC_AT, crc)


def _varint(value: int) -> bytes:
    """Return a number that is not negative, in zigzag and base 128."""
    value, encoded = value << 1, bytearray()
    while value > 0x7F:
        encoded.append(value & 0x7F | 0x80)
        value >>= 7
    return bytes((*encoded, value))
