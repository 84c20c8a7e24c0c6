"""The time of a lead's creation in training data: what ages count from, and a date of its own."""

from __future__ import annotations

from features.infer import Inferred
from features.spec import CREATED_AT, DatePart
from features.table import Table
from model.training.date_parts import differ_in_days
from model.training.specify import Leads

__all__ = ["SAME_DATES", "dates_without_parts", "no_ages_warning"]

SAME_DATES = "nothing of its dates differs: no hour, weekday, month or age"
"""Why a date is not used."""


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
