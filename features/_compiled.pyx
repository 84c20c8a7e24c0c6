# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The inner loops of features, in C; `features/matrix.py` does the same in plain Python."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.dict cimport PyDict_GetItem
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from cpython.object cimport PyObject
from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t
from libc.string cimport memchr, memcmp


cdef inline int16_t bin_of(double value, const double[::1] edges) noexcept:
    """Tell how many edges are not above a value; NaN is above all."""
    cdef Py_ssize_t low = 0, high = edges.shape[0], middle
    if value != value:
        return <int16_t>high
    while low < high:
        middle = (low + high) // 2
        # Written so that an edge that is NaN is above the value.
        if edges[middle] <= value:
            low = middle + 1
        else:
            high = middle
    return <int16_t>low


def write_numbers(
    const double[:] values,
    double largest,
    const double[::1] edges,
    float[:, ::1] matrix,
    Py_ssize_t column,
    int16_t[:, ::1] bins,
    Py_ssize_t field,
):
    """Write the column and the bins of a field of numbers.

    Parameters
    ----------
    values
        float64, shape (n,); NaN is missing.
    largest
        What is further from 0 is written as this.
    edges
        float64: of the bins, ascending, NaN last.
    matrix, column
        float32, shape (n, columns): where to write the values.
    bins, field
        int16, shape (n, fields): where to write the bins.
    """
    cdef Py_ssize_t row
    cdef double value
    for row in range(values.shape[0]):
        value = values[row]
        bins[row, field] = bin_of(value, edges)
        if value > largest:
            value = largest
        elif value < -largest:
            value = -largest
        matrix[row, column] = <float>value


def write_levels(
    list values,
    object codes,
    const float[:, ::1] rows,
    const int16_t[::1] bins_of,
    float[:, ::1] matrix,
    Py_ssize_t column,
    int16_t[:, ::1] bins,
    Py_ssize_t field,
):
    """Write the columns and the bins of a field of categories.

    Parameters
    ----------
    values
        n levels: UTF-8, str or None.
    codes
        A dict of the levels' codes; it makes what it lacks.
    rows, bins_of
        float32, shape (codes, width), and int16, shape (codes,): what to write for each code.
    matrix, column, bins, field
        Where to; see `write_numbers`.
    """
    cdef Py_ssize_t row, at, code
    cdef PyObject* known
    for row in range(len(values)):
        known = PyDict_GetItem(codes, values[row])
        code = <object>known if known != NULL else codes[values[row]]
        for at in range(rows.shape[1]):
            matrix[row, column + at] = rows[code, at]
        bins[row, field] = bins_of[code]


cdef inline bint is_space(uint8_t byte) noexcept:
    """Tell what `str.split` parts words at, within ASCII."""
    return byte == 32 or 9 <= byte <= 13 or 28 <= byte <= 31


cdef bint has(const uint8_t* text, Py_ssize_t size, const uint8_t* word, Py_ssize_t length) noexcept:
    cdef const uint8_t* at = text
    cdef const uint8_t* last = text + size - length
    if length == 0:
        return True
    while at <= last:
        at = <const uint8_t*>memchr(at, word[0], last - at + 1)
        if at == NULL:
            return False
        if memcmp(at, word, length) == 0:
            return True
        at += 1
    return False


def write_texts(
    list texts,
    tuple keywords,
    Py_ssize_t longest,
    const double[::1] edges,
    float[:, ::1] matrix,
    Py_ssize_t column,
    int16_t[:, ::1] bins,
    Py_ssize_t field,
):
    """Write the columns and the bins of texts that are ASCII, of two words or more, not too long.

    The columns are length, number of words, and for each keyword 1 where it is in the text, else 0.

    Parameters
    ----------
    texts
        n texts: UTF-8, str or None.
    keywords
        In UTF-8; one that is not ASCII is in no text that is read here.
    longest
        Bytes of the longest text that is read.
    edges
        float64: of the bins of lengths.
    matrix, column, bins, field
        Where to; see `write_numbers`.

    Returns
    -------
    list of int
        Indices of the texts that were not read, and not written.
    """
    cdef Py_ssize_t i, j, size, words, row, length
    cdef uint8_t byte
    cdef bint was_space, is_plain
    cdef const uint8_t* text
    cdef list left = []
    cdef uint8_t* folded = <uint8_t*>PyMem_Malloc(longest + 1)
    if folded == NULL:
        raise MemoryError
    try:
        for row in range(len(texts)):
            value = texts[row]
            if not PyBytes_CheckExact(value) or PyBytes_GET_SIZE(value) > longest:
                left.append(row)
                continue
            text = <const uint8_t*>PyBytes_AS_STRING(value)
            size = PyBytes_GET_SIZE(value)
            words = 0
            was_space = True
            is_plain = True
            for i in range(size):
                byte = text[i]
                if byte > 127:
                    is_plain = False
                    break
                if is_space(byte):
                    was_space = True
                elif was_space:
                    was_space = False
                    words += 1
                folded[i] = byte + 32 if 65 <= byte <= 90 else byte
            if not is_plain or words < 2:
                left.append(row)
                continue
            matrix[row, column] = <float>size
            matrix[row, column + 1] = <float>words
            bins[row, field] = bin_of(<double>size, edges)
            for j in range(len(keywords)):
                length = PyBytes_GET_SIZE(keywords[j])
                matrix[row, column + 2 + j] = has(
                    folded, size, <const uint8_t*>PyBytes_AS_STRING(keywords[j]), length
                )
    finally:
        PyMem_Free(folded)
    return left


cdef class ReasonFinder:
    """Finds what each reason says, as `features/reason_labels.py` describes it.

    Parameters
    ----------
    of_field
        int32, shape (n_fields, 6): first aspect, first keyword, end of the aspects, missing bin,
        codes of the texts for a missing value and for no keyword.
    tables
        int32, shape (n_fields + n_aspects, 4): column (below 0: the bin), first and end of the
        labels' starts, code of the first text.
    starts
        float64: of all labels.
    columns
        int32, shape (n_aspects,): the column of each aspect.
    """

    cdef const int32_t[:, ::1] of_field
    cdef const int32_t[:, ::1] tables
    cdef const double[::1] starts
    cdef const int32_t[::1] columns

    def __init__(
        self,
        const int32_t[:, ::1] of_field,
        const int32_t[:, ::1] tables,
        const double[::1] starts,
        const int32_t[::1] columns,
    ):
        if tables.shape[0] != of_field.shape[0] + columns.shape[0]:
            raise ValueError("expected a table for each field and each aspect")
        self.of_field = of_field
        self.tables = tables
        self.starts = starts
        self.columns = columns

    def write(
        self,
        const int64_t[:, :] fields,
        const float[:, :] values,
        const float[:, :] aspects,
        const float[:, ::1] matrix,
        const int16_t[:, ::1] bins,
        int32_t[:, ::1] codes,
    ):
        """Write the code of each reason.

        Parameters
        ----------
        fields, values
            int64 and float32, shape (n, k): fields and contributions.
        aspects
            float32, shape (n, n_aspects): contributions of aspects.
        matrix, bins
            float32, shape (n, columns), and int16, shape (n, n_fields): the features.
        codes
            int32, shape (n, k): where to write the codes.

        Raises
        ------
        ValueError
            The shapes do not fit each other.
        """
        cdef const int32_t[:, ::1] of_field = self.of_field
        cdef const int32_t[:, ::1] tables = self.tables
        cdef const double[::1] starts = self.starts
        cdef const int32_t[::1] columns = self.columns
        cdef Py_ssize_t row, reason, field, at, first, stop, keyword, table, low, high, middle
        cdef Py_ssize_t n = codes.shape[0], k = codes.shape[1], n_fields = of_field.shape[0]
        cdef double sign, moved, strongest, strongest_keyword, total, value
        cdef bint has_keyword
        if (
            fields.shape[0] != n
            or values.shape[0] != n
            or aspects.shape[0] != n
            or matrix.shape[0] != n
            or bins.shape[0] != n
            or fields.shape[1] != k
            or values.shape[1] != k
            or aspects.shape[1] != columns.shape[0]
            or bins.shape[1] != n_fields
        ):
            raise ValueError("reasons, aspects and features differ in shape")
        for row in range(n):
            for reason in range(k):
                field = fields[row, reason]
                if bins[row, field] == of_field[field, 3]:
                    codes[row, reason] = of_field[field, 4]
                    continue
                table = field
                first = of_field[field, 0]
                keyword = of_field[field, 1]
                stop = of_field[field, 2]
                if stop > first:
                    sign = 1.0 if values[row, reason] > 0 else -1.0
                    table = first
                    strongest = sign * aspects[row, first]
                    for at in range(first + 1, keyword):
                        moved = sign * aspects[row, at]
                        if moved > strongest:
                            strongest = moved
                            table = at
                    if stop > keyword:
                        at = keyword
                        total = strongest_keyword = sign * aspects[row, keyword]
                        for low in range(keyword + 1, stop):
                            moved = sign * aspects[row, low]
                            total += moved
                            if moved > strongest_keyword:
                                strongest_keyword = moved
                                at = low
                        if total > strongest:
                            table = at
                            if 2 * strongest_keyword < total:
                                has_keyword = False
                                for low in range(keyword, stop):
                                    if matrix[row, columns[low]] != 0:
                                        has_keyword = True
                                        break
                                if not has_keyword:
                                    codes[row, reason] = of_field[field, 5]
                                    continue
                    table += n_fields
                if tables[table, 0] < 0:
                    codes[row, reason] = tables[table, 3] + bins[row, field]
                    continue
                value = matrix[row, tables[table, 0]]
                low = tables[table, 1]
                high = tables[table, 2]
                if value != value:
                    low = high + 1
                else:
                    while low < high:
                        middle = (low + high) // 2
                        if starts[middle] <= value:
                            low = middle + 1
                        else:
                            high = middle
                codes[row, reason] = tables[table, 3] + <int32_t>(low - tables[table, 1])
