"""The four kinds of field that a model reads, and the columns of the feature matrix of each.

A kind says how a value of its field becomes numbers (``features.field_writers`` does it).
"""

from __future__ import annotations

import unicodedata
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.fields import FieldKind
from schemas.number_reading import FALSE_WORDS, INVISIBLE, TRUE_WORDS, NumberReading
from schemas.time_reading import TimeReading

__all__ = [
    "DAY_MS",
    "LARGEST_FLOAT32",
    "MISSING_LEVELS",
    "MISSING_WORDS",
    "Aspect",
    "CategoryField",
    "DateField",
    "DatePart",
    "FieldSpec",
    "Float32",
    "Frozen",
    "NumberField",
    "TextField",
    "normalise_level",
]

DAY_MS = 86_400_000
LARGEST_FLOAT32 = 3.4028234663852886e38
Float32 = Annotated[float, Field(ge=-LARGEST_FLOAT32, le=LARGEST_FLOAT32)]
"""A finite number that the feature matrix can hold."""
MISSING_LEVELS = frozenset({"", "nan", "null", "none", "n/a"})
"""Levels that mean missing in every model."""
MISSING_WORDS = ("#n/a", "(null)", "<na>", "<null>", "[null]", "\\n")
"""Levels that mean missing too, in the models that list them."""


class DatePart(StrEnum):
    """A number that a time stamp gives: a part of it, in UTC, or its age."""

    HOUR = "hour"
    WEEKDAY = "weekday"
    DAY = "day"
    MONTH = "month"
    AGE = "age"
    """Days from the time stamp to the creation of the lead; negative where it is later."""


class Aspect(StrEnum):
    """The aspect of a field's value that a column of the feature matrix measures."""

    VALUE = "value"
    LEVEL = "level"
    LENGTH = "length"
    WORDS = "words"
    KEYWORD = "keyword"
    HOUR = "hour"
    WEEKDAY = "weekday"
    DAY = "day"
    MONTH = "month"
    AGE = "age"
    """Days from a date to the creation of the lead; negative where the date is later."""


def normalise_level(value: str, *, composed: bool = True) -> str | None:
    """Return a category's level in the one form that training and serving compare.

    Parameters
    ----------
    value
        The level as it came.
    composed
        Whether letters are composed (Unicode's NFC), so that it does not matter how they were, and
        invisible marks (a zero-width space, say) are left out.

    Returns
    -------
    str or None
        White space and case folded; None for what stands for "missing" (empty, ``NaN``, ``null``,
        ``none``, ``n/a``).

    Examples
    --------
    >>> normalise_level("  Sales   Director ")
    'sales director'
    >>> normalise_level("Sa\u0303o Paulo") == normalise_level("S\u00e3o Paulo")
    True
    >>> normalise_level("N/A") is None
    True
    """
    if composed and not value.isascii():
        value = unicodedata.normalize("NFC", value.translate(INVISIBLE).casefold())
    level = " ".join(value.split()).casefold()
    return None if level in MISSING_LEVELS else level


class Frozen(BaseModel):
    """A part of the spec: immutable, without unknown keys."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class NumberField(Frozen):
    """One column: the number itself, NaN where missing."""

    kind: Literal[FieldKind.NUMBER] = FieldKind.NUMBER
    name: str
    source: str | None = None
    """Its name in the training file, where that is another."""
    reading: NumberReading | None = None
    """How the training data write it: events and files are read so, too. None, in models of format
    1: events must have numbers."""

    @property
    def is_clock(self) -> bool:
        """Whether it is a time of day, in milliseconds since midnight."""
        return self.reading is not None and self.reading.clock

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of the feature matrix."""
        return (self.name,)

    @property
    def aspects(self) -> tuple[Aspect, ...]:
        """Aspect of each column."""
        return (Aspect.VALUE,)


class CategoryField(Frozen):
    """A level of a known set; one-hot (a column a level) or target-encoded (one column).

    A level that was never seen is all zeros one-hot, and the prior target-encoded. A missing level
    is NaN in every column.
    """

    kind: Literal[FieldKind.CATEGORY] = FieldKind.CATEGORY
    name: str
    source: str | None = None
    """Its name in the training file, where that is another."""
    encoding: Literal["one_hot", "target"]
    levels: tuple[str, ...]
    values: tuple[Float32, ...] = ()
    """Target encoding: the column's value for each level, in the order of ``levels``."""
    prior: Float32 = 0.0
    """Target encoding: the column's value for a level that was never seen."""
    truth: tuple[str, str] | None = None
    """The levels for yes and for no, where the field has both: other words for yes and no (true,
    1, y, …) are taken for them."""
    missing: tuple[str, ...] = ()
    """Levels that mean missing, besides those that always do."""

    @cached_property
    def codes(self) -> dict[str, int]:
        """Place of each level, and of each word that is taken for one, in ``levels``."""
        codes = {level: code for code, level in enumerate(self.levels)}
        if self.truth is not None:
            for level, words in zip(self.truth, (TRUE_WORDS, FALSE_WORDS), strict=True):
                codes = dict.fromkeys(words, codes[level]) | codes
        return codes

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of the feature matrix."""
        if self.encoding == "one_hot":
            return tuple(f"{self.name}={level}" for level in self.levels)
        return (self.name,)

    @property
    def aspects(self) -> tuple[Aspect, ...]:
        """Aspect of each column."""
        return (Aspect.LEVEL,) * len(self.columns)

    @model_validator(mode="after")
    def _consistent(self) -> CategoryField:
        if len(set(self.levels)) != len(self.levels):
            raise ValueError(f"field {self.name!r}: the levels repeat")
        if any(normalise_level(level, composed=False) != level for level in self.levels):
            raise ValueError(f"field {self.name!r}: a level is not in its normalised form")
        if self.truth is not None and not set(self.truth) <= set(self.levels):
            raise ValueError(f"field {self.name!r}: a level for yes or no is none of the levels")
        if self.encoding == "one_hot" and not self.levels:
            raise ValueError(f"field {self.name!r}: one-hot encoding needs at least one level")
        if self.encoding == "target" and len(self.values) != len(self.levels):
            raise ValueError(
                f"field {self.name!r}: {len(self.levels)} levels but {len(self.values)} values"
            )
        return self


class TextField(Frozen):
    """Free text: its length in characters, its number of words, and a 0/1 flag a keyword.

    Keywords are compared as substrings of the case-folded text. Missing text is NaN in every
    column.
    """

    kind: Literal[FieldKind.TEXT] = FieldKind.TEXT
    name: str
    source: str | None = None
    """Its name in the training file, where that is another."""
    keywords: tuple[str, ...] = ()

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of the feature matrix."""
        flags = (f"{self.name}~{keyword}" for keyword in self.keywords)
        return (f"{self.name}:length", f"{self.name}:words", *flags)

    @property
    def aspects(self) -> tuple[Aspect, ...]:
        """Aspect of each column."""
        return (Aspect.LENGTH, Aspect.WORDS, *[Aspect.KEYWORD] * len(self.keywords))


class DateField(Frozen):
    """A time stamp (milliseconds since 1970, UTC): one column a part, NaN where missing."""

    kind: Literal[FieldKind.DATE] = FieldKind.DATE
    name: str
    source: str | None = None
    """Its name in the training file, where that is another."""
    reading: TimeReading | None = None
    """How the training data write it: events and files are read so, too. None, in models of format
    1: events must have milliseconds or ISO 8601, and no time is implausible."""
    parts: tuple[DatePart, ...] = (DatePart.HOUR, DatePart.WEEKDAY)
    whole_days: bool = False
    """Whether ages are counted from day to day, without the clock: the training data have the
    leads' creation by day only, so a clock would make leads to come older than those."""
    day_shift_ms: Annotated[int, Field(gt=-DAY_MS, lt=DAY_MS)] = 0
    """Added to a time before its day is taken, in UTC: 7,200,000 where the training data have days
    at midnight of a zone two hours ahead of UTC."""

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of the feature matrix."""
        return tuple(f"{self.name}:{part}" for part in self.parts)

    @property
    def aspects(self) -> tuple[Aspect, ...]:
        """Aspect of each column."""
        return tuple(Aspect(part) for part in self.parts)


FieldSpec = Annotated[
    NumberField | CategoryField | TextField | DateField, Field(discriminator="kind")
]
