"""Rows that depend on each other: those of one lead, and copies of a row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from features.levels import known_level
from model.group_counts import GroupCounts
from model.training.copies import AlikeRows, find_alike
from model.training.folds import FOLDS, has_folds
from model.training.specify import Leads
from schemas.errors import InputError

__all__ = ["GroupColumn", "Groups", "find_groups", "number_of_groups", "numbers_by_columns"]

LEAST_BY_COPIES = 2 * FOLDS
"""Groups with a positive, and with a negative, that putting copies together must leave."""

Numbers = NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class GroupColumn:
    """A column whose values put rows together.

    Attributes
    ----------
    name
        Its name in the file.
    cells
        A cell for each row; None and words that mean missing put nothing together.
    """

    name: str
    cells: Sequence[str | None]


@dataclass(frozen=True, slots=True)
class Groups:
    """Which rows belong together.

    Attributes
    ----------
    numbers
        int64, shape (n,), from 0 on: rows with the same number belong together. None: no rows do.
    counts
        How many there are; copies count as one group in folds that part them, too.
    warnings
        Sentences.
    """

    numbers: Numbers | None
    counts: GroupCounts
    warnings: tuple[str, ...]


def find_groups(
    leads: Leads,
    columns: Sequence[GroupColumn],
    seed: int,
    *,
    apart: Collection[str] = (),
    missing: Collection[str] = (),
) -> Groups:
    """Find rows that belong together, which folds must not part.

    Trees that were trained on a row of a lead know the outcome of its other rows: figures of such
    a model are too good. Rows belong together that share a value of any of the columns, and those
    that are copies of a row (``model.training.copies``), also by way of others.

    Parameters
    ----------
    leads
        The labelled leads.
    columns
        The columns of the groups.
    seed
        Seed of the folds.
    apart
        Fields in which copies may differ: the time.
    missing
        Words that mean missing, case-folded, besides the usual ones.

    Raises
    ------
    InputError
        Five folds with both outcomes can't be made of the columns' groups.
    """
    names = tuple(column.name for column in columns)
    by_columns = numbers_by_columns(columns, missing)
    if by_columns is not None:
        _require_folds(leads.labels, by_columns, names, seed)
    alike = find_alike(leads, apart)
    together = None
    if alike.are_copies:
        together = _joined([*([] if by_columns is None else [by_columns]), _by_copies(alike)])
    is_together = together is not None and _leaves_enough(leads.labels, together, seed)
    numbers = together if is_together else by_columns
    independent = by_columns if together is None else together
    counts = _counted(leads.labels, independent, names, by_columns, alike, is_together)
    return Groups(numbers, counts, tuple(_warnings(counts, len(leads))))


def number_of_groups(labels: NDArray[np.bool_], numbers: Numbers) -> tuple[int, int]:
    """Return the number of groups with a positive and of those with a negative."""
    return len(np.unique(numbers[labels])), len(np.unique(numbers[~labels]))


def numbers_by_columns(columns: Sequence[GroupColumn], missing: Collection[str]) -> Numbers | None:
    """Return a number for each set of rows that share a value of any column, also through others.

    Parameters
    ----------
    columns
        Each with a cell for each of n rows.
    missing
        Words that mean missing, case-folded, besides the usual ones.

    Returns
    -------
    ndarray of int64, shape (n,), or None
        None where no row shares a value with another.
    """
    return _joined([_by_value(column.cells, missing) for column in columns])


def _by_value(cells: Sequence[str | None], missing: Collection[str]) -> Numbers:
    """Return a number for each value; a row without one has a number of its own."""
    known: dict[str, int] = {}
    is_known = {cell: known_level(cell, missing) is not None for cell in {*cells}}
    numbers = [
        known.setdefault(cell.strip(), len(known)) if cell is not None and is_known[cell] else ~row
        for row, cell in enumerate(cells)
    ]
    return np.array(numbers, dtype=np.int64)


def _by_copies(alike: AlikeRows) -> Numbers:
    alone = ~np.arange(len(alike.sets))
    return np.where(alike.is_repeated, alike.sets, alone)


def _joined(keys: Sequence[Numbers]) -> Numbers | None:
    """Return a number for each set of rows that share a number of any key, also through others.

    Parameters
    ----------
    keys
        int64, shape (n,) each.

    Returns
    -------
    ndarray of int64, shape (n,), or None
        None where no row shares a number with another.
    """
    keys = [key for key in keys if len(np.unique(key)) < len(key)]
    if not keys:
        return None
    rows = len(keys[0])
    nodes, end = [], rows
    for key in keys:
        values, code = np.unique(key, return_inverse=True)
        nodes.append(code + end)
        end += len(values)
    edges = (np.tile(np.arange(rows), len(keys)), np.concatenate(nodes))
    graph = coo_matrix((np.ones(len(edges[0])), edges), shape=(end, end))
    numbers: Numbers = connected_components(graph, directed=False)[1][:rows].astype(np.int64)
    return numbers


def _leaves_enough(labels: NDArray[np.bool_], numbers: Numbers, seed: int) -> bool:
    few = min(number_of_groups(labels, numbers)) < LEAST_BY_COPIES
    return not few and has_folds(labels, FOLDS, seed, numbers)


def _require_folds(
    labels: NDArray[np.bool_], numbers: Numbers, columns: Sequence[str], seed: int
) -> None:
    if has_folds(labels, FOLDS, seed, numbers):
        return
    positive, negative = number_of_groups(labels, numbers)
    largest = int(np.bincount(numbers).max())
    raise InputError(
        f"rows with the same {' or '.join(columns)} stay together, and five folds with both "
        f"outcomes can't be made of them: the {int(numbers.max()) + 1:,} groups ({positive:,} with "
        f"a success, {negative:,} with a failure; the largest has {largest / len(labels):.0%} of "
        "the rows) are too few or too unequal. Name a column with more and smaller groups: "
        "--group COLUMN for customers, say, --id COLUMN for leads."
    )


def _counted(
    labels: NDArray[np.bool_],
    numbers: Numbers | None,
    columns: tuple[str, ...],
    by_columns: Numbers | None,
    alike: AlikeRows,
    is_together: bool,
) -> GroupCounts:
    rows = np.arange(len(labels)) if numbers is None else numbers
    positive, negative = number_of_groups(labels, rows)
    sizes = np.zeros(0, dtype=np.intp) if by_columns is None else np.bincount(by_columns)
    repeated = sizes[sizes > 1]
    return GroupCounts(
        columns=columns,
        groups=len(np.unique(rows)),
        positive=positive,
        negative=negative,
        largest=int(np.bincount(rows).max()),
        repeated=int(repeated.sum()),
        repeated_groups=len(repeated),
        identical=alike.rows,
        identical_sets=alike.distinct,
        identical_together=is_together,
        identical_parted=alike.are_copies and not is_together,
    )


def _warnings(counts: GroupCounts, rows: int) -> Iterable[str]:
    if counts.repeated:
        yield (
            f"{counts.repeated:,} rows share their {counts.shared} with another row "
            f"({counts.repeated_groups:,} groups): rows that share one are kept in one fold, so "
            "that no lead is scored by a model that knows its outcome."
        )
    if counts.identical_together:
        yield (
            f"{_identical(counts)}: they are kept in one fold, so that no lead is scored by a "
            "model that knows its outcome. Copies make a file look larger than it is: leave them "
            "out if they are no leads of their own."
        )
    if counts.identical_parted:
        yield (
            f"{_identical(counts)}: they are copies of too few leads to keep each in one fold, so "
            "all figures of this model are too good, and nothing shows that it is better than the "
            "base rate. Leave the copies out, and add leads."
        )
    if counts.largest > rows / FOLDS:
        yield (
            f"The largest group has {counts.largest / rows:.0%} of the rows, more than a fold "
            f"should have ({1 / FOLDS:.0%}), so the figures are rough. Name a column with smaller "
            "groups: --group COLUMN, or --id COLUMN for leads."
        )


def _identical(counts: GroupCounts) -> str:
    return (
        f"{counts.identical:,} rows are identical to another one in all fields, the time apart, "
        f"and the outcome ({counts.identical_sets:,} different rows)"
    )
