"""The columns that the options of a training name, where a column gets the name of the creation."""

from __future__ import annotations

from features.spec import CREATED_AT
from features.table import Table
from model.training.options import TrainOptions
from schemas.errors import InputError

__all__ = ["NamedColumns"]


class NamedColumns:
    """Finds columns by their names in the file, whatever name the creation has then.

    Names are looked up in the table as it was read: where ``--time`` names a column and the file
    has a column ``created_at``, too, that name is the latter's.

    Parameters
    ----------
    table
        The table as it was read.
    options
        The options; ``--time`` names the column of the creation.

    Raises
    ------
    InputError
        There is no column of the creation's name.
    """

    def __init__(self, table: Table, options: TrainOptions) -> None:
        self._table = table
        self._time = table.find(options.time, "--time") if options.time else None

    def with_creation_named(self) -> Table:
        """Return the table with the column of ``--time`` under the name that leads have for it.

        Without the option, a column ``created_at`` has that name already.
        """
        return self._table.with_name(self._time, CREATED_AT) if self._time else self._table

    def find_if_used(self, column: str, option: str) -> str | None:
        """Return a column's field name; None where the column of ``--time`` takes its place.

        Raises
        ------
        InputError
            There is no such column.
        """
        name = self._table.find(column, option)
        if self._time is None or name not in (self._time, CREATED_AT):
            return name
        return CREATED_AT if name == self._time else None

    def find(self, column: str, option: str) -> str:
        """Return a column's field name.

        Raises
        ------
        InputError
            There is no such column, or the column of ``--time`` takes its place.
        """
        name = self.find_if_used(column, option)
        if name is None:
            original = self._table.originals[CREATED_AT]
            raise InputError(
                f"{option} {column!r}: the column is not read, as --time names another one as the "
                f"time of creation, which is {CREATED_AT} in leads. Rename {original!r} in the "
                "file, or leave one of the two options out."
            )
        return name
