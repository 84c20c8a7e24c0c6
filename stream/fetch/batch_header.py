"""The header of a record batch as it is on the wire: its layout, and what it says.

Everything that walks batches reads their headers by this module: stream/fetch/bounded_batches.py
and stream/fetch/record_batches.py.

Source: Apache Kafka, "Record Batch" (https://kafka.apache.org/documentation/#recordbatch); KIP-98
(message format 2).
"""

from __future__ import annotations

import struct
from typing import NamedTuple, Self

from stream.fetch.decompression import Codec

__all__ = [
    "CHECKED_FROM",
    "CODEC_AT",
    "CODEC_MASK",
    "COUNT",
    "COUNT_AT",
    "FORMAT",
    "HEADER_BYTES",
    "MAGIC_AT",
    "BatchHeader",
    "base_offset",
    "claimed_bytes",
    "codec_of",
    "whole_bytes",
]

START = struct.Struct(">qi")
"""Offset and length, which all formats begin with; the length is that of what follows it."""
MAGIC_AT = 16
CHECKED_FROM = 21
"""Where the part begins that the checksum is of: the attributes."""
CODEC_AT = 22
"""The lower byte of the attributes: compression and flags."""
COUNT_AT = 57
COUNT = struct.Struct(">i")
HEADER = struct.Struct(">qiibIhiqqqhii")
HEADER_BYTES = HEADER.size
FORMAT = 2
CODEC_MASK, LOG_APPEND_TIME, TRANSACTIONAL, CONTROL = 0x07, 0x08, 0x10, 0x20


class BatchHeader(NamedTuple):
    """The header of a batch of format 2; the fields are those of the protocol guide."""

    base_offset: int
    length: int
    leader_epoch: int
    magic: int
    crc: int
    attributes: int
    last_offset_delta: int
    first_timestamp: int
    max_timestamp: int
    producer_id: int
    producer_epoch: int
    base_sequence: int
    records: int

    @classmethod
    def read(cls, batch: memoryview) -> Self:
        """Read the header that a batch begins with, of at least ``HEADER_BYTES`` bytes."""
        return cls._make(HEADER.unpack_from(batch))

    @property
    def end(self) -> int:
        """The offset after the batch's last."""
        return self.base_offset + self.last_offset_delta + 1

    @property
    def compression(self) -> int:
        """The number of the codec; of one that is not known here, too."""
        return self.attributes & CODEC_MASK

    @property
    def is_log_append_time(self) -> bool:
        """Whether the broker has set the time stamp of all records."""
        return bool(self.attributes & LOG_APPEND_TIME)

    @property
    def is_transactional(self) -> bool:
        """Whether the batch belongs to a transaction."""
        return bool(self.attributes & TRANSACTIONAL)

    @property
    def is_control(self) -> bool:
        """Whether its record is a mark of the broker, as the end of a transaction."""
        return bool(self.attributes & CONTROL)


def base_offset(data: memoryview) -> int | None:
    """Return the first offset of the batch that data begins with; None where it is cut."""
    return int(START.unpack_from(data)[0]) if len(data) >= START.size else None


def claimed_bytes(data: bytes | memoryview, start: int = 0) -> int:
    """Return how long the batch at a place says to be, header included; it may be any number."""
    return START.size + int(START.unpack_from(data, start)[1])


def whole_bytes(data: bytes | memoryview, start: int = 0) -> int | None:
    """Return the size of the batch at a place; None where it is not all there, or too short."""
    if len(data) - start <= MAGIC_AT:
        return None
    size = claimed_bytes(data, start)
    least = HEADER_BYTES if data[start + MAGIC_AT] >= FORMAT else MAGIC_AT + 1
    return size if least <= size <= len(data) - start else None


def codec_of(data: bytes | memoryview, start: int = 0) -> Codec | None:
    """Return the codec of the batch at a place; None where it has none, or is of an old format."""
    if data[start + MAGIC_AT] < FORMAT:
        return None
    number = data[start + CODEC_AT] & CODEC_MASK
    return Codec(number) if Codec.GZIP <= number <= Codec.ZSTD else None
