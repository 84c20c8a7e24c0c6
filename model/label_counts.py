"""Counts of training rows by label: kept in the model, shown by `train`."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, NonNegativeInt

__all__ = ["LabelCounts"]


class LabelCounts(BaseModel):
    """Numbers of rows by the target's value, and of rows that were left out.

    Parameters
    ----------
    success, failure
        Number of training leads by the target's value, as written in the file. Values that no
        option names and that fewer than five leads have, or that look like an address, share one
        entry, such as ``(12 others)``; so do the rarest of more than 50.
    ignored
        The same for rows left out because their value is neither.
    missing
        Number of rows left out because their target has no value.
    immature
        Number of rows left out because the lead is too young for its outcome to be known.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    success: dict[str, NonNegativeInt]
    failure: dict[str, NonNegativeInt]
    ignored: dict[str, NonNegativeInt] = {}
    missing: NonNegativeInt = 0
    immature: NonNegativeInt = 0
