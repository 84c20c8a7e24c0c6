"""The target column: which leads are positives."""

from __future__ import annotations

import unicodedata
from collections import Counter

import numpy as np
from numpy.typing import NDArray

from features.table import Table
from schemas.errors import InputError

__all__ = ["Labels", "read_labels"]

POSITIVE_WORDS = frozenset(
    {"1", "true", "t", "yes", "y", "won", "win", "converted", "engaged", "positive", "success"}
)
SHOWN = 8


class Labels:
    """What the target says of each lead.

    Attributes
    ----------
    known
        bool, shape (n,): whether it says anything.
    positive
        bool, shape (n,): whether the lead is a positive.
    value
        The target's value that counts as positive, as it is in the file.
    """

    def __init__(self, cells: list[str | None], value: str) -> None:
        self.known: NDArray[np.bool_] = np.array([cell is not None for cell in cells])
        same = _folded(value)
        self.positive: NDArray[np.bool_] = np.array(
            [cell is not None and _folded(cell) == same for cell in cells]
        )
        self.value = value


def read_labels(table: Table, target: str, positive: str | None) -> Labels:
    """Read the target.

    Parameters
    ----------
    table
        The training data.
    target
        The target's field name.
    positive
        The value that counts as positive, every other being negative; None where there are two
        values of which one says yes (1, true, yes, won, converted …).

    Raises
    ------
    InputError
        There are not two values, or it can't be told which is the positive one.
    """
    cells = table.columns[target].strings()
    counts = Counter(cell for cell in cells if cell is not None)
    found = Counter[str]()
    spelling: dict[str, str] = {}
    for cell, count in counts.items():
        found[_folded(cell)] += count
        spelling.setdefault(_folded(cell), cell.strip())
    column = f"{table.source}: the target {table.originals[target]!r}"
    values = _listed(found, spelling)
    if len(found) < 2:
        raise InputError(
            f"{column} has {'one value only' if found else 'no value'}{values}. A model learns "
            "from leads of both kinds: name another target, or add the other kind of leads."
        )
    if positive is not None:
        if _folded(positive) not in found:
            raise InputError(
                f"{column} has no value {positive!r}, its values are{values}. Name one of them "
                "with --positive."
            )
        return Labels(cells, spelling[_folded(positive)])
    if len(found) > 2:
        raise InputError(
            f"{column} should have two values, it has {len(found):,}{values}. Name the one that "
            "counts as success with --positive VALUE (the others count as failure), or name "
            "another target."
        )
    yes = [value for value in found if value in POSITIVE_WORDS]
    if len(yes) != 1:
        raise InputError(
            f"{column} has two values{values}, and it can't be told which one is success. Name it "
            "with --positive VALUE."
        )
    return Labels(cells, spelling[yes[0]])


def _folded(value: str) -> str:
    return unicodedata.normalize("NFC", value.strip().casefold())


def _listed(found: Counter[str], spelling: dict[str, str]) -> str:
    if not found:
        return ""
    most = found.most_common(SHOWN)
    listed = ", ".join(f"{spelling[value]!r} ({count:,})" for value, count in most)
    return f": {listed}{', …' if len(found) > SHOWN else ''}"
