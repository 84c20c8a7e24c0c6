"""Rows that depend on each other: those of one lead, and copies of a row."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from features.spec import MISSING_WORDS, normalise_level
from model.group_counts import GroupCounts
from model.training.copies import AlikeRows, find_alike
from model.training.folds import FOLDS, has_folds
from model.training.specify import Leads
from schemas.errors import InputError

__all__ = ["GroupColumn", "Groups", "find_groups", "number_of_groups", "numbers_by_value"]

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
    column: GroupColumn | None,
    seed: int,
    *,
    apart: Collection[str] = (),
    missing: Collection[str] = (),
) -> Groups:
    """Find rows that belong together, which folds must not part.

    Trees that were trained on a row of a lead know the outcome of its other rows: figures of such
    a model are too good. Rows belong together that share a value of the column, and those that are
    copies of a row (``model.training.copies``), also by way of others.

    Parameters
    ----------
    leads
        The labelled leads.
    column
        The column of the groups; None where there is none.
    seed
        Of the folds.
    apart
        Fields in which copies may differ: the time.
    missing
        Words that mean missing, case-folded, besides the usual ones.

    Raises
    ------
    InputError
        Five folds with both outcomes can't be made of the column's groups.
    """
    by_column = [] if column is None else [numbers_by_value(column.cells, missing)]
    numbers = _joined(by_column)
    if column is not None and numbers is not None:
        _require_folds(leads.labels, numbers, column.name, seed)
    alike = find_alike(leads, apart)
    together = _joined([*by_column, _by_copies(alike)]) if alike.are_copies else None
    is_together = together is not None and _leaves_enough(leads.labels, together, seed)
    if is_together:
        numbers = together
    independent = numbers if together is None else together
    counts = _counted(leads.labels, independent, column, by_column, alike, is_together)
    return Groups(numbers, counts, tuple(_warnings(counts, len(leads))))


def number_of_groups(labels: NDArray[np.bool_], numbers: Numbers) -> tuple[int, int]:
    """Return the number of groups with a positive and of those with a negative."""
    return len(np.unique(numbers[labels])), len(np.unique(numbers[~labels]))


def numbers_by_value(cells: Sequence[str | None], missing: Collection[str]) -> Numbers:
    """Return a number for each value; a row without one has a number of its own.

    Parameters
    ----------
    cells
        A cell for each row, length n.
    missing
        Words that mean missing, case-folded, besides the usual ones.

    Returns
    -------
    ndarray of int64, shape (n,)
    """
    words = {*MISSING_WORDS, *missing}
    known: dict[str, int] = {}
    numbers = []
    for row, cell in enumerate(cells):
        level = None if cell is None else normalise_level(cell)
        value = None if cell is None or level is None or level in words else cell.strip()
        numbers.append(-1 - row if value is None else known.setdefault(value, len(known)))
    return np.array(numbers, dtype=np.int64)


def _by_copies(alike: AlikeRows) -> Numbers:
    alone = -1 - np.arange(len(alike.sets))
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


def _require_folds(labels: NDArray[np.bool_], numbers: Numbers, column: str, seed: int) -> None:
    if has_folds(labels, FOLDS, seed, numbers):
        return
    positive, negative = number_of_groups(labels, numbers)
    largest = int(np.bincount(numbers).max())
    raise InputError(
        f"rows with the same {column} stay together, and five folds with both outcomes can't be "
        f"made of them: its {int(numbers.max()) + 1:,} groups ({positive:,} with a success, "
        f"{negative:,} with a failure; the largest has {largest / len(labels):.0%} of the rows) "
        "are too few or too unequal. Name a column with more and smaller groups: --group COLUMN."
    )


def _counted(
    labels: NDArray[np.bool_],
    numbers: Numbers | None,
    column: GroupColumn | None,
    by_column: Sequence[Numbers],
    alike: AlikeRows,
    is_together: bool,
) -> GroupCounts:
    rows = np.arange(len(labels)) if numbers is None else numbers
    positive, negative = number_of_groups(labels, rows)
    sizes = [np.unique(key, return_counts=True)[1] for key in by_column]
    repeated = [rows for rows in np.concatenate([[0], *sizes]).tolist() if rows > 1]
    return GroupCounts(
        column=None if column is None else column.name,
        groups=len(np.unique(rows)),
        positive=positive,
        negative=negative,
        largest=int(np.bincount(rows).max()),
        repeated=sum(repeated),
        repeated_values=len(repeated),
        identical=alike.rows,
        identical_sets=alike.distinct,
        identical_together=is_together,
        identical_parted=alike.are_copies and not is_together,
    )


def _warnings(counts: GroupCounts, rows: int) -> Iterable[str]:
    if counts.repeated:
        yield (
            f"{counts.repeated:,} rows share their {counts.column} with another row "
            f"({counts.repeated_values:,} different values): rows with the same one are kept in "
            "one fold, so that no lead is scored by a model that knows its outcome."
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
            "all figures of this model are too good, and so is the verdict. Leave the copies out, "
            "and add leads."
        )
    if counts.largest > rows / FOLDS:
        yield (
            f"The largest group has {counts.largest / rows:.0%} of the rows, more than a fold "
            f"should have ({1 / FOLDS:.0%}), so the figures are rough. Name a column with smaller "
            "groups: --group COLUMN."
        )


def _identical(counts: GroupCounts) -> str:
    return (
        f"{counts.identical:,} rows are identical to another one in all fields, the time apart, "
        f"and the outcome ({counts.identical_sets:,} different rows)"
    )
