"""Outcomes of leads: a column of their own file, or a file of outcomes by the leads' ids."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from agents.comparison.outcomes import Outcomes
from features.table import Table
from model.training.labels import Labels, read_labels
from schemas.fields import FieldKind

__all__ = ["OutcomeColumn", "outcomes_by_id", "outcomes_by_row"]


@dataclass(frozen=True, slots=True)
class OutcomeColumn:
    """Where outcomes are, and which values are success.

    Attributes
    ----------
    target
        The column.
    positive, negative
        Values that are success and failure; see ``model.training.labels.read_labels``.
    """

    target: str
    positive: tuple[str, ...] = ()
    negative: tuple[str, ...] = ()

    def read(self, table: Table) -> Labels:
        """Read the labels of all rows.

        Raises
        ------
        InputError
            There is no such column, or it is unclear which of its values is success.
        """
        name = table.find(self.target, "--target")
        return read_labels(table, name, self.positive, self.negative)


def outcomes_by_row(table: Table, column: OutcomeColumn) -> Outcomes:
    """Read the outcome of each row of a table."""
    labels = column.read(table)
    return Outcomes(labels.known, labels.positive)


def outcomes_by_id(
    table: Table, column: OutcomeColumn, id_column: str, ids: Sequence[str]
) -> Outcomes:
    """Read the outcomes of leads by their ids.

    Parameters
    ----------
    table
        A row for each outcome; of a lead's rows, the last that is known counts.
    column
        Where the outcome is.
    id_column
        The column of the leads' ids.
    ids
        The leads.

    Raises
    ------
    InputError
        There is no such column, or it is unclear which of its values is success.
    """
    labels = column.read(table)
    name = table.find(id_column, "--id")
    names = table.columns_for({name: FieldKind.TEXT})[name]
    found = {
        str(lead_id): bool(positive)
        for lead_id, known, positive in zip(names, labels.known, labels.positive, strict=True)
        if known and lead_id is not None
    }
    return Outcomes(
        known=np.array([lead_id in found for lead_id in ids], dtype=bool),
        positive=np.array([found.get(lead_id, False) for lead_id in ids], dtype=bool),
    )
