"""Lenient parsing of record batches: every record comes out, or a verdict on it. No Kafka.

A client's parser raises at the first thing that it can't read and loses what is behind it. This one
goes on wherever it can: a header's name that is not UTF-8 or a length that is wrong costs one
record, a damaged block its rest of the batch, a wrong checksum the batch. A value beyond the limit
is skipped as it is decompressed, so memory is bounded whatever a batch expands to.

Source: Apache Kafka, "Message Format" (https://kafka.apache.org/documentation/#messageformat).
"""

from __future__ import annotations

import struct
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from schemas.errors import ErrorCode, InvalidEventError
from stream.aiokafka_internals import Fetched, crc32c, read_legacy_batch
from stream.decompression import Codec, DecompressionError, decompress

__all__ = ["Limits", "Problem", "RawRecord", "RecordBatches", "UnreadableRecord", "raw_limits"]

HEADER = struct.Struct(">qiibIhiqqqhii")
LENGTH = struct.Struct(">qi")
"""Offset and length, which all formats begin with."""
MAGIC_AT = 16
CHECKED_FROM = 21
"""Where the part begins that the checksum is of: the attributes."""
FORMAT = 2
CODEC_MASK, LOG_APPEND_TIME, TRANSACTIONAL, CONTROL = 0x07, 0x08, 0x10, 0x20
ABORT = 0
"""The type of a control record that ends an aborted transaction."""
LEAST_BYTES = 6
"""Of a record with no key, no value and no headers, its length left out."""
VALUE_BYTES = 8 << 20
"""Most bytes of a value that are kept, where the limit on events is no larger."""
LONGEST_VARINT = 70
"""Bits: ten bytes of seven."""


class Problem(StrEnum):
    """Why a record can't be read."""

    CHECKSUM = "checksum"
    """The batch is not what its sender wrote."""
    COMPRESSION = "compression"
    """The batch can't be decompressed from the record on."""
    FORMAT = "format"
    """The batch is of a format or a codec that is not known here."""
    LENGTHS = "lengths"
    """Lengths in the record contradict each other."""
    HEADER_NAME = "header_name"
    """A header's name is not UTF-8."""
    TOO_LARGE = "too_large"
    """The value, the key or the headers are beyond the limit."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What may be in memory at once, beside the fetched bytes and a codec's window.

    Attributes
    ----------
    value_bytes
        Most bytes of a record's value; of its key and of its headers, too. A larger one is skipped.
    held_bytes
        Bytes of records from which on they are handed over.
    records
        Most records that are handed over at once.
    """

    value_bytes: int = VALUE_BYTES
    held_bytes: int = 1 << 20
    records: int = 500


def raw_limits(max_event_bytes: int) -> Limits:
    """Return limits under which every event that the decoder takes is read, and most others."""
    return Limits(value_bytes=max(VALUE_BYTES, max_event_bytes))


@dataclass(slots=True)
class RawRecord:
    """A record as it was sent; what scoring reads of it has aiokafka's names."""

    partition: int
    offset: int
    timestamp: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]

    @property
    def held_bytes(self) -> int:
        """Bytes that it keeps in memory, roughly."""
        headers = sum(len(name) + len(given or b"") for name, given in self.headers)
        return len(self.key or b"") + len(self.value or b"") + headers


@dataclass(slots=True)
class UnreadableRecord(RawRecord):
    """A record that can't be read, with what of it could be had.

    Attributes
    ----------
    problem, detail
        Why; the detail completes the sentence "expected a readable record, but ..." and holds
        nothing of the record's content.
    value_bytes
        Size of a value that was left out for it; None where it is there, or not known.
    """

    problem: Problem
    detail: str
    value_bytes: int | None = None

    @property
    def error(self) -> InvalidEventError:
        """The verdict, as the dead letter tells it."""
        if self.problem is Problem.TOO_LARGE:
            return InvalidEventError(
                ErrorCode.TOO_LARGE, f"{self.detail}: send less, or raise LEADSCORE_MAX_EVENT_BYTES"
            )
        return InvalidEventError(
            ErrorCode.UNREADABLE,
            f"expected a readable Kafka record, but {self.detail}: fix what sends it, or look at"
            " the brokers' disks where a checksum is wrong (docs/runbook.md#a-record-that-cant-be-"
            "read)",
        )


class RecordBatches:
    """The records of a fetch, one after the other.

    Parameters
    ----------
    fetched
        What the broker has answered.
    partition
        The partition's number.
    start
        The first offset that is wanted.
    stop
        The first offset that is not wanted any more; None: all there is.
    limits
        What may be in memory at once.

    Attributes
    ----------
    next_offset
        Where to read on: all below it has been handed out, or is no record (a control record, an
        aborted one, one that compaction has removed).
    """

    def __init__(
        self,
        fetched: Fetched,
        *,
        partition: int,
        start: int,
        stop: int | None = None,
        limits: Limits | None = None,
    ) -> None:
        self.next_offset = start
        self._fetched = fetched
        self._partition = partition
        self._stop = stop
        self._limits = limits or Limits()
        self._aborted = deque(sorted(fetched.aborted, key=lambda begun: begun[1]))
        self._aborted_producers: set[int] = set()
        self._records = self._read()

    def take(self) -> list[RawRecord]:
        """Return the next records, as many as the limits allow; none at the end."""
        taken: list[RawRecord] = []
        held = 0
        for record in self._records:
            taken.append(record)
            held += record.held_bytes
            if held >= self._limits.held_bytes or len(taken) >= self._limits.records:
                break
        return taken

    def _read(self) -> Iterator[RawRecord]:
        view = memoryview(self._fetched.data)
        at = 0
        while at < len(view) and (self._stop is None or self.next_offset < self._stop):
            size = _batch_bytes(view[at:])
            if size is None:
                if at == 0:  # the first batch always comes whole
                    lost = self._unreadable(Problem.LENGTHS, "the length of its batch is wrong")
                    self.next_offset += 1
                    yield lost
                return
            for record in self._read_batch(view[at : at + size], view[at + size :]):
                if self._stop is not None and record.offset >= self._stop:
                    self.next_offset = self._stop
                    return
                if record.offset >= self.next_offset:
                    self.next_offset = record.offset + 1
                    yield record
            at += size

    def _read_batch(self, batch: memoryview, behind: memoryview) -> Iterator[RawRecord]:
        magic = batch[MAGIC_AT]
        if magic < FORMAT:
            yield from self._read_legacy(batch)
            return
        header = _Header(*HEADER.unpack_from(batch))
        if magic > FORMAT:
            end = self._end_of(header, behind)
            yield from self._lost(header, end, Problem.FORMAT, f"its batch has format {magic}")
        elif crc32c(batch[CHECKED_FROM:]) != header.crc:
            end = self._end_of(header, behind)
            yield from self._lost(
                header, end, Problem.CHECKSUM, "the checksum of its batch is wrong"
            )
        else:
            # A sender may have put a right checksum on a wrong header: it claims no other offsets.
            end = min(header.end, self._most(header, behind))
            header = replace(header, last_offset_delta=end - header.base_offset - 1)
            if not self._is_left_out(header, batch):
                yield from self._read_records(header, batch[HEADER.size :])
        self.next_offset = max(
            self.next_offset, end if self._stop is None else min(end, self._stop)
        )

    # Batches

    def _read_legacy(self, batch: memoryview) -> Iterator[RawRecord]:
        try:
            for record in read_legacy_batch(bytes(batch)):
                yield RawRecord(
                    self._partition,
                    record.offset,
                    record.timestamp or 0,
                    record.key,
                    record.value,
                    (),
                )
        except Exception as error:
            # Whatever aiokafka makes of damaged bytes; its text may hold some of them.
            detail = f"its message set of format {batch[MAGIC_AT]} is damaged"
            yield self._unreadable(Problem.LENGTHS, f"{detail} ({type(error).__name__})")
        self.next_offset = max(self.next_offset, LENGTH.unpack_from(batch)[0] + 1)

    def _is_left_out(self, header: _Header, batch: memoryview) -> bool:
        """Return whether nothing of a batch is for readers: control records, aborted ones."""
        while self._aborted and self._aborted[0][1] <= header.base_offset:
            self._aborted_producers.add(self._aborted.popleft()[0])
        if header.attributes & CONTROL:
            if _ends_aborted(batch[HEADER.size :]):
                self._aborted_producers.discard(header.producer_id)
            return True
        is_transactional = bool(header.attributes & TRANSACTIONAL)
        return is_transactional and header.producer_id in self._aborted_producers

    def _end_of(self, header: _Header, behind: memoryview) -> int:
        """Return where a batch ends whose own word is not to be trusted."""
        most = max(self._most(header, behind), self.next_offset + 1)
        return min(header.end, most) if header.end > self.next_offset else most

    def _most(self, header: _Header, behind: memoryview) -> int:
        """Return the offset that a batch ends at or before: the next one's, or the log's end."""
        most = self._fetched.high_watermark
        if len(behind) >= LENGTH.size:
            following = int(LENGTH.unpack_from(behind)[0])
            most = min(most, following) if following > header.base_offset else most
        return most

    def _lost(
        self, header: _Header, end: int, problem: Problem, detail: str
    ) -> Iterator[UnreadableRecord]:
        """Give a verdict on each record of a batch that can't be read."""
        first = max(header.base_offset, self.next_offset)
        if 0 < header.count < end - header.base_offset:  # compaction has removed some
            end = max(header.base_offset + header.count, first + 1)
        yield from self._rest(
            header, first, end, problem, f"{detail} (offsets {first} to {end - 1})"
        )

    def _rest(
        self, header: _Header, first: int, end: int, problem: Problem, detail: str
    ) -> Iterator[UnreadableRecord]:
        for offset in range(max(first, self.next_offset), end):
            yield self._unreadable(problem, detail, offset, header.max_timestamp)

    def _unreadable(
        self, problem: Problem, detail: str, offset: int | None = None, timestamp: int = 0
    ) -> UnreadableRecord:
        at = self.next_offset if offset is None else offset
        return UnreadableRecord(self._partition, at, timestamp, None, None, (), problem, detail)

    # Records

    def _read_records(self, header: _Header, data: memoryview) -> Iterator[RawRecord]:
        if header.count < 0:
            detail = "the number of records of its batch is negative"
            yield from self._lost(header, header.end, Problem.LENGTHS, detail)
            return
        number = header.attributes & CODEC_MASK
        if number > max(Codec):
            detail = f"its batch has the compression {number}"
            yield from self._lost(header, header.end, Problem.FORMAT, detail)
            return
        reader = _RecordReader(header, _Input(decompress(Codec(number), data)), self._partition)
        previous = header.base_offset - 1
        for read in range(header.count):
            if self._stop is not None and previous + 1 >= self._stop:
                return
            try:
                record = reader.read(previous, self._limits.value_bytes)
            except (DecompressionError, _LostError) as error:
                is_codec = isinstance(error, DecompressionError)
                problem = Problem.COMPRESSION if is_codec else Problem.LENGTHS
                end = min(previous + 1 + header.count - read, header.end)
                detail = f"its batch is damaged from offset {previous + 1} on ({error})"
                yield from self._rest(header, previous + 1, end, problem, detail)
                return
            yield record
            previous = record.offset


@dataclass(frozen=True, slots=True)
class _Header:
    """The head of a batch of format 2."""

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
    count: int

    @property
    def end(self) -> int:
        """The offset after the batch's last."""
        return self.base_offset + self.last_offset_delta + 1


def _batch_bytes(data: memoryview) -> int | None:
    """Return the size of the batch that data begins with; None where it is not all there."""
    if len(data) <= MAGIC_AT:
        return None
    size = LENGTH.size + int(LENGTH.unpack_from(data)[1])
    least = HEADER.size if data[MAGIC_AT] >= FORMAT else MAGIC_AT + 1
    return size if least <= size <= len(data) else None


def _ends_aborted(data: memoryview) -> bool:
    """Return whether a control batch, whose one record's key is its type, ends in an abort."""
    source = _Input(iter([bytes(data)]))
    try:
        source.varint()
        source.take(1)
        source.varint()
        source.varint()
        source.varint()
        version, kind = struct.unpack(">hh", source.take(4))
    except _LostError:
        return False
    return bool(version >= 0 and kind == ABORT)


class _LostError(ValueError):
    """It is not known where the next record begins."""


class _BrokenError(ValueError):
    """A record whose parts contradict each other; where the next one begins is known."""


class _Input:
    """The bytes of a batch's records, decompressed as they are asked for."""

    __slots__ = ("_at", "_buffer", "_chunks", "_passed")

    def __init__(self, chunks: Iterator[bytes]) -> None:
        self._chunks = chunks
        self._buffer = b""
        self._at = 0
        self._passed = 0

    @property
    def position(self) -> int:
        """How many bytes were taken or skipped."""
        return self._passed + self._at

    def _advance(self) -> None:
        """Go to the next chunk."""
        self._passed += len(self._buffer)
        self._at = 0
        self._buffer = b""
        while not self._buffer:
            chunk = next(self._chunks, None)
            if chunk is None:
                raise _LostError("it ends too early")
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
        """Leave bytes out, holding none of them."""
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
                raise _LostError("a number has more than ten bytes")


class _RecordReader:
    """Reads the records of a batch from its decompressed bytes."""

    def __init__(self, header: _Header, source: _Input, partition: int) -> None:
        self._header = header
        self._source = source
        self._partition = partition

    def read(self, previous: int, limit: int) -> RawRecord:
        """Read the next record.

        Parameters
        ----------
        previous
            Offset of the record before.
        limit
            Most bytes of its value, of its key and of its headers.

        Raises
        ------
        _LostError
            It is not known where the next record begins.
        DecompressionError
            The batch is damaged.
        """
        source = self._source
        length = source.varint()
        if length < 0:
            raise _LostError("a record has a negative length")
        end = source.position + length
        record = UnreadableRecord(
            self._partition,
            previous + 1,
            self._header.max_timestamp,
            *(None, None, (), Problem.LENGTHS, ""),
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
            raise _LostError("a record is longer than its length says")
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
        )

    def _read_parts(self, record: UnreadableRecord, previous: int, end: int, limit: int) -> None:
        source, header = self._source, self._header
        source.skip(1)  # attributes: none is defined
        since = source.varint()
        if not header.attributes & LOG_APPEND_TIME:
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
        """Read the size of what comes next; negative: it is null."""
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
                # What is written to Kafka must have a name that is UTF-8: the bytes are spelt out.
                headers.append((name.decode(errors="backslashreplace"), value))
                record.problem = Problem.HEADER_NAME
                record.detail = "the name of one of its headers is not UTF-8"
