"""Piecewise decompression of record batches for aiokafka's consumers.

aiokafka decompresses a whole batch at once, and a batch of 1 MB may expand to 2 GB. Here a batch
that may be larger than a piece is decompressed while its records are read: at most one piece is in
memory at a time, and a record above the limit is skipped, with the size of its value kept
(``schemas.left_out``). Skipping records takes time, so ``prepare`` does it in steps and yields to
the event loop in between.

This replaces a private part of aiokafka for all consumers of the process: the class with which
``aiokafka.consumer.fetcher`` reads the batches of a response. aiokafka's own parser gets each piece
as an uncompressed batch, so the parsing of records does not change.

Sources: Kafka's protocol guide, "Record Batch"; KIP-98 (message format 2).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from typing import Any, NamedTuple

from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException, RecordTooLargeError
from aiokafka.record.default_records import DefaultRecordBatch
from aiokafka.record.memory_records import MemoryRecords

from schemas.left_out import LeftOutValue
from stream.fetch.batch_header import (
    CODEC_AT,
    CODEC_MASK,
    COUNT,
    COUNT_AT,
    HEADER_BYTES,
    BatchHeader,
    claimed_bytes,
    codec_of,
)
from stream.fetch.decompressed_bytes import VARINT_BYTES, DecompressedBytes, encoded_varint
from stream.fetch.decompression import Codec, DecompressionError, decompress

with suppress(ImportError):  # installed without a compiler, no partition has a reader
    from agents._compiled import ReadBatch, RecordReader

__all__ = ["BatchLimits", "BoundedRecords", "bound_batches"]

NULL = b"\x01"
"""A length of -1."""
NO_HEADERS = b"\x00"

PIECE_RECORDS = 10_000
"""Most records of a piece: finding and parsing them takes about a microsecond each."""

KEPT_BYTES = 1 << 16
"""Most bytes of the key that are kept of a skipped record."""

MOST_OF_A_BYTE = {Codec.GZIP: 1032, Codec.LZ4: 255, Codec.SNAPPY: 64}
"""Largest expansion of one compressed byte; Zstandard has no limit."""


@dataclass(frozen=True, slots=True)
class BatchLimits:
    """Limits of one step of decompression.

    Attributes
    ----------
    piece_bytes
        Approximate bytes of a piece; it has at least one whole record.
    record_bytes
        Bytes of the largest record that is not skipped.
    """

    piece_bytes: int = 4 << 20
    record_bytes: int = 1 << 20

    def __post_init__(self) -> None:
        if self.piece_bytes < self.record_bytes + VARINT_BYTES:
            raise ValueError("expected piece_bytes of at least record_bytes: raise piece_bytes")


def bound_batches(limits: BatchLimits) -> None:
    """Set the limits for all consumers of this process."""
    BoundedRecords.limits = limits


class BoundedRecords:
    """The batches of one partition in a response, in place of aiokafka's ``MemoryRecords``.

    If even the first batch is truncated, reading it raises RecordTooLargeError. aiokafka would find
    that out when the response arrives, and move the position by one: a look at the position before
    the next poll would take the record for a gap in the log, and commit the offset after it.

    Parameters
    ----------
    content
        Record batches; the last one may be truncated.

    Attributes
    ----------
    reader
        Reads several records at once; None: they are read one by one.
    """

    limits = BatchLimits()

    def __init__(self, content: bytes) -> None:
        self._content = content
        self._records = MemoryRecords(content)
        self._is_cut = bool(content) and not self._records.has_next()
        self._at = 0
        self._opened: Any = None
        self._current: _PiecewiseBatch | None = None
        self.reader: RecordReader | None = None

    def size_in_bytes(self) -> int:
        """Return the bytes of the content."""
        return len(self._content)

    def has_next(self) -> bool:
        """Return whether there is another whole batch, or only a truncated one."""
        return self._is_cut or self._opened is not None or bool(self._records.has_next())

    def next_batch(self) -> Any:
        """Return the next batch, or None.

        Raises
        ------
        RecordTooLargeError
            There is only a truncated one.
        """
        self._require_a_whole_batch()
        batch, self._opened = self._opened or self._open(0), None
        self._current = batch if isinstance(batch, _PiecewiseBatch) else None
        return batch if batch is None or self.reader is None else ReadBatch(batch, self)

    def prepare(self, offset: int) -> bool:
        """Do one step of the work before the next record, if there is much of it.

        Parameters
        ----------
        offset
            First requested offset.

        Returns
        -------
        bool
            Whether the next record can be read now.

        Raises
        ------
        RecordTooLargeError
            There is only a truncated batch.
        """
        self._require_a_whole_batch()
        if self._current is None and self._opened is None:
            self._opened = self._open(offset)
        batch = self._opened or self._current
        return batch.prepare() if isinstance(batch, _PiecewiseBatch) else True

    def _require_a_whole_batch(self) -> None:
        if self._is_cut:
            raise RecordTooLargeError("expected a whole batch, got the beginning of a larger one")

    def _open(self, offset: int) -> Any:
        start = self._at
        batch = self._records.next_batch()
        if batch is None:
            return None
        self._at = end = start + claimed_bytes(self._content, start)
        codec = codec_of(self._content, start)
        if codec is None or self._is_bounded(codec, end - start):
            return batch
        content = memoryview(self._content)[start:end]
        return _PiecewiseBatch(batch, _steps(content, codec, self.limits, offset))

    def _is_bounded(self, codec: Codec, size: int) -> bool:
        """Return whether a compressed batch fits into a piece in any case."""
        most = MOST_OF_A_BYTE.get(codec)
        return most is not None and most * size <= self.limits.piece_bytes


fetcher.MemoryRecords = BoundedRecords


class _PiecewiseBatch:
    """A compressed batch; aiokafka's own class reads everything but the records.

    Parameters
    ----------
    batch
        aiokafka's batch.
    steps
        Its records, a piece at a time; None for a step without records.
    """

    def __init__(self, batch: Any, steps: Iterator[Iterable[Any] | None]) -> None:
        self._batch = batch
        self._steps = steps
        self._piece: Iterable[Any] | None = None
        self._error: Exception | None = None
        self._is_read = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._batch, name)

    def prepare(self) -> bool:
        """Do one step if no piece is ready; return whether there is one, or the batch has ended."""
        if self._piece is None and not self._is_read:
            try:
                self._piece = next(self._steps)
            except StopIteration:
                self._is_read = True
            except (CorruptRecordException, DecompressionError) as error:
                self._is_read, self._error = True, error
        return self._is_read or self._piece is not None

    def __iter__(self) -> Iterator[Any]:
        while True:
            while not self.prepare():
                pass  # for consumers that do not call `prepare`
            piece = self._piece
            if piece is None:
                break
            if isinstance(piece, tuple):
                self._piece = None  # before it is read, so that `prepare` starts on the next one
                yield from piece
            else:
                yield from piece
                self._piece = None
            del piece  # free it before the next one is decompressed
        if self._error is not None:
            raise CorruptRecordException(f"expected a valid batch: {self._error}")


class _LeftOutRecord(NamedTuple):
    """A skipped record that was too large, with the attributes that aiokafka's consumer reads."""

    offset: int
    timestamp: int
    timestamp_type: int
    key: bytes | None
    value: LeftOutValue
    headers: list[tuple[str, bytes | None]]
    checksum: None = None


def _steps(
    content: memoryview, codec: Codec, limits: BatchLimits, offset: int
) -> Iterator[Iterable[Any] | None]:
    """Read the records of a compressed batch from an offset on, decompressing a piece at a time.

    Yields
    ------
    iterable of records
        A piece; a record that is too large is a piece of its own.
    None
        After each step without a record.
    """
    said = BatchHeader.read(content)
    left, base_offset = said.records, said.base_offset
    header = bytearray(content[:HEADER_BYTES])
    header[CODEC_AT] &= ~CODEC_MASK
    records = DecompressedBytes(decompress(codec, content[HEADER_BYTES:]))
    while left > 0:
        records.fill(limits.piece_bytes)
        if records.is_all and left <= PIECE_RECORDS:
            count, size = left, len(records.buffer)
        else:
            most = min(left, PIECE_RECORDS)
            count, size = _whole_records(records.buffer, most, limits.record_bytes)
        if count:
            yield _from(offset, base_offset, _parsed(header, count, records.take(size)))
        else:
            record, rest = _without_value(header, records)
            yield (record,) if record.offset >= offset else None
            for _ in range(0, rest, limits.piece_bytes):
                records.skip(min(rest, limits.piece_bytes))
                rest -= min(rest, limits.piece_bytes)
                yield None
            count = 1
        left -= count
    records.fill(1)
    if records.buffer:
        raise CorruptRecordException("expected a batch to end with its last record, got more bytes")


def _from(offset: int, base_offset: int, records: Any) -> Any:
    """Return the records from an offset on; None if there are none."""
    if offset <= base_offset:
        return records
    return [record for record in records if record.offset >= offset] or None


def _parsed(header: bytearray, count: int, records: bytes) -> Any:
    """Parse records as an uncompressed batch."""
    COUNT.pack_into(header, COUNT_AT, count)
    return DefaultRecordBatch(bytes(header) + records)


def _whole_records(buffer: bytearray, most: int, record_bytes: int) -> tuple[int, int]:
    """Count the whole records at the start of a buffer, up to the first that is too large.

    Returns
    -------
    tuple of (int, int)
        Their number and their size in bytes.
    """
    count = at = 0
    while count < most:
        length = shift = 0
        start = at
        while start < len(buffer):
            byte = buffer[start]
            length |= (byte & 0x7F) << shift
            start += 1
            shift += 7
            if byte < 0x80:
                break
        else:
            return count, at  # the length itself is truncated
        if length & 1:
            raise CorruptRecordException("expected the length of a record, got a negative number")
        length >>= 1
        if length > record_bytes or start + length > len(buffer):
            break
        count, at = count + 1, start + length
    return count, at


def _without_value(header: bytearray, records: DecompressedBytes) -> tuple[_LeftOutRecord, int]:
    """Read the start of a record that is too large.

    Returns
    -------
    tuple of (record, int)
        The record, without value and headers, and its number of unread bytes.
    """
    length = records.varint()
    end = records.taken + length
    place = b"".join(
        (records.take(1), encoded_varint(records.varint()), encoded_varint(records.varint()))
    )
    key_bytes = records.varint()
    key, size = None, length
    if key_bytes <= KEPT_BYTES:
        key = records.take(key_bytes) if key_bytes >= 0 else None
        value_bytes = records.varint()
        size = value_bytes if value_bytes > KEPT_BYTES else length
    key_part = NULL if key is None else encoded_varint(len(key)) + key
    stripped = place + key_part + NULL + NO_HEADERS
    record = next(iter(_parsed(header, 1, encoded_varint(len(stripped)) + stripped)))
    left_out = _LeftOutRecord(
        record.offset,
        record.timestamp,
        record.timestamp_type,
        record.key,
        LeftOutValue(size),
        record.headers,
    )
    return left_out, end - records.taken
