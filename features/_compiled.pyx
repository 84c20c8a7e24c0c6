# cython: language_level=3, boundscheck=False, wraparound=False, cdivision=True
"""The inner loop of reading texts, in C; `features/matrix.py` does the same in plain Python."""

from cpython.bytes cimport PyBytes_AS_STRING, PyBytes_CheckExact, PyBytes_GET_SIZE
from cpython.mem cimport PyMem_Free, PyMem_Malloc
from libc.stdint cimport uint8_t
from libc.string cimport memchr, memcmp


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


def read_texts(list texts, tuple keywords, Py_ssize_t longest, double[:, ::1] rows):
    """Read texts that are ASCII, of at least two words and not too long.

    Parameters
    ----------
    texts
        n texts: UTF-8, str or None.
    keywords
        In UTF-8; one that is not ASCII is in no text that is read here.
    longest
        Bytes of the longest text that is read.
    rows
        float64, shape (n, 2 + keywords): length, number of words, and 1 where a keyword is in the
        text, else 0.

    Returns
    -------
    list of int
        Indices of the texts that were not read.
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
            rows[row, 0] = size
            rows[row, 1] = words
            for j in range(len(keywords)):
                length = PyBytes_GET_SIZE(keywords[j])
                rows[row, 2 + j] = has(
                    folded, size, <const uint8_t*>PyBytes_AS_STRING(keywords[j]), length
                )
    finally:
        PyMem_Free(folded)
    return left
