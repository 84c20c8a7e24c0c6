"""Which rows of the training data belong together: kept in the model, shown by `train`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, NonNegativeInt

__all__ = ["GroupCounts"]


class GroupCounts(BaseModel):
    """How many leads of the training data are independent of each other.

    Parameters
    ----------
    column
        The column whose values put rows together, by its name in the file: that of ``--group``,
        else the lead's id; None where there is neither.
    groups
        Number of groups of rows that belong together, copies that folds part among them; that of
        the rows where all are on their own.
    positive, negative
        Number of groups with a positive, and of those with a negative.
    largest
        Number of rows of the largest group.
    repeated, repeated_values
        Number of rows that share their value of the column with another row, and of such values.
    identical, identical_sets
        Number of rows that are like another one in every field and in the outcome, and of sets of
        such rows.
    identical_together
        Whether folds keep identical rows together.
    identical_parted
        Whether identical rows are copies of too few leads for folds to keep them together: figures
        of the model are then too good. Where neither holds, they are different leads.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str | None = None
    groups: NonNegativeInt
    positive: NonNegativeInt
    negative: NonNegativeInt
    largest: NonNegativeInt
    repeated: NonNegativeInt = 0
    repeated_values: NonNegativeInt = 0
    identical: NonNegativeInt = 0
    identical_sets: NonNegativeInt = 0
    identical_together: bool = False
    identical_parted: bool = False
