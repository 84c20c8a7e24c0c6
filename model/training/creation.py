"""The time of a lead's creation in training data: what ages count from, and a date of its own."""

from __future__ import annotations

from features.spec import CREATED_AT, DatePart
from features.table import Table
from model.training.options import TrainOptions
from model.training.specify import Leads

__all__ = ["SAME_DATES", "dates_without_parts", "no_ages_warning", "with_creation_named"]

SAME_DATES = "nothing of its dates differs: no hour, weekday, month or age"
"""Why a date is not used."""


def with_creation_named(table: Table, options: TrainOptions) -> Table:
    """Return the table with the column of ``--time`` under the name that leads have for it.

    Without the option, a column ``created_at`` has that name already.

    Raises
    ------
    InputError
        There is no such column.
    """
    if not options.time:
        return table
    return table.with_name(table.find(options.time, "--time"), CREATED_AT)


def dates_without_parts(leads: Leads) -> list[str]:
    """Return the dates that give the model nothing, not even what ages are counted from."""
    has_ages = any(DatePart.AGE in found.parts for found in leads.dates.values())
    return [
        name
        for name, found in leads.dates.items()
        if not found.parts and not (name == CREATED_AT and has_ages)
    ]


def no_ages_warning(table: Table, leads: Leads) -> list[str]:
    """Return a sentence where there are dates, but no column of the creation."""
    if not leads.dates or CREATED_AT in table.names:
        return []
    names = ", ".join(table.originals[name] for name in leads.dates)
    return [
        f"How old the dates of {names} were when a lead was created is not learnt: name the column "
        "of the creation with --time."
    ]
