"""Names of columns that a file repeats, exactly or in another form."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable

from schemas.errors import InputError
from schemas.field_names import folded_name

__all__ = ["alike", "check_repeated"]


def check_repeated(columns: Iterable[str], name: str) -> None:
    """Refuse a file with two columns of the same name.

    Parameters
    ----------
    columns
        The names.
    name
        What to call the file in messages.

    Raises
    ------
    InputError
        A name is repeated.
    """
    repeated = [column for column, times in Counter(columns).items() if times > 1]
    if repeated:
        raise InputError(
            f"{name} has more than one column {repeated[0]!r}. Give each column a name of its own."
        )


def alike(columns: Iterable[str]) -> list[list[str]]:
    """Return the groups of names that differ in case, spaces or punctuation only.

    Examples
    --------
    >>> alike(["id", "Lead Source", "won", "lead_source", "+", "-"])
    [['Lead Source', 'lead_source']]
    """
    groups: dict[str, list[str]] = {}
    for column in columns:
        groups.setdefault(folded_name(column), []).append(column)
    return [group for form, group in groups.items() if form and len(group) > 1]
