"""Lenient parsing of record batches: yields each record, or a verdict on it. No Kafka.

A client's parser raises at the first fault and loses the records after it. This one continues
wherever it can: a header name that is not UTF-8 or a wrong length costs one record, a damaged block
the rest of its batch, a wrong checksum the batch. A value beyond the limit is skipped while it is
decompressed, so memory is bounded whatever a batch expands to. A batch that is too large to be
received is truncated here (bounded_responses.py).

::

    RecordBatches      walks the batches of a fetch, decides which are for readers     (here)
    BatchHeader        what a batch says of itself                       (batch_header.py)
    decompress         its records' bytes, a chunk at a time             (decompression.py)
    RecordReader       one record out of these bytes                     (record_reader.py)
    RawRecord, UnreadableRecord       what comes out                       (raw_records.py)

Source: Apache Kafka, "Message Format" (https://kafka.apache.org/documentation/#messageformat).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass

from stream.fetch.aiokafka_internals import Fetched, crc32c, read_legacy_batch
from stream.fetch.batch_header import (
    CHECKED_FROM,
    FORMAT,
    HEADER_BYTES,
    MAGIC_AT,
    BatchHeader,
    base_offset,
    claimed_bytes,
    whole_bytes,
)
from stream.fetch.decompression import Codec, DecompressionError, decompress
from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord
from stream.fetch.record_reader import (
    LostError,
    RecordBytes,
    RecordReader,
    ends_aborted,
    key_and_value_size,
)

__all__ = ["Limits", "RecordBatches", "raw_limits"]

VALUE_BYTES = 8 << 20
"""Most bytes of a value that are kept, unless the limit on events is larger."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Memory limits, besides the fetched bytes and a codec's window.

    Attributes
    ----------
    value_bytes
        Most bytes of a record's value, of its key and of its headers. A larger part is skipped.
    held_bytes
        Bytes of records after which a step ends.
    records
        Most records of a step.
    """

    value_bytes: int = VALUE_BYTES
    held_bytes: int = 1 << 20
    records: int = 500


def raw_limits(max_event_bytes: int) -> Limits:
    """Return limits that admit every event that the decoder accepts, and most others."""
    return Limits(value_bytes=max(VALUE_BYTES, max_event_bytes))


class RecordBatches:
    """The records of a fetch, one after the other.

    Parameters
    ----------
    fetched
        Response of the broker.
    partition
        The partition's number.
    start
        First requested offset.
    stop
        Offset to stop before; None: read to the end.
    limits
        Memory limits.

    Attributes
    ----------
    next_offset
        Offset to continue at: all records below it were returned, or are not for readers (control
        records, aborted ones, or removed by compaction).
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
        """Return the next records within the limits; an empty list at the end."""
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
            size = whole_bytes(view, at)
            if size is None:
                if at == 0:
                    yield from self._read_cut(view)
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
        header = BatchHeader.read(batch)
        if magic > FORMAT:
            end = self._end_of(header, behind)
            yield from self._lost(header, end, Problem.FORMAT, f"its batch has format {magic}")
        elif crc32c(batch[CHECKED_FROM:]) != header.crc:
            end = self._end_of(header, behind)
            yield from self._lost(
                header, end, Problem.CHECKSUM, "the checksum of its batch is wrong"
            )
        else:
            # A header may be wrong despite a valid checksum: it must not claim other offsets.
            end = min(header.end, self._most(header, behind))
            header = header._replace(last_offset_delta=end - header.base_offset - 1)
            if not self._is_left_out(header, batch):
                yield from self._read_records(header, batch[HEADER_BYTES:])
        self.next_offset = max(
            self.next_offset, end if self._stop is None else min(end, self._stop)
        )

    # Batches

    def _read_cut(self, batch: memoryview) -> Iterator[RawRecord]:
        """Yield verdicts on a truncated first batch: it is too large, or its length is wrong."""
        is_in_use = len(batch) >= HEADER_BYTES and batch[MAGIC_AT] == FORMAT
        if not is_in_use or claimed_bytes(batch) <= self._fetched.most_bytes:
            lost = self._unreadable(Problem.LENGTHS, "the length of its batch is wrong")
            self.next_offset += 1
            yield lost
            return
        header = BatchHeader.read(batch)
        end = self._end_of(header, behind=batch[:0])
        if not self._is_left_out(header, batch):
            most, size = self._fetched.most_bytes, claimed_bytes(batch)
            detail = f"expected a batch of at most {most} bytes, got {size}"
            for record in self._lost(header, end, Problem.BATCH_TOO_LARGE, detail):
                if record.offset == header.base_offset:
                    _add_key(record, header, batch[HEADER_BYTES:])
                yield record
        self.next_offset = max(self.next_offset, end)

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
            # aiokafka's error text may quote some of the bytes, so only its type is reported.
            detail = f"its message set of format {batch[MAGIC_AT]} is damaged"
            yield self._unreadable(Problem.LENGTHS, f"{detail} ({type(error).__name__})")
        self.next_offset = max(self.next_offset, (base_offset(batch) or 0) + 1)

    def _is_left_out(self, header: BatchHeader, batch: memoryview) -> bool:
        """Return whether readers must not see a batch: control records, aborted transactions."""
        while self._aborted and self._aborted[0][1] <= header.base_offset:
            self._aborted_producers.add(self._aborted.popleft()[0])
        if header.is_control:
            if ends_aborted(batch[HEADER_BYTES:]):
                self._aborted_producers.discard(header.producer_id)
            return True
        return header.is_transactional and header.producer_id in self._aborted_producers

    def _end_of(self, header: BatchHeader, behind: memoryview) -> int:
        """Return the end offset of a batch whose header can't be trusted."""
        most = max(self._most(header, behind), self.next_offset + 1)
        return min(header.end, most) if header.end > self.next_offset else most

    def _most(self, header: BatchHeader, behind: memoryview) -> int:
        """Return an upper bound of a batch's end offset: the start of the next one, or the end."""
        most = self._fetched.high_watermark
        following = base_offset(behind)
        if following is not None and following > header.base_offset:
            return min(most, following)
        return most

    def _lost(
        self, header: BatchHeader, end: int, problem: Problem, detail: str
    ) -> Iterator[UnreadableRecord]:
        """Yield a verdict on each record of an unreadable batch."""
        first = max(header.base_offset, self.next_offset)
        if 0 < header.records < end - header.base_offset:  # compaction has removed some
            end = max(header.base_offset + header.records, first + 1)
        yield from self._rest(
            header, first, end, problem, f"{detail} (offsets {first} to {end - 1})"
        )

    def _rest(
        self, header: BatchHeader, first: int, end: int, problem: Problem, detail: str
    ) -> Iterator[UnreadableRecord]:
        for offset in range(max(first, self.next_offset), end):
            yield self._unreadable(problem, detail, offset, header.max_timestamp)

    def _unreadable(
        self, problem: Problem, detail: str, offset: int | None = None, timestamp: int = 0
    ) -> UnreadableRecord:
        at = self.next_offset if offset is None else offset
        return UnreadableRecord(self._partition, at, timestamp, None, None, (), problem, detail)

    # Records

    def _read_records(self, header: BatchHeader, data: memoryview) -> Iterator[RawRecord]:
        if header.records < 0:
            detail = "the number of records of its batch is negative"
            yield from self._lost(header, header.end, Problem.LENGTHS, detail)
            return
        number = header.compression
        if number > max(Codec):
            detail = f"its batch has the compression {number}"
            yield from self._lost(header, header.end, Problem.FORMAT, detail)
            return
        reader = RecordReader(header, RecordBytes(decompress(Codec(number), data)), self._partition)
        previous = header.base_offset - 1
        for read in range(header.records):
            if self._stop is not None and previous + 1 >= self._stop:
                return
            try:
                record = reader.read(previous, self._limits.value_bytes)
            except (DecompressionError, LostError) as error:
                is_codec = isinstance(error, DecompressionError)
                problem = Problem.COMPRESSION if is_codec else Problem.LENGTHS
                end = min(previous + 1 + header.records - read, header.end)
                detail = f"its batch is damaged from offset {previous + 1} on ({error})"
                yield from self._rest(header, previous + 1, end, problem, detail)
                return
            yield record
            previous = record.offset


def _add_key(record: UnreadableRecord, header: BatchHeader, data: memoryview) -> None:
    """Add the key of a batch's first record, and its value's size if it is the only one."""
    with suppress(ValueError):  # truncated, damaged or in an unknown format
        chunks = decompress(Codec(header.compression), data)
        record.key, size = key_and_value_size(RecordBytes(chunks), len(data))
        if header.records == 1 and size > 0:
            record.value_bytes = size
