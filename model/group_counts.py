"""Which rows of the training data belong together: kept in the model, shown by `train`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, NonNegativeInt

__all__ = ["GroupCounts"]


class GroupCounts(BaseModel):
    """How many leads of the training data are independent of each other.

    Parameters
    ----------
    columns
        The columns whose values put rows together, by their names in the file: that of ``--group``
        and the lead's id, where there are any.
    groups
        Number of groups of rows that belong together, copies that folds part among them; that of
        the rows where all are on their own.
    positive, negative
        Number of groups with a positive, and of those with a negative.
    largest
        Number of rows of the largest group.
    repeated, repeated_groups
        Number of rows that share a value of one of the columns with another row, and number of
        groups that these are.
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

    columns: tuple[str, ...] = ()
    groups: NonNegativeInt
    positive: NonNegativeInt
    negative: NonNegativeInt
    largest: NonNegativeInt
    repeated: NonNegativeInt = 0
    repeated_groups: NonNegativeInt = 0
    identical: NonNegativeInt = 0
    identical_sets: NonNegativeInt = 0
    identical_together: bool = False
    identical_parted: bool = False

    @property
    def shared(self) -> str:
        """The columns' names, as part of a sentence."""
        return " or ".join(self.columns)
