"""Folds: parts of the leads with the same share of positives, a group of leads in one of them."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedKFold

__all__ = ["FOLDS", "folds", "has_folds", "ordered_folds", "split_latest"]

FOLDS = 5
"""Number of folds of cross-validation."""
LATEST_SHARE = 0.2
WEIGHTS = np.array([1.0, 1.0, 1e-3])
"""Weights of positives, negatives and all rows in the choice of a group's fold; rows break ties."""
PORTIONS = 10
"""In which a fold gets its share of groups that are alike, at least: the rest is dealt in smaller
and smaller ones."""


def folds(
    labels: NDArray[np.bool_], n: int, seed: int, groups: NDArray[np.int64] | None = None
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Split rows into ``n`` folds with the same share of positives, shuffled by ``seed``.

    Parameters
    ----------
    labels
        bool, shape (n_rows,).
    n
        Number of folds.
    seed
        Seed of the shuffle.
    groups
        Shape (n_rows,): rows with the same number come into the same fold. None: none do.

    Yields
    ------
    tuple of two ndarray
        Indices of the training rows and of the fold's own, of each fold that has rows: with few
        or large groups some may have none.
    """
    if groups is None or len(np.unique(groups)) == len(groups):
        splitter = StratifiedKFold(n, shuffle=True, random_state=seed)
        yield from splitter.split(np.zeros(len(labels)), labels)
        return
    fold_of_row = _dealt(labels, groups, n, seed)
    for fold in range(n):
        is_own = fold_of_row == fold
        if is_own.any():
            yield np.flatnonzero(~is_own), np.flatnonzero(is_own)


def has_folds(
    labels: NDArray[np.bool_], n: int, seed: int, groups: NDArray[np.int64] | None = None
) -> bool:
    """Return whether there are ``n`` folds, each with positives and negatives.

    Parameters
    ----------
    labels, n, seed, groups
        As of ``folds``.
    """
    if groups is None:
        return n <= int(labels.sum()) <= len(labels) - n
    own = [labels[rows] for _, rows in folds(labels, n, seed, groups)]
    return len(own) == n and all(0 < part.sum() < len(part) for part in own)


def split_latest(
    rows: int, groups: NDArray[np.int64] | None = None
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Split rows that are in the order of time into the first 80 % and the latest 20 %.

    Parameters
    ----------
    rows
        How many there are.
    groups
        Shape (rows,): rows with the same number belong together. None: none do.

    Returns
    -------
    tuple of two ndarray
        Indices of the earlier rows, and of those of the latest that belong to none of them.
    """
    split = int(rows * (1 - LATEST_SHARE))
    earlier, latest = np.arange(split), np.arange(split, rows)
    if groups is not None:
        latest = latest[~np.isin(groups[split:], groups[:split])]
    return earlier, latest


def ordered_folds(
    labels: NDArray[np.bool_], n: int, groups: NDArray[np.int64] | None = None
) -> Iterator[tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Split rows that are in the order of time: each fold follows all rows that it is judged by.

    The second half is cut into ``n`` parts; a model for one of them learns from all rows before it.

    Parameters
    ----------
    labels
        bool, shape (n_rows,).
    n
        Number of folds.
    groups
        Shape (n_rows,): rows of a fold that belong to an earlier row are left out. None: none do.

    Yields
    ------
    tuple of two ndarray
        Indices of the training rows and of the fold's own, of each fold where both have positives
        and negatives.
    """
    bounds = np.linspace(len(labels) / 2, len(labels), n + 1).astype(int).tolist()
    for start, end in pairwise(bounds):
        own = np.arange(start, end)
        if groups is not None:
            own = own[~np.isin(groups[start:end], groups[:start])]
        if all(0 < int(part.sum()) < len(part) for part in (labels[:start], labels[own])):
            yield np.arange(start), own


def _dealt(
    labels: NDArray[np.bool_], groups: NDArray[np.int64], n: int, seed: int
) -> NDArray[np.int64]:
    """Return the fold of each row: whole groups are dealt out, the largest ones first.

    A group goes to the fold where it adds least to the sum of the squared shares that the folds
    hold of the positives and of the negatives, and then of all rows: that sum is least where the
    folds are alike. Groups with as many positives and negatives are alike, and many are dealt out
    at a time.
    """
    random = np.random.default_rng(seed)
    _, group_of_row = np.unique(groups, return_inverse=True)
    sizes = np.bincount(group_of_row)
    positives = np.bincount(group_of_row[labels], minlength=len(sizes))
    counts = np.stack([positives, sizes - positives, sizes], axis=1)
    codes = sizes * (int(sizes.max()) + 1) + positives
    _, first, kind_of_group = np.unique(codes, return_index=True, return_inverse=True)
    shares = counts[first] / np.maximum(counts.sum(axis=0), 1)
    held = np.zeros((n, 3))
    fold_of_group = np.empty(len(sizes), dtype=np.int64)
    for kind in reversed(range(len(first))):
        alike = random.permutation(np.flatnonzero(kind_of_group == kind))
        while len(alike):
            some = max(1, len(alike) // (n * PORTIONS))
            fold = (held @ (WEIGHTS * shares[kind])).argmin()
            fold_of_group[alike[:some]] = fold
            held[fold] += some * shares[kind]
            alike = alike[some:]
    fold_of_row: NDArray[np.int64] = fold_of_group[group_of_row]
    return fold_of_row
