# cython: language_level=3, boundscheck=False, wraparound=False
"""The compiled engine's scoring of rows (tree_walk.c), as a class of Python."""

import numpy as np
from numpy import empty, float32, int64, uint8

from cpython.buffer cimport PyBUF_WRITABLE, PyBuffer_Release, PyObject_GetBuffer
from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t


cdef extern from "tree_walk.h":
    ctypedef struct Ensemble:
        int32_t n_columns, n_slots, n_trees, n_contributions
        const int32_t *slot_column
        const uint8_t *slot_is_low
        const uint8_t *is_complete
        const int32_t *depth
        const int32_t *n_inner
        const int32_t *width
        const int64_t *first_node
        const int64_t *first_next
        const int64_t *first_leaf
        const int64_t *first_change
        const int32_t *slot
        const float *threshold
        const int32_t *next
        const float *margin
        const uint16_t *target
        const float *change

    ctypedef struct Scoring:
        double slope, intercept
        int32_t n_fields, top_k, has_reasons, width

    ctypedef struct Outputs:
        float *probability
        uint8_t *is_doubtful
        int64_t *reason_field
        float *reason_value
        float *contributions
        float *aspects

    int64_t score_rows(
        const Ensemble *trees, const Scoring *scoring, const float *rows, int64_t n,
        const Outputs *outputs,
    ) nogil
    int c_is_measured "is_measured"()
    int has_width(int32_t width)


WIDTHS = ("baseline", "avx2")


def widths():
    """Return the widths of vector registers that this build and this processor have."""
    return tuple(name for width, name in enumerate(WIDTHS) if has_width(width))


def is_measured():
    """Return whether the speed was measured on processors like this one."""
    return bool(c_is_measured())


cdef const void *address(array, dtype) except? NULL:
    if array.dtype != dtype or not array.flags.c_contiguous:
        raise TypeError(f"expected a contiguous array of {dtype}, got {array.dtype}")
    return <const void *><size_t>array.ctypes.data


cdef void *memory_of(array) except? NULL:
    """Return where a new array's values are: it is the only one that has them."""
    cdef Py_buffer view
    PyObject_GetBuffer(array, &view, PyBUF_WRITABLE)
    cdef void *found = view.buf
    PyBuffer_Release(&view)
    return found


cdef class Trees:
    """An ensemble that scores rows. Safe to use from several threads.

    Parameters
    ----------
    layout
        A `TreeLayout`; its ids are not checked again.
    n_fields, top_k
        Number of fields, whose contributions are the first ones, and of reasons of a row.
    slope, intercept
        Of the calibration.
    width
        One of `widths()`; None: the last of them.

    Attributes
    ----------
    width
        As chosen.

    Raises
    ------
    ValueError
        This processor does not have the width.
    """

    cdef Ensemble _trees
    cdef Scoring _scoring
    cdef object _layout  # keeps the arrays

    def __init__(self, layout, *, n_fields, top_k, slope, intercept, width=None):
        found = widths()
        width = width or found[len(found) - 1]
        if width not in found:
            raise ValueError(f"expected a width out of {found}, got {width}")
        self._scoring.width = WIDTHS.index(width)
        self._layout = layout
        self._trees.n_columns = layout.n_columns
        self._trees.n_contributions = layout.n_contributions
        self._trees.n_slots = len(layout.slot_column)
        self._trees.n_trees = len(layout.depth)
        self._trees.slot_column = <const int32_t *>address(layout.slot_column, np.int32)
        self._trees.slot_is_low = <const uint8_t *>address(layout.slot_is_low, np.uint8)
        self._trees.is_complete = <const uint8_t *>address(layout.is_complete, np.uint8)
        self._trees.depth = <const int32_t *>address(layout.depth, np.int32)
        self._trees.n_inner = <const int32_t *>address(layout.n_inner, np.int32)
        self._trees.width = <const int32_t *>address(layout.width, np.int32)
        self._trees.first_node = <const int64_t *>address(layout.first_node, np.int64)
        self._trees.first_next = <const int64_t *>address(layout.first_next, np.int64)
        self._trees.first_leaf = <const int64_t *>address(layout.first_leaf, np.int64)
        self._trees.first_change = <const int64_t *>address(layout.first_change, np.int64)
        self._trees.slot = <const int32_t *>address(layout.slot, np.int32)
        self._trees.threshold = <const float *>address(layout.threshold, np.float32)
        self._trees.next = <const int32_t *>address(layout.next, np.int32)
        self._trees.margin = <const float *>address(layout.margin, np.float32)
        self._trees.target = <const uint16_t *>address(layout.target, np.uint16)
        self._trees.change = <const float *>address(layout.change, np.float32)
        self._scoring.slope = slope
        self._scoring.intercept = intercept
        self._scoring.n_fields = n_fields
        self._scoring.top_k = top_k

    @property
    def width(self):
        return WIDTHS[self._scoring.width]

    def score(self, const float[:, ::1] rows, bint has_reasons, bint has_contributions=False):
        """Score rows.

        Parameters
        ----------
        rows
            float32, C-contiguous, shape (n, n_columns); NaN where missing.
        has_reasons
            Whether to compute reasons and aspects; their arrays have no columns otherwise.
        has_contributions
            Whether to compute the contributions of all fields; it needs reasons.

        Returns
        -------
        probability
            float32, shape (n,).
        reason_field, reason_value
            int64 and float32, shape (n, top_k).
        aspects
            float32, shape (n, n_aspects).
        contributions
            float32, shape (n, n_fields), or (0, n_fields) if they were not asked for.
        is_doubtful
            uint8, shape (n,), 1 where the last bit of the probability depends on the exponential
            function; None where there is no such row.

        Raises
        ------
        ValueError
            The rows have another number of columns.
        MemoryError
        """
        cdef int64_t n = rows.shape[0]
        if rows.shape[1] != self._trees.n_columns:
            raise ValueError(
                f"expected rows of {self._trees.n_columns} columns, got {rows.shape[1]}"
            )
        cdef Scoring scoring = self._scoring
        scoring.has_reasons = has_reasons
        cdef Py_ssize_t k = scoring.top_k if has_reasons else 0
        cdef Py_ssize_t n_aspects = 0
        if has_reasons:
            n_aspects = self._trees.n_contributions - scoring.n_fields
        probability = empty(n, float32)
        is_doubtful = empty(n, uint8)
        reason_field = empty((n, k), int64)
        reason_value = empty((n, k), float32)
        aspects = empty((n, n_aspects), float32)
        contributions = empty((n if has_contributions else 0, scoring.n_fields), float32)
        cdef Outputs outputs
        cdef int64_t doubtful = 0
        if n:
            outputs.probability = <float *>memory_of(probability)
            outputs.is_doubtful = <uint8_t *>memory_of(is_doubtful)
            outputs.reason_field = <int64_t *>memory_of(reason_field)
            outputs.reason_value = <float *>memory_of(reason_value)
            outputs.aspects = <float *>memory_of(aspects)
            outputs.contributions = NULL
            if has_contributions and has_reasons:
                outputs.contributions = <float *>memory_of(contributions)
            with nogil:
                doubtful = score_rows(&self._trees, &scoring, &rows[0, 0], n, &outputs)
        if doubtful < 0:
            raise MemoryError(f"{n} rows")
        return (
            probability, reason_field, reason_value, aspects, contributions,
            is_doubtful if doubtful else None,
        )
