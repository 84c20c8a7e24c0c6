"""The header of a record batch: wire layout and fields.

Used by stream/fetch/bounded_batches.py and stream/fetch/record_batches.py.

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
"""Offset and length, the start of all formats; the length counts the bytes after it."""
MAGIC_AT = 16
CHECKED_FROM = 21
"""Start of the bytes that the checksum covers: the attributes."""
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
        """Read the header of a batch, which must have at least ``HEADER_BYTES`` bytes."""
        return cls._make(HEADER.unpack_from(batch))

    @property
    def end(self) -> int:
        """The offset after the batch's last."""
        return self.base_offset + self.last_offset_delta + 1

    @property
    def compression(self) -> int:
        """The number of the codec, which may be unknown."""
        return self.attributes & CODEC_MASK

    @property
    def is_log_append_time(self) -> bool:
        """Whether the broker has set the timestamp of all records."""
        return bool(self.attributes & LOG_APPEND_TIME)

    @property
    def timestamp_type(self) -> int:
        """Who set the timestamps of its records: 0 the producer, 1 the broker."""
        return int(self.is_log_append_time)

    @property
    def is_transactional(self) -> bool:
        """Whether the batch belongs to a transaction."""
        return bool(self.attributes & TRANSACTIONAL)

    @property
    def is_control(self) -> bool:
        """Whether its record is a control record of the broker, such as a commit marker."""
        return bool(self.attributes & CONTROL)


def base_offset(data: memoryview) -> int | None:
    """Return the first offset of the first batch in data; None if it is truncated."""
    return int(START.unpack_from(data)[0]) if len(data) >= START.size else None


def claimed_bytes(data: bytes | memoryview, start: int = 0) -> int:
    """Return the claimed size of a batch, header included; unchecked, it may be any number."""
    return START.size + int(START.unpack_from(data, start)[1])


def whole_bytes(data: bytes | memoryview, start: int = 0) -> int | None:
    """Return the size of a batch; None if it is truncated or too short."""
    if len(data) - start <= MAGIC_AT:
        return None
    size = claimed_bytes(data, start)
    least = HEADER_BYTES if data[start + MAGIC_AT] >= FORMAT else MAGIC_AT + 1
    return size if least <= size <= len(data) - start else None


def codec_of(data: bytes | memoryview, start: int = 0) -> Codec | None:
    """Return the codec of a batch; None if it is not compressed or has an old format."""
    if data[start + MAGIC_AT] < FORMAT:
        return None
    number = data[start + CODEC_AT] & CODEC_MASK
    return Codec(number) if Codec.GZIP <= number <= Codec.ZSTD else None
