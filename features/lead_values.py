"""Values of a lead's fields as people read them, and the typical ones of the training leads."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from features.date_values import is_date
from features.field_spec import CategoryField, DateField, FieldSpec, NumberField, TextField
from features.reference import FieldReference

__all__ = ["lead_value", "typical_value"]

Column = NDArray[np.float64] | Sequence[str | bytes | None]
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
LARGEST_WHOLE = 2.0**53


def lead_value(field: FieldSpec, column: Column) -> str | float | None:
    """Return the value of the first lead of a column, as it came.

    Parameters
    ----------
    field
        The column's field.
    column
        As a decoder returns it.

    Returns
    -------
    str, float or None
        A number; the text of a category, of a text, or of a time in ISO 8601 (UTC); None where it
        is missing.
    """
    value = column[0]
    if value is None or isinstance(value, str):
        return value
    if isinstance(value, bytes):
        return value.decode()
    number = float(value)
    if np.isnan(number):
        return None
    if isinstance(field, NumberField) and field.is_clock:
        return str(timedelta(milliseconds=number))
    if not isinstance(field, DateField):
        return int(number) if number.is_integer() and abs(number) < LARGEST_WHOLE else number
    if not is_date(np.array([number]))[0]:
        return None
    try:
        moment = EPOCH + timedelta(milliseconds=number)
    except OverflowError:
        return number
    is_whole = moment.microsecond and not moment.microsecond % 1000
    form = "milliseconds" if is_whole else "auto"
    return moment.isoformat(timespec=form).replace("+00:00", "Z")


def typical_value(
    field: FieldSpec, bins: FieldReference, numbers: NDArray[np.float64] | None = None
) -> str:
    """Return what is typical of the training leads: the median of a number, else the most frequent.

    Parameters
    ----------
    field, bins
        The field and its bins in the reference.
    numbers
        float64, shape (n,), NaN where missing: values of training leads, or lengths of texts. None:
        the median is given by its bin.

    Returns
    -------
    str
        Such as ``median 41``, ``retail (34%)`` or ``missing (72%)``.
    """
    counts = np.array(bins.counts, np.float64)
    total = counts.sum()
    if total and 2 * counts[bins.missing] > total:
        return _with_share(bins.labels[bins.missing], counts[bins.missing] / total)
    if isinstance(field, CategoryField | DateField):
        most = int(counts.argmax())
        return _with_share(bins.labels[most], counts[most] / total if total else 0.0)
    unit = " characters" if isinstance(field, TextField) else ""
    is_clock = isinstance(field, NumberField) and field.is_clock
    if numbers is not None and not is_clock and not np.isnan(numbers).all():
        return f"median {np.nanmedian(numbers):,.6g}{unit}"
    known = counts[: bins.size].cumsum()
    middle = int(known.searchsorted(known[-1] / 2))
    return f"median {bins.labels[min(middle, bins.size - 1)]}"


def _with_share(label: str, share: float) -> str:
    return f"{label} ({share:.0%})"
