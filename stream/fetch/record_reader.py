"""Lenient parsing of the records of a batch while it is decompressed. No Kafka.

Source: Apache Kafka, "Record" (https://kafka.apache.org/documentation/#record).
"""

from __future__ import annotations

import struct
from collections.abc import Iterator

from stream.fetch.batch_header import BatchHeader
from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord

__all__ = ["LostError", "RecordBytes", "RecordReader", "ends_aborted", "key_and_value_size"]

ABORT = 0
"""The type of a control record that ends an aborted transaction."""
LEAST_BYTES = 6
"""Size of a record without key, value and headers, not counting its length field."""
LONGEST_VARINT = 70
"""Bits: ten bytes of seven."""


class LostError(ValueError):
    """The start of the next record is unknown."""


class _BrokenError(ValueError):
    """The parts of a record contradict each other; the start of the next one is known."""


class RecordBytes:
    """The bytes of a batch's records, decompressed on demand."""

    __slots__ = ("_at", "_buffer", "_chunks", "_passed")

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = b""
        self._at = 0
        self._passed = 0

    @property
    def position(self) -> int:
        """Number of bytes taken or skipped."""
        return self._passed + self._at

    def _advance(self) -> None:
        """Go to the next chunk."""
        self._passed += len(self._buffer)
        self._at = 0
        self._buffer = b""
        while not self._buffer:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise LostError("it ends too early")
            self._buffer = chunk

    def take(self, size: int) -> bytes:
        """Return the next bytes."""
        end = self._at + size
        if end <= len(self._buffer):
            taken = self._buffer[self._at : end]
            self._at = end
            return taken
        parts, missing = [], size
        while missing:
            if self._at == len(self._buffer):
                self._advance()
            part = self._buffer[self._at : self._at + missing]
            self._at += len(part)
            missing -= len(part)
            parts.append(part)
        return b"".join(parts)

    def skip(self, size: int) -> None:
        """Skip bytes without keeping them."""
        while size:
            if self._at == len(self._buffer):
                self._advance()
            part = min(size, len(self._buffer) - self._at)
            self._at += part
            size -= part

    def varint(self) -> int:
        """Read a signed integer of variable length (Protocol Buffers' zigzag encoding)."""
        value = shift = 0
        while True:
            if self._at == len(self._buffer):
                self._advance()
            byte = self._buffer[self._at]
            self._at += 1
            value |= (byte & 0x7F) << shift
            if byte < 0x80:
                return (value >> 1) ^ -(value & 1)
            shift += 7
            if shift >= LONGEST_VARINT:
                raise LostError("a number has more than ten bytes")


class RecordReader:
    """Reads the records of a batch from its decompressed bytes."""

    def __init__(self, header: BatchHeader, source: RecordBytes, partition: int) -> None:
        self._header = header
        self._has_own_stamps = not header.is_log_append_time
        self._source = source
        self._partition = partition

    def read(self, previous: int, limit: int) -> RawRecord:
        """Read the next record.

        Parameters
        ----------
        previous
            Offset of the previous record.
        limit
            Most bytes of its value, of its key and of its headers.

        Raises
        ------
        LostError
            The start of the next record is unknown.
        DecompressionError
            The batch is damaged.
        """
        source = self._source
        length = source.varint()
        if length < 0:
            raise LostError("a record has a negative length")
        end = source.position + length
        record = UnreadableRecord(
            self._partition,
            previous + 1,
            self._header.max_timestamp,
            *(None, None, (), Problem.LENGTHS, ""),
            timestamp_type=self._header.timestamp_type,
        )
        try:
            if length < LEAST_BYTES:
                raise _BrokenError("it is too short")
            self._read_parts(record, previous, end, limit)
            if source.position != end:
                raise _BrokenError("its length is not that of its parts")
        except _BrokenError as error:
            record.problem, record.detail = Problem.LENGTHS, str(error)
        if source.position > end:
            raise LostError("a record is longer than its length says")
        source.skip(end - source.position)
        if record.detail:
            return record
        return RawRecord(
            record.partition,
            record.offset,
            record.timestamp,
            record.key,
            record.value,
            record.headers,
            timestamp_type=record.timestamp_type,
        )

    def _read_parts(self, record: UnreadableRecord, previous: int, end: int, limit: int) -> None:
        source, header = self._source, self._header
        source.skip(1)  # attributes: none is defined
        since = source.varint()
        if self._has_own_stamps:
            record.timestamp = header.first_timestamp + since
        offset = header.base_offset + source.varint()
        if not previous < offset < header.end:
            raise _BrokenError("its offset is not within its batch")
        record.offset = offset
        key_size = self._size(end)
        record.key = self._take(key_size, limit, record, "key")
        value_size = self._size(end)
        record.value = self._take(value_size, limit, record, "value")
        if value_size > limit:
            record.value_bytes = value_size
        self._read_headers(record, end, limit)

    def _size(self, end: int) -> int:
        """Read the size of the next part; negative: null."""
        size = self._source.varint()
        if size > end - self._source.position:
            raise _BrokenError("a part of it is longer than the record")
        return size

    def _take(self, size: int, limit: int, record: UnreadableRecord, name: str) -> bytes | None:
        if size < 0:
            return None
        if size <= limit:
            return self._source.take(size)
        self._source.skip(size)
        self._note_too_large(record, name, size, limit)
        return None

    @staticmethod
    def _note_too_large(record: UnreadableRecord, name: str, size: int, limit: int) -> None:
        record.problem = Problem.TOO_LARGE
        record.detail = f"expected a {name} of at most {limit} bytes, got {size}"

    def _read_headers(self, record: UnreadableRecord, end: int, limit: int) -> None:
        source = self._source
        count = source.varint()
        left = end - source.position
        if not 0 <= 2 * count <= left:
            raise _BrokenError("its number of headers is wrong")
        if left > limit:
            source.skip(left)
            self._note_too_large(record, "set of headers", left, limit)
            return
        headers: list[tuple[str, bytes | None]] = []
        record.headers = headers
        for _ in range(count):
            size = self._size(end)
            if size < 0:
                raise _BrokenError("a header has no name")
            name = source.take(size)
            size = self._size(end)
            value = None if size < 0 else source.take(size)
            try:
                headers.append((name.decode(), value))
            except UnicodeDecodeError:
                # A dead letter's header name must be UTF-8, so invalid bytes are escaped.
                headers.append((name.decode(errors="backslashreplace"), value))
                record.problem = Problem.HEADER_NAME
                record.detail = "the name of one of its headers is not UTF-8"


def ends_aborted(data: memoryview) -> bool:
    """Return whether a control batch is an abort marker; its record's key is its type."""
    try:
        key, _ = key_and_value_size(RecordBytes(iter([bytes(data)])), len(data))
        version, kind = struct.unpack(">hh", (key or b"")[:4])
    except (LostError, struct.error):
        return False
    return bool(version >= 0 and kind == ABORT)


def key_and_value_size(source: RecordBytes, most: int) -> tuple[bytes | None, int]:
    """Read a record up to its value.

    Parameters
    ----------
    source
        Source at the start of the record.
    most
        Largest possible size of the key.

    Returns
    -------
    tuple of (bytes or None, int)
        Its key, and the size of its value (negative: null).

    Raises
    ------
    LostError
        The record is truncated before its value.
    """
    source.varint()
    source.skip(1)
    source.varint()
    source.varint()
    size = source.varint()
    if size > most:
        raise LostError("its key is cut")
    key = source.take(size) if size >= 0 else None
    return key, source.varint()
