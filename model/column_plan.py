"""The decision about a column of the training data: kept in the model, shown by `train`."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field

from schemas.fields import FieldKind

__all__ = ["ColumnPlan"]

Share = Annotated[float, Field(ge=0, le=1)]


class ColumnPlan(BaseModel):
    """The decision about one column.

    Parameters
    ----------
    column
        Its name in the file.
    field
        The model's field; None where the column is not used.
    kind
        What the field is; None where the column is not used.
    unused
        Why the column is not used; None where it is.
    levels
        Number of different levels of a category.
    withheld
        Number of levels that the model does not keep: of few leads, or seemingly personal.
    examples
        The most frequent levels that are kept, in descending order.
    low, high
        The smallest and the largest value of a number, of a date in milliseconds since 1970, or of
        the length of a text in characters.
    is_clock
        Whether a number is a time of day, in milliseconds since midnight.
    missing
        Share of the rows without a value.
    misfits
        Share of the values that can't be read as the field's kind: they count as missing.
    words
        Words that were read as missing, with their numbers.
    importance
        The field's share of all mean absolute contributions; None before training.
    warnings
        Unexpected decisions, each with the option that changes it.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    column: str
    field: str | None = None
    kind: FieldKind | None = None
    unused: str | None = None
    levels: int | None = None
    withheld: int = 0
    examples: tuple[str, ...] = ()
    low: float | None = None
    high: float | None = None
    is_clock: bool = False
    missing: Share = 0.0
    misfits: Share = 0.0
    words: dict[str, int] = {}
    importance: Share | None = None
    warnings: tuple[str, ...] = ()
