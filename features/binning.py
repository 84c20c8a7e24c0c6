"""Make the reference bins from training data."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from features.aspect_bins import AspectBins, further_aspects
from features.field_spec import (
    Aspect,
    CategoryField,
    DateField,
    FieldSpec,
    TextField,
    normalise_level,
)
from features.matrix import Columns, FeatureEncoder
from features.reference import HOURS, WEEKDAYS, AspectReference, Bins, FieldReference, Reference
from features.spec import FeatureSpec
from features.text_lengths import text_lengths
from schemas.clock_times import written_clock

__all__ = [
    "LEVEL_BINS",
    "QUANTILE_BINS",
    "build_reference",
    "quantile_edges",
    "unmeasured_reference",
]

QUANTILE_BINS = 20
"""Bins of a number: as many as have about a twentieth of the training data each."""
LEVEL_BINS = 200
"""Levels of a category that get a bin; the rarer ones are counted as other."""
EXACT_SHARE = 0.005
"""Minimum share of the training leads with a number that share a value kept exactly: a tenth of a
bin."""
EXACT_LEADS = 5
"""Minimum number of leads that share such a value."""
WRITTEN_OUT = 100_000
"""Whole numbers below it are labelled in full."""
OTHER_LABELS = ("other", "any other", "a level without a bin (other)")
NO_KEYWORD_LABELS = ("no keyword", "none of the keywords")
MISSING_LABELS = ("missing", "no value", "no value (missing)")
"""The first that is no level's name is taken."""


def build_reference(
    spec: FeatureSpec,
    columns: Columns,
    n: int,
    scores: NDArray[np.floating],
    leads: NDArray[np.int64] | None = None,
) -> Reference:
    """Measure how training data are distributed.

    Parameters
    ----------
    spec
        The fields that the model reads.
    columns
        The training data: a column of length ``n`` for each of them.
    n
        Number of rows.
    scores
        Floats in 0 to 1: their calibrated scores.
    leads
        int64, shape (n,): rows with the same number are of one lead. None: each row is a lead.

    Returns
    -------
    Reference
    """
    uncounted = Reference(
        fields=tuple(_field(field, columns[field.name], leads) for field in spec.fields),
        score=_score_bins(scores),
    )
    features = FeatureEncoder(spec, uncounted).encode(columns, n)
    aspects = tuple(_aspects(spec, features.matrix, leads))
    finder = AspectBins(spec, aspects)
    further = finder.codes(finder.values(features.matrix))
    return Reference(
        fields=_counted(uncounted.fields, features.bins),
        aspects=_counted(aspects, further),
        score=uncounted.score,
    )


def unmeasured_reference(spec: FeatureSpec) -> Reference:
    """Make a reference without data, for when only the matrix is wanted."""
    nothing = np.empty(0)
    return Reference(
        fields=tuple(_field(field, nothing) for field in spec.fields),
        score=_score_bins(nothing),
    )


R = TypeVar("R", bound=FieldReference)


def _counted(references: tuple[R, ...], codes: NDArray[np.int16]) -> tuple[R, ...]:
    """Return references with the counts of training data."""
    return tuple(
        bins.model_copy(
            update={"counts": tuple(np.bincount(column, minlength=bins.codes).tolist())}
        )
        for bins, column in zip(references, codes.T, strict=True)
    )


def _aspects(
    spec: FeatureSpec, matrix: NDArray[np.float32], leads: NDArray[np.int64] | None
) -> Iterator[AspectReference]:
    """Yield the bins of further aspects, without counts."""
    for field, columns in spec.slices():
        for aspect in further_aspects(field):
            column = columns.start + field.aspects.index(aspect)
            # Edges are of the numbers as the model reads them.
            yield _aspect(field, aspect, matrix[:, column].astype(np.float64), leads)


def _aspect(
    field: FieldSpec,
    aspect: Aspect,
    values: NDArray[np.float64],
    leads: NDArray[np.int64] | None,
) -> AspectReference:
    name = f"{field.name}:{aspect}"
    if aspect is Aspect.HOUR:
        bins = _uncounted(name, "hour", labels=HOURS)
    elif aspect is Aspect.KEYWORD and isinstance(field, TextField):
        none = next(label for label in NO_KEYWORD_LABELS if label not in field.keywords)
        labels = (*field.keywords, none)
        bins = _uncounted(name, "keyword", labels=labels, levels=field.keywords)
    else:
        unit = " days" if aspect is Aspect.AGE else " words"
        bins = _numbers(name, values, unit=unit, leads=leads)
    return AspectReference(**bins.model_dump(), field=field.name, aspect=aspect)


def _score_bins(scores: NDArray[np.floating]) -> Bins:
    bins = _numbers("score", scores, unit="")
    counts = np.bincount(bins.codes_of(scores), minlength=bins.codes)
    return Bins(by="quantile", edges=bins.edges, labels=bins.labels, counts=tuple(counts.tolist()))


def _field(field: FieldSpec, values: Any, leads: NDArray[np.int64] | None = None) -> FieldReference:
    if isinstance(field, CategoryField):
        return _levels(field, values)
    if isinstance(field, DateField):
        return _uncounted(field.name, "weekday", labels=WEEKDAYS)
    if isinstance(field, TextField):
        return _numbers(field.name, text_lengths(values), unit=" characters", leads=leads)
    numbers = np.asarray(values, dtype=np.float64)
    if field.is_clock:
        return _clocks(field.name, numbers)
    return _numbers(field.name, numbers, unit="", leads=leads)


def _clocks(name: str, values: NDArray[np.float64]) -> FieldReference:
    edges = quantile_edges(values[~np.isnan(values)])
    times = [written_clock(edge) for edge in edges]
    if len({*times}) < len(times):  # closer than a second
        return _numbers(name, values, unit=" ms")
    labels = ["any"]
    if times:
        between = [f"{start}-{end}" for start, end in pairwise(times)]
        labels = [f"before {times[0]}", *between, f"{times[-1]} or later"]
    return _uncounted(name, "quantile", labels=labels, edges=edges)


def _levels(field: CategoryField, values: Iterable[str | None]) -> FieldReference:
    levels = field.levels
    if len(levels) > LEVEL_BINS:
        raw_counts = Counter(value for value in values if value is not None)
        counts: Counter[str | None] = Counter()
        for raw, count in raw_counts.items():
            counts[normalise_level(raw)] += count
        levels = tuple(sorted(levels, key=lambda level: (-counts[level], level))[:LEVEL_BINS])
    return _uncounted(field.name, "level", labels=levels, levels=levels)


def _numbers(
    name: str,
    values: NDArray[np.floating],
    *,
    unit: str,
    leads: NDArray[np.int64] | None = None,
) -> FieldReference:
    is_known = ~np.isnan(values)
    known = np.asarray(values[is_known], dtype=np.float64)
    exact = frequent_values(known, None if leads is None else leads[is_known])
    edges = quantile_edges(known)
    whole = bool((known == np.floor(known)).all())
    labels = tuple(label + unit for label in _labels(edges, whole=whole))
    return _uncounted(name, "quantile", labels=labels, edges=edges, exact=exact)


def _uncounted(name: str, by: str, *, labels: Sequence[str], **parts: object) -> FieldReference:
    # A level may itself be called "other" or "missing".
    other = next(label for label in OTHER_LABELS if label not in labels)
    missing = next(label for label in MISSING_LABELS if label not in labels)
    labels = (*labels, other, missing)
    return FieldReference.model_validate(
        {"name": name, "by": by, "labels": labels, "counts": (0,) * len(labels), **parts}
    )


def quantile_edges(values: NDArray[np.float64], bins: int = QUANTILE_BINS) -> tuple[float, ...]:
    """Find edges that cut values into bins of about the same size, none of them empty.

    Every edge is one of the values. Quantiles that fall together give one edge, so there may be
    fewer bins; where nearly all values are the smallest one, it has a bin of its own.

    Parameters
    ----------
    values
        float64, shape (n,), none missing.
    bins
        How many bins to aim at.

    Returns
    -------
    tuple of float
        Strictly increasing, all above the smallest value; empty where there is only one value.
    """
    if not len(values):
        return ()
    ordered = np.sort(values)
    quantiles = np.quantile(ordered, np.arange(1, bins) / bins, method="inverted_cdf")
    above = ordered[np.searchsorted(ordered, ordered[0], side="right") :]
    edges = np.unique(quantiles[quantiles > ordered[0]])
    return tuple(edges.tolist()) or tuple(above[:1].tolist())


def frequent_values(
    values: NDArray[np.float64], leads: NDArray[np.int64] | None = None
) -> tuple[float, ...]:
    """Find the values that many leads share.

    Parameters
    ----------
    values
        float64, shape (n,), none missing.
    leads
        int64, shape (n,): rows with the same number are of one lead. None: each row is a lead.

    Returns
    -------
    tuple of float
        Ascending; 200 at most.
    """
    found, place, rows = np.unique(values, return_inverse=True, return_counts=True)
    counts = rows
    if leads is not None:
        pairs = np.unique(np.stack([place, leads]), axis=1)
        counts = np.bincount(pairs[0], minlength=len(found))
    is_frequent = (rows >= EXACT_SHARE * len(values)) & (counts >= EXACT_LEADS)
    return tuple(found[is_frequent].tolist())


def _labels(edges: Sequence[float], *, whole: bool) -> tuple[str, ...]:
    if not edges:
        return ("any",)
    names = _compact(edges)
    between = [
        _between(low, high, names[i], names[i + 1], whole=whole)
        for i, (low, high) in enumerate(pairwise(edges))
    ]
    return (f"under {names[0]}", *between, f"{names[-1]} or more")


def _between(low: float, high: float, low_name: str, high_name: str, *, whole: bool) -> str:
    if whole and abs(high) < WRITTEN_OUT:
        last = f"{high - 1:.0f}"
        if last == low_name:
            return low_name
        return f"{low_name} to {last}" if low < 0 else f"{low_name}-{last}"
    return f"{low_name} to {high_name}" if low < 0 else f"{low_name}-{high_name}"


def _compact(numbers: Sequence[float]) -> list[str]:
    """Write numbers as short as they stay distinct, from three significant digits on."""
    for digits in range(3, 18):
        names = [_short(number, digits) for number in numbers]
        if len(set(names)) == len(names):
            break
    return names


def _short(number: float, digits: int) -> str:
    for unit, size in (("bn", 1e9), ("M", 1e6), ("k", 1e3)):
        if abs(number) >= max(size, WRITTEN_OUT):
            return f"{number / size:.{digits}g}{unit}"
    whole_digits = len(str(int(abs(number))))
    return f"{number:.{max(digits, whole_digits)}g}"
