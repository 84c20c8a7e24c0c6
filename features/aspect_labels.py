"""Names for people of the values of a feature column: "at 23 h", "has 'price'", "7 words".

Values are compared in float32, as the model reads them.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from features.field_spec import LARGEST_FLOAT32, Aspect
from features.reference import WEEKDAYS, Bins

__all__ = ["Labels", "age_labels", "aspect_labels", "keyword_labels", "number_labels"]

MONTHS = (
    *("January", "February", "March", "April", "May", "June"),
    *("July", "August", "September", "October", "November", "December"),
)
HOURS_A_DAY = 24
SHOWN_IN_HOURS = 48
"""Ages below this number of hours are shown in hours."""
COUNTS = (*range(100), *range(100, 1000, 10), *range(1000, 10_001, 100))
"""Numbers of words or days at which labels begin: from 100 on, they have two digits that count."""
LARGEST_WHOLE = 2.0**53
PLAIN = (1e-4, 1e15)
"""Numbers of a size between these are written without an exponent."""
UNKNOWN_AGE = "of unknown age"


class Labels(NamedTuple):
    """The labels of the values of one column.

    Attributes
    ----------
    starts
        float64, shape (b,), ascending, each exact in float32: label i + 1 begins at starts[i].
    texts
        b + 2 labels; the last one is that of NaN.
    """

    starts: NDArray[np.float64]
    texts: tuple[str, ...]

    def codes(self, values: NDArray[np.float32]) -> NDArray[np.intp]:
        """Find the labels of values.

        Parameters
        ----------
        values
            float32, shape (n,).

        Returns
        -------
        ndarray of intp, shape (n,)
            Indices in ``texts``.
        """
        # NaN sorts after all numbers.
        return np.append(self.starts, np.nan).searchsorted(values, side="right")


def aspect_labels(aspect: Aspect, missing: str) -> Labels:
    """Return the labels of an aspect whose values mean the same in every field.

    Parameters
    ----------
    aspect
        Words, hour, weekday, day or month.
    missing
        The label of NaN.
    """
    match aspect:
        case Aspect.WORDS:
            return _labels(COUNTS, _counted(COUNTS, "word"), missing)
        case Aspect.HOUR:
            return _labels(range(24), [f"at {hour} h" for hour in range(24)], missing)
        case Aspect.WEEKDAY:
            return _labels(range(7), [f"on {weekday}" for weekday in WEEKDAYS], missing)
        case Aspect.DAY:
            return _labels(range(1, 32), [f"on day {day}" for day in range(1, 32)], missing)
        case Aspect.MONTH:
            return _labels(range(1, 13), [f"in {month}" for month in MONTHS], missing)
        case _:
            raise ValueError(f"what values of the aspect {aspect} mean depends on the field")


def keyword_labels(keyword: str, missing: str) -> Labels:
    """Return the labels of a keyword's flag; ``missing`` is that of NaN."""
    return _labels((0, 1), (f"lacks '{keyword}'", f"has '{keyword}'"), missing)


def number_labels(bins: Bins, exact: Sequence[float], unit: str = "") -> Labels:
    """Return the labels of a number: the number itself where that is frequent, else its range.

    Parameters
    ----------
    bins
        By quantile: the ranges and their labels.
    exact
        The frequent numbers.
    unit
        What is counted, in the singular.
    """
    edges = _as_read(bins.edges)
    # What float32 can't hold is read as the largest number, whatever it is.
    frequent = [number for number in exact if abs(_as_read([number])[0]) < LARGEST_FLOAT32]
    names = dict(zip(_as_read(frequent).tolist(), (_named(n, unit) for n in frequent), strict=True))
    numbers = np.array(list(names))
    after = np.nextafter(numbers.astype(np.float32), np.float32(np.inf))
    starts = np.unique(np.concatenate([edges, numbers, after]))
    ranges = edges.searchsorted(starts, side="right").tolist()
    texts = [
        names.get(start, bins.labels[code])
        for start, code in zip(starts.tolist(), ranges, strict=True)
    ]
    return Labels(starts, (bins.labels[0], *texts, bins.labels[bins.missing]))


def age_labels(*, whole_days: bool) -> Labels:
    """Return the labels of an age: the days from a date to the lead's creation.

    Parameters
    ----------
    whole_days
        Whether ages are whole numbers. Else those of under two days are shown in hours.
    """
    if whole_days:
        sizes, names = [float(days) for days in COUNTS], _counted(COUNTS, "day")
    else:
        hours, days = range(1, SHOWN_IN_HOURS), COUNTS[SHOWN_IN_HOURS // HOURS_A_DAY :]
        sizes = [0.0, *(hour / HOURS_A_DAY for hour in hours), *map(float, days)]
        names = ["under an hour", *(_plural(hour, "hour") for hour in hours)]
        names += _counted(days, "day")
    before = [f"{name} before creation" for name in names]
    after = [f"{name} after creation" for name in names]
    if whole_days:
        before[0] = after[0] = "on the day of creation"
    # Two days after: ages above -3, and -2 itself.
    later = np.nextafter(-_as_read(sizes[:0:-1]).astype(np.float32), np.float32(0))
    starts = np.concatenate([later.astype(np.float64), _as_read(sizes)])
    return Labels(starts, (*reversed(after), *before, UNKNOWN_AGE))


def _labels(starts: Sequence[int], texts: Sequence[str], missing: str) -> Labels:
    """Return labels of whole numbers; what is below the first has the label of the first."""
    return Labels(np.array(starts[1:], np.float64), (*texts, missing))


def _as_read(numbers: Iterable[float]) -> NDArray[np.float64]:
    """Round numbers as the feature matrix does; float64, shape (n,)."""
    given = np.array(list(numbers), np.float64)
    return np.clip(given, -LARGEST_FLOAT32, LARGEST_FLOAT32).astype(np.float32).astype(np.float64)


def _counted(starts: Sequence[int], unit: str) -> list[str]:
    """Name what is counted from each start up to the next one."""
    names = [
        _plural(start, unit) if stop == start + 1 else f"{start}-{stop - 1} {unit}s"
        for start, stop in pairwise(starts)
    ]
    return [*names, f"{starts[-1]} or more {unit}s"]


def _named(number: float, unit: str) -> str:
    """Write a number in full; one that is not whole in the digits that float32 distinguishes."""
    if number.is_integer() and abs(number) < LARGEST_WHOLE:
        text = str(int(number))
    else:
        least, most = PLAIN
        is_plain = least <= abs(number) < most
        write = np.format_float_positional if is_plain else np.format_float_scientific
        text = write(np.float32(number), trim="-")
    if not unit:
        return text
    return f"{text} {unit}" if number == 1 else f"{text} {unit}s"


def _plural(count: int, unit: str) -> str:
    return f"{count} {unit}" if count == 1 else f"{count} {unit}s"
