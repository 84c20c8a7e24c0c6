# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The inner loops of reading leads and writing scored events, in C.

Each does what plain Python beside it does, and is left out where no compiler was at hand: see
`schemas/column_reader.py` and `schemas/encode.py`, which say what the arguments are.
"""

from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_CheckExact,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.math cimport NAN, fabs, isfinite
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

cdef enum:
    STRING = 0
    INTEGER = 1
    DOUBLE = 2
    FLOAT = 3
    BOOLEAN = 4


    CACHED = 1024
    CACHED_BYTES = 64


CACHED_STRINGS = CACHED


cdef struct Cursor:
    const uint8_t* at
    const uint8_t* end


cdef inline bint read_varint(Cursor* cursor, uint64_t* value) noexcept:
    """Read a variable-length integer of at most 64 bits; False where it is odd."""
    cdef uint64_t found = 0
    cdef uint8_t byte
    cdef int place
    for place in range(10):
        if cursor.at >= cursor.end:
            return False
        byte = cursor.at[0]
        cursor.at += 1
        found |= (<uint64_t>(byte & 127)) << (7 * place)
        if byte < 128:
            value[0] = found
            return place < 9 or byte < 2
    return False


cdef inline int64_t signed(uint64_t zigzag) noexcept:
    return <int64_t>(zigzag >> 1) ^ -<int64_t>(zigzag & 1)


cdef inline bint is_ascii(const uint8_t* text, Py_ssize_t size) noexcept:
    cdef uint64_t word
    cdef Py_ssize_t i = 0
    while i + 8 <= size:
        memcpy(&word, text + i, 8)
        if word & 0x8080808080808080ULL:
            return False
        i += 8
    while i < size:
        if text[i] > 127:
            return False
        i += 1
    return True


cdef bint is_utf8(const uint8_t* text, Py_ssize_t size):
    if is_ascii(text, size):
        return True
    try:
        PyUnicode_DecodeUTF8(<const char*>text, size, "strict")
    except UnicodeDecodeError:
        return False
    return True


cdef bytes known_or_new(list known, const uint8_t* text, Py_ssize_t size):
    """Return a string that was met before, whose hash is known, or else a new one."""
    cdef uint64_t word, mixed = <uint64_t>size
    cdef Py_ssize_t i = 0
    cdef bytes met
    if size > CACHED_BYTES:
        return PyBytes_FromStringAndSize(<const char*>text, size)
    while i < size:
        word = 0
        memcpy(&word, text + i, 8 if size - i > 8 else size - i)
        mixed = (mixed ^ word) * 0x9E3779B97F4A7C15ULL
        mixed ^= mixed >> 32
        i += 8
    i = mixed % CACHED
    found = known[i]
    if found is not None:
        met = <bytes>found
        if PyBytes_GET_SIZE(met) == size and memcmp(PyBytes_AS_STRING(met), text, size) == 0:
            return met
    met = PyBytes_FromStringAndSize(<const char*>text, size)
    known[i] = met
    return met


def read_records(
    list values,
    bytes header,
    Py_ssize_t longest,
    const int16_t[:, ::1] plan,
    list strings,
    list known,
    double[:, ::1] numbers,
    uint8_t[::1] is_plain,
):
    """Read records of one flat schema.

    Parameters
    ----------
    values
        bytes, or None.
    header
        What each of the schema's records begins with.
    longest
        Bytes of the longest record that is read.
    plan
        int16, shape (fields, 4): what each field is; the first byte of a null, -1 where there are
        none; the first byte of a value; where its column is, -1 where it is not wanted.
    strings
        A list of length n, all None, for each string that is wanted: it gets UTF-8.
    known
        For each of them a list of `CACHED_STRINGS` that was met before, or None where strings
        hardly ever come again.
    numbers
        float64, shape (columns, n): NaN where missing.
    is_plain
        uint8, shape (n,): whether the record was read; of the others nothing is known.
    """
    cdef Py_ssize_t row, field, fields = plan.shape[0]
    cdef Cursor cursor
    cdef bint good, is_there
    cdef uint64_t bits
    cdef int64_t size
    cdef double number
    cdef float single
    cdef int kind, slot
    cdef Py_ssize_t length, header_bytes = PyBytes_GET_SIZE(header)
    for row in range(len(values)):
        value = values[row]
        is_plain[row] = False
        if not PyBytes_CheckExact(value):
            continue
        length = PyBytes_GET_SIZE(value)
        cursor.at = <const uint8_t*>PyBytes_AS_STRING(value)
        cursor.end = cursor.at + length
        if length > longest or length < header_bytes:
            continue
        if memcmp(cursor.at, PyBytes_AS_STRING(header), header_bytes) != 0:
            continue
        cursor.at += header_bytes
        good = True
        for field in range(fields):
            kind = plan[field, 0]
            slot = plan[field, 3]
            is_there = True
            if plan[field, 1] >= 0:
                if cursor.at >= cursor.end:
                    good = False
                    break
                is_there = cursor.at[0] == plan[field, 2]
                if not is_there and cursor.at[0] != plan[field, 1]:
                    good = False
                    break
                cursor.at += 1
            if kind == STRING:
                if not is_there:
                    continue  # the list holds None already
                good = read_varint(&cursor, &bits)
                size = signed(bits) if good else -1
                if size < 0 or size > cursor.end - cursor.at or not is_utf8(cursor.at, size):
                    good = False
                    break
                if slot >= 0:
                    memory = known[slot]
                    (<list>strings[slot])[row] = (
                        PyBytes_FromStringAndSize(<const char*>cursor.at, size)
                        if memory is None
                        else known_or_new(<list>memory, cursor.at, size)
                    )
                cursor.at += size
                continue
            number = NAN
            if is_there:
                if kind == INTEGER:
                    good = read_varint(&cursor, &bits)
                    number = <double>signed(bits) if good else NAN
                elif kind == DOUBLE:
                    good = cursor.end - cursor.at >= 8
                    if good:
                        memcpy(&number, cursor.at, 8)
                        cursor.at += 8
                        good = isfinite(number)
                elif kind == FLOAT:
                    good = cursor.end - cursor.at >= 4
                    if good:
                        memcpy(&single, cursor.at, 4)
                        cursor.at += 4
                        number = single
                        good = isfinite(number)
                else:
                    good = cursor.at < cursor.end and cursor.at[0] < 2
                    if good:
                        number = cursor.at[0]
                        cursor.at += 1
                if not good:
                    break
            if slot >= 0:
                numbers[slot, row] = number
        is_plain[row] = good and cursor.at == cursor.end


cdef class _Buffer:
    """Bytes that grow."""

    cdef uint8_t* start
    cdef Py_ssize_t room
    cdef Py_ssize_t used

    def __cinit__(self):
        self.room = 4096
        self.start = <uint8_t*>PyMem_Malloc(self.room)
        if self.start == NULL:
            raise MemoryError

    def __dealloc__(self):
        PyMem_Free(self.start)

    cdef int reserve(self, Py_ssize_t size) except -1:
        cdef uint8_t* moved
        if self.used + size > self.room:
            moved = <uint8_t*>PyMem_Realloc(self.start, 2 * (self.used + size))
            if moved == NULL:
                raise MemoryError
            self.start = moved
            self.room = 2 * (self.used + size)
        return 0

    cdef int put(self, bytes piece) except -1:
        if piece is None:
            raise TypeError("expected bytes, got None")
        cdef Py_ssize_t size = PyBytes_GET_SIZE(piece)
        self.reserve(size)
        memcpy(self.start + self.used, PyBytes_AS_STRING(piece), size)
        self.used += size
        return 0

    cdef int put_long(self, int64_t value) except -1:
        cdef uint64_t rest = (<uint64_t>value << 1) ^ <uint64_t>(value >> 63)
        self.reserve(10)
        while rest > 127:
            self.start[self.used] = <uint8_t>((rest & 127) | 128)
            self.used += 1
            rest >>= 7
        self.start[self.used] = <uint8_t>rest
        self.used += 1
        return 0

    cdef int put_text(self, bytes text) except -1:
        self.put_long(PyBytes_GET_SIZE(text))
        return self.put(text)

    cdef int put_double(self, double value) except -1:
        self.reserve(8)
        memcpy(self.start + self.used, &value, 8)
        self.used += 8
        return 0

    cdef int put_byte(self, uint8_t value) except -1:
        self.reserve(1)
        self.start[self.used] = value
        self.used += 1
        return 0


def write_events(
    bytes head,
    list tails,
    list event_ids,
    list lead_ids,
    list request_ids,
    const int64_t[::1] created_at,
    const int64_t[::1] timestamps,
    const int64_t[::1] offsets,
    int64_t scored_at,
    const float[:] scores,
    const float[:] coverage,
    const uint8_t[:] low_coverage,
    const double[::1] bounds,
    list verdicts,
    const int32_t[:, :] reason_codes,
    const float[:, :] reason_values,
    list reason_heads,
):
    """Write scored events in Avro.

    Parameters
    ----------
    head
        What comes before an event's id.
    tails
        What comes between its reasons and its offset, n.
    event_ids, lead_ids, request_ids
        UTF-8, n each.
    created_at, timestamps, offsets
        int64, shape (n,); times in milliseconds since 1970.
    scored_at
        Milliseconds since 1970.
    scores, coverage
        float32, shape (n,).
    low_coverage
        uint8, shape (n,): whether too little is known of a lead.
    bounds
        float64, shape (3,): scores from which on a lead is of medium and of high worth, and the one
        above which it is engaged.
    verdicts
        Category and label, as they are written; by category (low, medium, high) · 2 + engaged.
    reason_codes, reason_values
        int32 and float32, shape (n, k): codes and contributions; one of 0 is left out.
    reason_heads
        By code: a reason's field and value, as they are written.

    Returns
    -------
    list of bytes
        The events, in order.
    """
    cdef Py_ssize_t row, reason, count, n = len(event_ids), k = reason_values.shape[1]
    cdef double score, covered
    cdef int64_t latency
    cdef double medium = bounds[0], high = bounds[1], engaged = bounds[2]
    cdef _Buffer out = _Buffer()
    cdef list events = []
    if {
        len(tails), len(lead_ids), len(request_ids), len(created_at), len(timestamps),
        len(offsets), len(scores), len(coverage), len(low_coverage), len(reason_codes),
        len(reason_values),
    } != {n} or reason_codes.shape[1] != k or len(bounds) != 3:
        raise ValueError("the columns of the events differ in length")
    for row in range(n):
        score = scores[row]
        covered = coverage[row]
        latency = scored_at - timestamps[row]
        out.used = 0
        out.put(head)
        out.put_text(event_ids[row])
        out.put_text(lead_ids[row])
        out.put_text(request_ids[row])
        out.put_long(created_at[row])
        out.put_long(scored_at)
        out.put_long(latency if latency > 0 else 0)
        out.put_double(score)
        out.put(verdicts[((score >= medium) + (score >= high)) * 2 + (score > engaged)])
        out.put_double(covered * (2.0 * fabs(score - 0.5)))
        out.put_double(covered)
        out.put_byte(low_coverage[row])
        count = 0
        for reason in range(k):
            count += reason_values[row, reason] != 0
        if count:
            out.put_long(count)
            for reason in range(k):
                if reason_values[row, reason] != 0:
                    out.put(reason_heads[reason_codes[row, reason]])
                    out.put_double(reason_values[row, reason])
        out.put_byte(0)
        out.put(tails[row])
        out.put_long(offsets[row])
        events.append(PyBytes_FromStringAndSize(<char*>out.start, out.used))
    return events
