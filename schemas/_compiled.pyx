# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The inner loops of reading leads and writing scored events, in C.

Each does what plain Python beside it does, and is left out where no compiler was at hand: see
`schemas/column_reader.py` and `schemas/formats/avro_events.py`, which say what the arguments are.
"""

from cpython.bytes cimport (
    PyBytes_AS_STRING,
    PyBytes_CheckExact,
    PyBytes_FromStringAndSize,
    PyBytes_GET_SIZE,
)
from cpython.mem cimport PyMem_Free, PyMem_Malloc, PyMem_Realloc
from cpython.unicode cimport PyUnicode_DecodeUTF8
from libc.math cimport NAN, isfinite
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint64_t
from libc.string cimport memcmp, memcpy

cdef enum:
    STRING = 0
    INTEGER = 1
    DOUBLE = 2
    FLOAT = 3
    BOOLEAN = 4
    ARRAY = 5
    ROW = 4  # numbers of a row of a plan

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


cdef bint skip_fields(
    Cursor* cursor, const int16_t* plan, Py_ssize_t first, Py_ssize_t last
):
    """Skip the values of the rows `first` to `last` of a plan; False where one is odd."""
    cdef Py_ssize_t row = first
    cdef const int16_t* field
    cdef bint is_there
    cdef uint64_t bits
    cdef int64_t size
    while row < last:
        field = plan + ROW * row
        row += 1
        is_there = True
        if field[1] >= 0:
            if cursor.at >= cursor.end:
                return False
            is_there = cursor.at[0] == field[2]
            if not is_there and cursor.at[0] != field[1]:
                return False
            cursor.at += 1
        if field[0] == ARRAY:
            if is_there and not skip_items(cursor, plan, row, row + field[3]):
                return False
            row += field[3]
            continue
        if not is_there:
            continue
        if field[0] == STRING:
            size = signed(bits) if read_varint(cursor, &bits) else -1
            if size < 0 or size > cursor.end - cursor.at or not is_utf8(cursor.at, size):
                return False
        elif field[0] == INTEGER:
            if not read_varint(cursor, &bits):
                return False
            size = 0
        else:
            size = 8 if field[0] == DOUBLE else 4 if field[0] == FLOAT else 1
            if size > cursor.end - cursor.at or (field[0] == BOOLEAN and cursor.at[0] > 1):
                return False
        cursor.at += size
    return True


cdef bint skip_items(Cursor* cursor, const int16_t* plan, Py_ssize_t first, Py_ssize_t last):
    """Skip the blocks of an array; False where one is odd, or has its size before it.

    Each item has a byte at least (schemas/schema_limits.py), so their number is bounded.
    """
    cdef uint64_t bits
    cdef int64_t items
    while True:
        if not read_varint(cursor, &bits):
            return False
        items = signed(bits)
        if items <= 0:
            return items == 0
        while items > 0:
            if not skip_fields(cursor, plan, first, last):
                return False
            items -= 1


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
    """Read records of one schema.

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
        none; the first byte of a value; where its column is, -1 where it is not wanted. Of an array
        the last is the number of rows that follow, for what is in its items.
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
    cdef int kind, slot, skipped
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
        skipped = 0
        for field in range(fields):
            if skipped:
                skipped -= 1
                continue
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
            if kind == ARRAY:
                good = not is_there or skip_items(
                    &cursor, &plan[0, 0], field + 1, field + 1 + slot
                )
                if not good:
                    break
                skipped = slot
                continue
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


def event_ids(dict prefixes, list partitions, const int64_t[:] offsets):
    """Return the ids of events: the prefix of each one's partition, then its offset in digits.

    Parameters
    ----------
    prefixes
        bytes by partition.
    partitions
        n partitions, each with a prefix.
    offsets
        int64, shape (n,): 0 or above.
    """
    cdef Py_ssize_t row, size, digits, n = len(partitions)
    cdef uint64_t rest
    cdef uint8_t written[20]
    cdef uint8_t* to
    cdef bytes prefix, found
    cdef object last = None
    cdef list ids = [None] * n
    if offsets.shape[0] != n:
        raise ValueError(f"{n} partitions, but {offsets.shape[0]} offsets")
    for row in range(n):
        if partitions[row] is not last:
            last = partitions[row]
            prefix = prefixes[last]
        if offsets[row] < 0:
            raise ValueError("expected offsets of 0 or above")
        rest = <uint64_t>offsets[row]
        digits = 0
        while True:
            digits += 1
            written[20 - digits] = <uint8_t>(48 + rest % 10)
            rest //= 10
            if not rest:
                break
        size = PyBytes_GET_SIZE(prefix)
        found = PyBytes_FromStringAndSize(NULL, size + digits)
        to = <uint8_t*>PyBytes_AS_STRING(found)
        memcpy(to, PyBytes_AS_STRING(prefix), size)
        memcpy(to + size, written + 20 - digits, digits)
        ids[row] = found
    return ids


cdef enum:  # as `Step` in schemas/formats/avro_events.py
    PIECE = 0
    TEXT = 1
    LONG = 2
    NUMBER = 3
    OPTION = 4
    REASONS = 5


def write_events(
    Py_ssize_t n,
    const int16_t[:, ::1] plan,
    list pieces,
    list texts,
    const int64_t[:, ::1] longs,
    const double[:, ::1] doubles,
    const uint8_t[:, ::1] options,
    list option_bytes,
    const int32_t[:, :] reason_codes,
    const float[:, :] reason_values,
    list reason_heads,
):
    """Write scored events in Avro.

    Parameters
    ----------
    n
        Number of events.
    plan
        int16, shape (steps, 2): what is written next, and its place among its kind.
    pieces
        Bytes that all events share, for each step PIECE.
    texts
        A list of n strings in UTF-8, for each step TEXT.
    longs
        int64, shape (steps LONG, n).
    doubles
        float64, shape (steps NUMBER, n).
    options, option_bytes
        uint8, shape (steps OPTION, n): indices; and for each step a list of the bytes that they
        stand for.
    reason_codes, reason_values
        int32 and float32, shape (n, k): codes and contributions; one of 0 is left out.
    reason_heads
        By code: a reason's field and value, in Avro.

    Returns
    -------
    list of bytes
        The events, in order.
    """
    cdef Py_ssize_t row, step, reason, count, place, k = reason_values.shape[1]
    cdef int kind
    cdef _Buffer out = _Buffer()
    cdef list events = []
    _check_columns(
        n, plan, pieces, texts, longs, doubles, options, option_bytes, reason_codes, reason_values,
        reason_heads,
    )
    for row in range(n):
        out.used = 0
        for step in range(plan.shape[0]):
            kind = plan[step, 0]
            place = plan[step, 1]
            if kind == PIECE:
                out.put(pieces[place])
            elif kind == TEXT:
                out.put_text((<list>texts[place])[row])
            elif kind == LONG:
                out.put_long(longs[place, row])
            elif kind == NUMBER:
                out.put_double(doubles[place, row])
            elif kind == OPTION:
                out.put((<list>option_bytes[place])[options[place, row]])
            else:
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
        events.append(PyBytes_FromStringAndSize(<char*>out.start, out.used))
    return events


cdef int _check_columns(
    Py_ssize_t n,
    const int16_t[:, ::1] plan,
    list pieces,
    list texts,
    const int64_t[:, ::1] longs,
    const double[:, ::1] doubles,
    const uint8_t[:, ::1] options,
    list option_bytes,
    const int32_t[:, :] reason_codes,
    const float[:, :] reason_values,
    list reason_heads,
) except -1:
    """Raise where the loop, which checks no index, would read beyond a column."""
    cdef Py_ssize_t step, row, reason, place, most, k = reason_values.shape[1]
    cdef int kind
    for step in range(plan.shape[0]):
        kind = plan[step, 0]
        place = plan[step, 1]
        if kind == PIECE:
            most = len(pieces)
        elif kind == TEXT:
            most = len(texts)
            if 0 <= place < most and len(<list>texts[place]) != n:
                raise ValueError("the columns of the events differ in length")
        elif kind == LONG:
            most = longs.shape[0]
        elif kind == NUMBER:
            most = doubles.shape[0]
        elif kind == OPTION:
            most = min(options.shape[0], len(option_bytes))
            if 0 <= place < most:
                for row in range(options.shape[1]):
                    if options[place, row] >= len(<list>option_bytes[place]):
                        raise ValueError("an event has an option that its field has not")
        elif kind == REASONS:
            most = 1
            if reason_codes.shape[0] != n or reason_values.shape[0] != n:
                raise ValueError("the columns of the events differ in length")
        else:
            raise ValueError("the plan of the events has an unknown step")
        if not 0 <= place < most:
            raise ValueError("the plan of the events has a step without values")
    if longs.shape[1] != n or doubles.shape[1] != n or options.shape[1] != n:
        raise ValueError("the columns of the events differ in length")
    if reason_codes.shape[1] != k:
        raise ValueError("the columns of the events differ in length")
    for row in range(reason_codes.shape[0]):
        for reason in range(k):
            if reason_values[row, reason] == 0:
                continue
            if not 0 <= reason_codes[row, reason] < len(reason_heads):
                raise ValueError("an event has a reason that its model has not")
    return 0
