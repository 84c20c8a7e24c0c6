"""Reference bins: how the training data are distributed, field by field, and the score.

Drift is measured against them, and people read them: the bin of a value is what a reason shows.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property
from typing import Annotated, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field, model_validator

from features.coverage import TypicalLead
from features.field_spec import Aspect

__all__ = ["HOURS", "WEEKDAYS", "AspectReference", "Bins", "FieldReference", "Reference"]

Edge = Annotated[float, Field(allow_inf_nan=False)]
Count = Annotated[int, Field(ge=0, lt=2**53)]
"""Largest count that float64 holds exactly."""

WEEKDAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
HOURS = tuple(f"{hour} h" for hour in range(24))


class Bins(BaseModel):
    """A finite set of bins, and how many training values fell into each.

    Codes 0 … b-1 are the bins, b is "other" (a level that has no bin of its own) and b+1 is
    "missing".
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    by: Literal["quantile", "level", "weekday", "hour", "keyword"]
    """``quantile``: a number's (a text's length's) between ``edges``; ``level``: a category's;
    ``keyword``: the last of ``levels`` that is in a text, the rarest one; none has the last bin."""
    edges: tuple[Edge, ...] = ()
    """By quantile: bin i holds edges[i-1] <= value < edges[i]; the outer bins are open."""
    levels: tuple[str, ...] = ()
    """By level: the levels that have a bin, in the order of the codes; by keyword: the keywords."""
    labels: tuple[str, ...]
    """By code, what to call it for people; the last two are other and missing."""
    counts: tuple[Count, ...]
    """By code, how many training values it had."""

    @property
    def size(self) -> int:
        """Number of bins, without other and missing."""
        match self.by:
            case "quantile":
                return len(self.edges) + 1
            case "level":
                return len(self.levels)
            case "keyword":
                return len(self.levels) + 1
            case "hour":
                return len(HOURS)
            case _:
                return len(WEEKDAYS)

    @property
    def other(self) -> int:
        """Code of what has no bin of its own."""
        return self.size

    @property
    def missing(self) -> int:
        """Code of a missing value."""
        return self.size + 1

    @property
    def codes(self) -> int:
        """Number of codes: the bins, other, missing."""
        return self.size + 2

    @property
    def search_edges(self) -> NDArray[np.float64]:
        """Return the edges for ``searchsorted(values, side="right")`` to give the codes.

        NaN sorts after everything: two of them at the end give a missing value the code b+1.
        """
        return np.array([*self.edges, np.nan, np.nan], dtype=np.float64)

    def codes_of(self, values: NDArray[np.floating]) -> NDArray[np.intp]:
        """Find the codes of numbers, for bins by quantile.

        Parameters
        ----------
        values
            Floats, shape (n,); NaN is missing.

        Returns
        -------
        ndarray of intp, shape (n,)
        """
        return self.search_edges.searchsorted(values, side="right")

    @model_validator(mode="after")
    def _consistent(self) -> Bins:
        if any(b <= a for a, b in zip(self.edges, self.edges[1:], strict=False)):
            raise ValueError("the edges of the bins do not increase strictly")
        if len(set(self.levels)) != len(self.levels):
            raise ValueError("the levels of the bins repeat")
        if self.codes > np.iinfo(np.int16).max:
            raise ValueError(f"{self.size} bins are more than 16 bits can number")
        if len(self.labels) != self.codes or len(self.counts) != self.codes:
            raise ValueError(
                f"{self.codes} codes, but {len(self.labels)} labels and {len(self.counts)} counts"
            )
        return self


class FieldReference(Bins):
    """The bins of one field of the spec."""

    name: str
    exact: tuple[Edge, ...] = ()
    """By quantile: values that many training leads have, ascending. A reason says such a value
    itself, as its range would mislead: 0 is not just "under 3.06"."""


class AspectReference(FieldReference):
    """The bins of a further aspect of a field, such as the hour of a date.

    Its name is that of the field and the aspect, ``opened:hour``: no field's name has a colon.
    """

    field: str
    aspect: Aspect

    @model_validator(mode="after")
    def _named(self) -> AspectReference:
        if self.name != f"{self.field}:{self.aspect}":
            raise ValueError(f"the bins of {self.field}:{self.aspect} are named {self.name!r}")
        return self


class Reference(BaseModel):
    """The bins of each field of a spec, in its order, of further aspects, and of the score."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    fields: tuple[FieldReference, ...] = Field(min_length=1)
    aspects: tuple[AspectReference, ...] = ()
    """Aspects that drift counts besides the fields; none in models of format 1."""
    score: Bins
    """Bins of the calibrated scores of training rows, each by a model that has not seen it."""
    typical: TypicalLead | None = None
    """The fields of a typical training lead; coverage is relative to it. None, in models
    that do not have it: all fields."""

    @property
    def missing_codes(self) -> NDArray[np.int16]:
        """Each field's code of a missing value: int16, shape (fields,)."""
        return np.array([field.missing for field in self.fields], dtype=np.int16)

    @property
    def typical_fields(self) -> int:
        """Number of fields that coverage is relative to."""
        return len(self.fields) if self.typical is None else self.typical.fields

    @cached_property
    def _by_name(self) -> dict[str, FieldReference]:
        return {field.name: field for field in self.fields}

    def field(self, name: str) -> FieldReference:
        """Return a field's bins by its name; KeyError where there is no such field."""
        return self._by_name[name]

    def with_names(self, names: Sequence[str]) -> Reference:
        """Return the bins with other names for their fields, and for aspects of these.

        Parameters
        ----------
        names
            Names of the fields, in their order. A colon in one becomes a space.
        """
        plain = [name.replace(":", " ") for name in names]
        shown = {field.name: name for field, name in zip(self.fields, plain, strict=True)}
        fields = (field.model_copy(update={"name": shown[field.name]}) for field in self.fields)
        aspects = (
            bins.model_copy(
                update={"field": shown[bins.field], "name": f"{shown[bins.field]}:{bins.aspect}"}
            )
            for bins in self.aspects
        )
        # Not a copy of the model: that would keep what is cached by the old names.
        return Reference(**{**dict(self), "fields": tuple(fields), "aspects": tuple(aspects)})

    def labels(self, name: str) -> tuple[str, ...]:
        """Return a field's labels for people, by code; KeyError where there is no such field."""
        return self._by_name[name].labels

    @property
    def counted(self) -> tuple[FieldReference, ...]:
        """Bins that drift counts besides the score: of the fields, then of further aspects."""
        return (*self.fields, *self.aspects)
