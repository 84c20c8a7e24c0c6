# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""Records of Kafka as scoring reads them, in C; `agents/records.py` does the same in plain Python.

aiokafka makes an object with a dictionary for each record, by two generators: 1.5 µs.
"""

cimport cython
from libc.stdint cimport int32_t, int64_t

import numpy as np


@cython.final
@cython.no_gc  # its values can't refer to it
@cython.freelist(2048)
cdef class Record:
    """A record: a `SourceRecord`, with its topic and who set its time stamp."""

    cdef readonly str topic
    cdef readonly int32_t partition, timestamp_type
    cdef readonly int64_t offset, timestamp
    cdef readonly bytes key
    cdef readonly object value
    cdef readonly tuple headers

    def __repr__(self):
        return f"Record(topic={self.topic!r}, partition={self.partition}, offset={self.offset})"


cdef inline Py_ssize_t size_of(object part) except? -2:
    return -1 if part is None else len(part)


cdef class RecordReader:
    """Reads the next records of a partition, up to a number and to a size.

    To aiokafka what it reads at once is a record: it has the attributes of one.

    Parameters
    ----------
    topic, partition
        Where the records come from.
    position
        Its `next_fetch_offset` is the offset that is read next; records below it are skipped.
    most
        Number of records.
    left
        Bytes of key, value and headers, and `overhead` for each record; the last may exceed them.

    Attributes
    ----------
    records
        The records so far: a list.
    left
        The bytes left.
    offset
        Of the last record.
    is_over
        Whether the batch that was read last has ended: aiokafka's may not be asked again.
    """

    key = None
    value = None
    headers = ()
    timestamp = 0
    timestamp_type = 0
    checksum = None

    cdef readonly list records
    cdef readonly int64_t left, offset
    cdef readonly bint is_over
    cdef str _topic
    cdef int32_t _partition
    cdef object _position
    cdef Py_ssize_t _most
    cdef int64_t _overhead

    def __init__(
        self, str topic, int32_t partition, position, Py_ssize_t most, int64_t left,
        int64_t overhead,
    ):
        self.records = []
        self.left = left
        self._topic = topic
        self._partition = partition
        self._position = position
        self._most = most
        self._overhead = overhead

    @property
    def is_full(self):
        """Whether no more records are wanted."""
        return self.left <= 0 or len(self.records) >= self._most

    def read(self, batch):
        """Read on in a batch, an iterator of aiokafka's records; at its end raise StopIteration."""
        cdef int64_t offset, next_offset = self._position.next_fetch_offset
        cdef int64_t left = self.left
        cdef list records = self.records
        cdef Py_ssize_t before = len(records)
        cdef Record record
        self.is_over = False
        while left > 0 and len(records) < self._most:
            found = next(batch, None)
            if found is None:
                self.is_over = True
                break
            offset = found.offset
            if offset < next_offset:
                continue
            next_offset = offset + 1
            record = Record.__new__(Record)
            record.topic = self._topic
            record.partition = self._partition
            record.offset = offset
            record.timestamp = found.timestamp
            record.timestamp_type = found.timestamp_type
            record.key = found.key
            record.value = found.value
            record.headers = tuple(found.headers)
            left -= size_of(record.value) + size_of(record.key) + self._overhead
            for name, content in record.headers:
                left -= len(name) + (len(content) if content is not None else 0)
            records.append(record)
        self.left = left
        if len(records) == before:
            raise StopIteration
        self.offset = next_offset - 1
        return self


cdef class ReadBatch:
    """A batch whose records are read several at once; to aiokafka these are one record.

    Parameters
    ----------
    batch
        aiokafka's batch, or one that is decompressed piece by piece.
    source
        Its `reader` is the reader of the poll, or None: the records are read one by one.
    """

    cdef object _batch, _records, _source
    cdef bint _is_open, _is_over

    def __init__(self, batch, source):
        self._batch = self._records = batch
        self._source = source

    def __getattr__(self, name):
        return getattr(self._batch, name)

    # What aiokafka asks of each batch: __getattr__ is called after an AttributeError.

    def validate_crc(self):
        return self._batch.validate_crc()

    @property
    def producer_id(self):
        return self._batch.producer_id

    @property
    def base_offset(self):
        return self._batch.base_offset

    @property
    def next_offset(self):
        return self._batch.next_offset

    @property
    def is_control_batch(self):
        return self._batch.is_control_batch

    @property
    def is_transactional(self):
        return self._batch.is_transactional

    def __iter__(self):
        self._records = iter(self._batch)
        self._is_open = True
        return self

    def __next__(self):
        cdef RecordReader reader
        if self._is_over:
            raise StopIteration
        found = self._source.reader if self._is_open else None  # else: a control record
        if found is None:
            return next(self._records)
        reader = found
        reader.read(self._records)
        self._is_over = reader.is_over
        return reader


def columns_of(records):
    """Return the columns of records, or None if one of them is of another class.

    Returns
    -------
    values
        A new list of the records' values.
    partitions
        A list of the records' partitions.
    offsets, timestamps
        int64, shape (n,).
    has_headers
        Whether a record has headers.
    """
    cdef list given = records if type(records) is list else list(records)
    cdef Py_ssize_t i, n = len(given)
    cdef list values = [None] * n, partitions = [None] * n
    offsets, timestamps = np.empty(n, np.int64), np.empty(n, np.int64)
    cdef int64_t[::1] of_offset = offsets
    cdef int64_t[::1] of_time = timestamps
    cdef bint has_headers = False
    cdef int32_t last = -1
    cdef object number = None
    cdef Record record
    for i in range(n):
        if type(given[i]) is not Record:
            return None
        record = <Record>given[i]
        values[i] = record.value
        if number is None or record.partition != last:
            last = record.partition
            number = last
        partitions[i] = number
        of_offset[i] = record.offset
        of_time[i] = record.timestamp
        has_headers = has_headers or len(record.headers) > 0
    return values, partitions, offsets, timestamps, has_headers


def output_rows(
    list keys, list values, list shared, list event_ids, list request_ids, list passed_on
):
    """Return key, value and headers of each scored event; see `agents/outputs.py`."""
    cdef Py_ssize_t row, n = len(keys)
    cdef list rows = [None] * n, headers
    if not n == len(values) == len(event_ids) == len(request_ids):
        raise ValueError("the columns of the events differ in length")
    if passed_on is not None and len(passed_on) != n:
        raise ValueError("the columns of the events differ in length")
    for row in range(n):
        headers = [*shared, ("ce_id", event_ids[row]), ("x-request-id", request_ids[row])]
        if passed_on is not None:
            headers.extend(passed_on[row])
        rows[row] = (keys[row], values[row], headers)
    return rows


def largest_of(list rows):
    """Return the bytes of the longest value of rows, and the most headers."""
    cdef Py_ssize_t longest = 0, most = 0
    for _, value, headers in rows:
        if value is not None and len(value) > longest:
            longest = len(value)
        if len(headers) > most:
            most = len(headers)
    return longest, most
