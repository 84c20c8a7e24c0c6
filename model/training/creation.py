"""The time of a lead's creation in training data: what ages count from, and a date of its own."""

from __future__ import annotations

from shlex import quote

import numpy as np
from numpy.typing import NDArray

from features.column_name import name_words
from features.field_spec import DatePart
from features.infer import Inferred
from features.spec import CREATED_AT
from features.table import Table
from model.training.date_parts import differ_in_days
from model.training.specify import Leads
from schemas.fields import FieldKind

__all__ = [
    "SAME_DATES",
    "creation_hint",
    "creation_times",
    "dates_without_parts",
    "no_ages_warning",
]

SAME_DATES = "nothing of its dates differs: no hour, weekday, month or age"
"""Why a date is not used."""
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
"""Minimum number of different times: fewer are in order by chance, or are a batch's."""


def creation_times(table: Table) -> NDArray[np.float64]:
    """Return when the leads were created, in ms since 1970, float64, shape (n,); NaN is missing.

    Parameters
    ----------
    table
        Has a column of the field ``created_at``, whose reading is settled.

    Raises
    ------
    InputError
        A cell is no time.
    """
    return np.asarray(table.columns_for({CREATED_AT: FieldKind.DATE})[CREATED_AT], np.float64)


def dates_without_parts(leads: Leads) -> list[str]:
    """Return the dates that give the model nothing, not even what ages are counted from."""
    has_ages = any(DatePart.AGE in found.parts for found in leads.dates.values())
    return [
        name
        for name, found in leads.dates.items()
        if not found.parts and not (name == CREATED_AT and has_ages)
    ]


def no_ages_warning(table: Table, leads: Leads, inferred: Inferred) -> list[str]:
    """Return a sentence where there are dates, but no creation from which ages can be counted.

    Parameters
    ----------
    table
        The training data.
    leads
        The same, by column, with every date that was found.
    inferred
        What the columns are, and why the time of creation is dropped where it is.
    """
    names = ", ".join(table.originals[name] for name in leads.dates if name != CREATED_AT)
    if not names:
        return []
    not_learnt = f"How old the dates of {names} were when a lead was created is not learnt"
    if CREATED_AT not in table.names:
        return [f"{not_learnt}: name the column of the creation with --time."]
    created = table.originals[CREATED_AT]
    if CREATED_AT not in leads.kinds:
        why = inferred.dropped[created]
    elif not differ_in_days(leads.columns[CREATED_AT]):
        why = "almost all of its times are of one day"
    else:
        return []
    return [
        f"{not_learnt}: {created} can't be what ages are counted from ({why}). Correct it, or name "
        "another column of the creation with --time."
    ]


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
