# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The loop that writes the records of a batch; aiokafka's builder writes the same bytes.

Sources: Kafka's protocol guide, "Record Batch"; KIP-98 (message format 2).
"""

from aiokafka.record.util import calc_crc32c

from cpython.bytearray cimport PyByteArray_AS_STRING, PyByteArray_Resize
from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_Check, PyBytes_GET_SIZE
from cpython.object cimport PyObject
from cpython.unicode cimport PyUnicode_Check
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcpy, memmove

cdef extern from "Python.h":
    const char* PyUnicode_AsUTF8AndSize(object text, Py_ssize_t* size) except NULL


cdef enum:
    LENGTH_AT = 8
    LEADER_AT = 12
    MAGIC_AT = 16
    CRC_AT = 17
    ATTRIBUTES_AT = 21
    LAST_OFFSET_AT = 23
    FIRST_TIMESTAMP_AT = 27
    MAX_TIMESTAMP_AT = 35
    PRODUCER_ID_AT = 43
    EPOCH_AT = 51
    SEQUENCE_AT = 53
    COUNT_AT = 57
    HEADER_BYTES = 61
    FIRST_ROOM = 4096
    LONGEST_VARINT = 10
    TRANSACTIONAL = 0x10
    REMEMBERED = 16  # headers of a record, by place, that may be those of the record before


cdef inline Py_ssize_t put_varint(uint8_t* to, int64_t value) noexcept:
    cdef uint64_t rest = (<uint64_t>value << 1) ^ <uint64_t>(value >> 63)
    cdef Py_ssize_t size = 0
    while rest > 127:
        to[size] = <uint8_t>((rest & 127) | 128)
        size += 1
        rest >>= 7
    to[size] = <uint8_t>rest
    return size + 1


cdef inline void put_big_endian(uint8_t* to, int64_t value, int size) noexcept:
    cdef int i
    for i in range(size):
        to[i] = <uint8_t>(value >> (8 * (size - 1 - i)))


cdef class RecordWriter:
    """Writes records into one uncompressed batch, which `build` completes.

    Parameters
    ----------
    most_bytes
        Bytes of a full batch; the first record is always taken.
    is_transactional
        Whether the batch belongs to a transaction.
    """

    cdef bytearray _content
    cdef Py_ssize_t _used, _most
    cdef int64_t _first_timestamp, _max_timestamp, _count
    cdef bint _is_transactional
    # The headers of the record before, which are mostly the same objects: where their bytes are.
    cdef PyObject* _header[REMEMBERED]
    cdef Py_ssize_t _header_at[REMEMBERED]
    cdef Py_ssize_t _header_size[REMEMBERED]

    def __init__(self, Py_ssize_t most_bytes, bint is_transactional):
        self._content = bytearray(FIRST_ROOM)
        self._used = HEADER_BYTES
        self._most = most_bytes
        self._is_transactional = is_transactional

    @property
    def size(self):
        """Bytes of the batch so far."""
        return self._used

    @property
    def count(self):
        """Number of its records."""
        return self._count

    def write(self, list rows, Py_ssize_t start, int64_t timestamp):
        """Write rows until the batch is full.

        Parameters
        ----------
        rows
            Key, value and headers of each record.
        start
            Index of the first row.
        timestamp
            The records' time stamp, milliseconds since 1970.

        Returns
        -------
        int
            Index of the first row that was not taken.

        Raises
        ------
        TypeError
            A row is not of bytes or None, and headers of a str and bytes or None.
        """
        cdef Py_ssize_t row = start
        self._forget()
        while row < len(rows):
            given = rows[row]
            if not isinstance(given, tuple):  # it keeps what is remembered alive
                raise TypeError(f"expected a row as a tuple, got {type(given).__name__}")
            key, value, headers = given
            if not self._append(key, value, headers, timestamp):
                break
            row += 1
        self._forget()
        return row

    def append(self, key, value, headers, int64_t timestamp):
        """Write one record; return whether it was taken."""
        self._forget()
        cdef bint is_taken = self._append(key, value, headers, timestamp)
        self._forget()
        return is_taken

    def build(self, int64_t producer_id, int16_t producer_epoch, int32_t base_sequence):
        """Return the batch, as a bytearray; nothing can be written after it."""
        cdef bytearray content = self._content
        PyByteArray_Resize(content, self._used)
        cdef uint8_t* to = <uint8_t*>PyByteArray_AS_STRING(content)
        put_big_endian(to, 0, 8)
        put_big_endian(to + LENGTH_AT, self._used - LEADER_AT, 4)
        put_big_endian(to + LEADER_AT, -1, 4)
        to[MAGIC_AT] = 2
        put_big_endian(to + ATTRIBUTES_AT, TRANSACTIONAL if self._is_transactional else 0, 2)
        put_big_endian(to + LAST_OFFSET_AT, self._count - 1 if self._count else 0, 4)
        put_big_endian(to + FIRST_TIMESTAMP_AT, self._first_timestamp, 8)
        put_big_endian(to + MAX_TIMESTAMP_AT, self._max_timestamp, 8)
        put_big_endian(to + PRODUCER_ID_AT, producer_id, 8)
        put_big_endian(to + EPOCH_AT, producer_epoch, 2)
        put_big_endian(to + SEQUENCE_AT, base_sequence, 4)
        put_big_endian(to + COUNT_AT, self._count, 4)
        with memoryview(content) as view, view[ATTRIBUTES_AT:] as checked:
            put_big_endian(to + CRC_AT, calc_crc32c(checked), 4)
        return content

    cdef void _forget(self) noexcept:
        cdef int place
        for place in range(REMEMBERED):
            self._header[place] = NULL

    cdef uint8_t* _room(self, Py_ssize_t end) except NULL:
        """Return the start of the content, with room up to an end."""
        if end > len(self._content):
            PyByteArray_Resize(self._content, end + (end >> 2) + FIRST_ROOM)
        return <uint8_t*>PyByteArray_AS_STRING(self._content)

    cdef Py_ssize_t _put_bytes(self, Py_ssize_t at, object given) except -1:
        """Write the size of bytes and the bytes, or a null; return where they end."""
        cdef Py_ssize_t size
        if given is None:
            return at + put_varint(self._room(at + LONGEST_VARINT) + at, -1)
        if not PyBytes_Check(given):
            raise TypeError(f"expected bytes or None, got {type(given).__name__}")
        size = PyBytes_GET_SIZE(given)
        cdef uint8_t* content = self._room(at + LONGEST_VARINT + size)
        at += put_varint(content + at, size)
        memcpy(content + at, PyBytes_AS_STRING(given), size)
        return at + size

    cdef Py_ssize_t _put_header(self, Py_ssize_t at, object header) except -1:
        cdef Py_ssize_t size
        name, value = header
        if not PyUnicode_Check(name):
            raise TypeError(f"expected the name of a header as str, got {type(name).__name__}")
        cdef const char* text = PyUnicode_AsUTF8AndSize(name, &size)
        cdef uint8_t* content = self._room(at + LONGEST_VARINT + size)
        at += put_varint(content + at, size)
        memcpy(content + at, text, size)
        return self._put_bytes(at + size, value)

    cdef Py_ssize_t _put_headers(self, Py_ssize_t at, list headers) except -1:
        cdef Py_ssize_t place, start, size, count = len(headers)
        cdef PyObject* header
        cdef uint8_t* content = self._room(at + LONGEST_VARINT)
        at += put_varint(content + at, count)
        for place in range(count):
            given = headers[place]
            header = <PyObject*>given
            if place < REMEMBERED and header == self._header[place]:
                size = self._header_size[place]
                content = self._room(at + size)
                memcpy(content + at, content + self._header_at[place], size)
                at += size
                continue
            start = at
            at = self._put_header(at, given)
            if place < REMEMBERED:
                self._header[place] = header
                self._header_at[place], self._header_size[place] = start, at - start
        return at

    cdef bint _append(self, key, value, headers, int64_t timestamp) except -1:
        """Write a record behind a gap for its length, then close the gap."""
        cdef Py_ssize_t start = self._used, body = start + LONGEST_VARINT, at = body
        cdef Py_ssize_t size, gap, place
        cdef int64_t since = timestamp - self._first_timestamp if self._count else 0
        cdef uint8_t* content = self._room(body + 2 * LONGEST_VARINT + 1)
        cdef uint8_t length[LONGEST_VARINT]
        content[at] = 0  # attributes: none is defined
        at += 1
        at += put_varint(content + at, since)
        at += put_varint(content + at, self._count)
        at = self._put_bytes(at, key)
        at = self._put_bytes(at, value)
        if type(headers) is not list:
            self._forget()
            at = self._put_headers(at, list(headers))
            self._forget()
        else:
            at = self._put_headers(at, headers)
        size = at - body
        gap = put_varint(length, size)
        if self._count and start + gap + size >= self._most:  # as aiokafka does
            return False
        content = <uint8_t*>PyByteArray_AS_STRING(self._content)
        memcpy(content + start, length, gap)
        memmove(content + start + gap, content + body, size)
        for place in range(REMEMBERED):
            if self._header[place] != NULL and self._header_at[place] >= body:
                self._header_at[place] -= body - start - gap
        if not self._count:
            self._first_timestamp = self._max_timestamp = timestamp
        elif timestamp > self._max_timestamp:
            self._max_timestamp = timestamp
        self._used = start + gap + size
        self._count += 1
        return True
