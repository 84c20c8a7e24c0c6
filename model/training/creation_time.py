"""A hint to name the column of the leads' creation, where none was named."""

from __future__ import annotations

from shlex import quote

import numpy as np
from numpy.typing import NDArray

from features.infer import Inferred, name_words
from features.spec import CREATED_AT
from features.table import Table
from schemas.fields import FieldKind

__all__ = ["creation_hint"]

NAMED = frozenset({"created", "creation", "createdate", "inserted", "submitted", "registered"})
LATER = frozenset(
    {
        *("last", "latest", "updated", "modified", "changed", "next", "due", "expected", "until"),
        *("closed", "close", "won", "lost", "converted", "end", "ended", "finished", "paid"),
        *("birth", "birthday", "born", "dob"),
    }
)
"""Words in the name of a time that is not the creation."""
LEAST_TIMES = 20
"""Of different times: fewer are in order by chance, or are a batch's."""


def creation_hint(table: Table, inferred: Inferred) -> tuple[str, ...]:
    """Return at most one sentence: which column looks like the time of creation.

    It has a date in every row, and its name says so or the rows are in its order. ``created_at``
    comes first: events have the time of creation under this name.

    Parameters
    ----------
    table
        The training data, in the file's order.
    inferred
        What its columns are, the time of creation among them.
    """
    dates = [
        name
        for name, kind in inferred.kinds.items()
        if kind is FieldKind.DATE and not name_words(table.originals[name]) & LATER
    ]
    kinds = dict.fromkeys(dates, FieldKind.DATE)
    columns = table.columns_for(kinds, inferred.readings, inferred.forced)
    times = {name: np.asarray(columns[name], dtype=np.float64) for name in dates}
    complete = [name for name in dates if not np.isnan(times[name]).any()]
    complete.sort(key=lambda name: name != CREATED_AT)
    for name in complete:
        if name_words(table.originals[name]) & NAMED:
            return (_sentence(table.originals[name], "every row has one, and its name says so"),)
    for name in complete:
        if _is_in_order(times[name]):
            return (_sentence(table.originals[name], "every row has one, and they are in order"),)
    return ()


def _is_in_order(times: NDArray[np.float64]) -> bool:
    steps = np.diff(times)
    is_monotone = bool((steps >= 0).all() or (steps <= 0).all())
    return is_monotone and int((steps != 0).sum()) >= LEAST_TIMES - 1


def _sentence(column: str, why: str) -> str:
    return (
        f"{column} looks like the time of creation ({why}): with --time {quote(column)} the report "
        "also measures the latest 20 % of the leads, which is what a model meets in service."
    )
