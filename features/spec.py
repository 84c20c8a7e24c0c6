"""The feature spec: the fields of a lead that a model reads, and their features.

One spec, one interpreter (``features.matrix``): training and serving read the same description, so
they can't drift apart. The spec is JSON inside the model file.
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from enum import StrEnum
from functools import cached_property
from typing import Annotated, Literal, NamedTuple

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.field_names import FieldNames
from schemas.fields import FieldKind
from schemas.number_reading import FALSE_WORDS, INVISIBLE, TRUE_WORDS, NumberReading
from schemas.readings import Reading
from schemas.time_reading import TimeReading

__all__ = [
    "CREATED_AT",
    "DAY_MS",
    "LARGEST_FLOAT32",
    "MISSING_LEVELS",
    "MISSING_WORDS",
    "Aspect",
    "CategoryField",
    "DateField",
    "DatePart",
    "FeatureSpec",
    "FieldAspect",
    "FieldSpec",
    "Float32",
    "NumberField",
    "TextField",
    "normalise_level",
]

DAY_MS = 86_400_000
LARGEST_FLOAT32 = 3.4028234663852886e38
Float32 = Annotated[float, Field(ge=-LARGEST_FLOAT32, le=LARGEST_FLOAT32)]
"""A finite number that the feature matrix can hold."""
CREATED_AT = "created_at"
"""The field that every lead has: the time of its creation, from which ages are counted."""
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


class _Frozen(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class NumberField(_Frozen):
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


class CategoryField(_Frozen):
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


class TextField(_Frozen):
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


class DateField(_Frozen):
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


class FieldAspect(NamedTuple):
    """An aspect of a field that has several; each keyword of a text is one of its own.

    Attributes
    ----------
    field, column
        Indices of the field, and of the column that measures the aspect.
    aspect
        What the column measures.
    """

    field: int
    aspect: Aspect
    column: int


class FeatureSpec(_Frozen):
    """The fields of a lead that a model reads, in the order of its columns."""

    composed: bool = False
    """Whether levels and texts are compared in Unicode's composed form (NFC)."""
    fields: tuple[FieldSpec, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _unique(self) -> FeatureSpec:
        names = [field.name for field in self.fields]
        if len(set(names)) != len(names):
            raise ValueError("a field is named twice")
        if len(set(self.columns)) != len(self.columns):
            raise ValueError("two fields make a column of the same name")
        ages = [f.name for f in self.fields if isinstance(f, DateField) and DatePart.AGE in f.parts]
        if ages and self._created_at is None:
            raise ValueError(f"field {ages[0]!r}: an age needs the field {CREATED_AT!r}, a date")
        if CREATED_AT in ages:
            raise ValueError(f"field {CREATED_AT!r}: its age would always be 0")
        return self

    @cached_property
    def _created_at(self) -> DateField | None:
        """The time of creation, where the spec reads it as a date."""
        dates = (field for field in self.fields if isinstance(field, DateField))
        return next((field for field in dates if field.name == CREATED_AT), None)

    @cached_property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns of the feature matrix, in order."""
        return tuple(column for field in self.fields for column in field.columns)

    @cached_property
    def field_of_column(self) -> tuple[int, ...]:
        """For each column, the index of its field."""
        return tuple(i for i, field in enumerate(self.fields) for _ in field.columns)

    @cached_property
    def aspect_of_column(self) -> tuple[Aspect, ...]:
        """For each column, what it measures of its field's value."""
        return tuple(aspect for field in self.fields for aspect in field.aspects)

    @cached_property
    def field_aspects(self) -> tuple[FieldAspect, ...]:
        """The aspects of each field that has several, in the order of the columns."""
        several = {i for i, field in enumerate(self.fields) if len(set(field.aspects)) > 1}
        columns = zip(self.field_of_column, self.aspect_of_column, strict=True)
        return tuple(
            FieldAspect(field, aspect, column)
            for column, (field, aspect) in enumerate(columns)
            if field in several
        )

    @cached_property
    def sources(self) -> dict[str, str]:
        """Names in the training file, by field, where they are others than the fields'."""
        return {field.name: field.source for field in self.fields if field.source is not None}

    @cached_property
    def names(self) -> FieldNames:
        """Return the finder of fields in events, whose names may be those of the training file.

        The time of creation is not among them: all events have it under its own name.
        """
        columns = self._columns_of_fields
        if self._created_at is not None:
            columns.pop(CREATED_AT)
        return FieldNames(columns)

    @cached_property
    def file_names(self) -> FieldNames:
        """Return the finder of fields in files: the creation first by its column in training."""
        return FieldNames(self._columns_of_fields)

    @property
    def _columns_of_fields(self) -> dict[str, str]:
        """Return each field's name in the training file, by its name."""
        return {name: self.sources.get(name, name) for name in self.kinds}

    @cached_property
    def shown_names(self) -> tuple[str, ...]:
        """Each field's name for people: that of the training file where it is not ASCII."""
        return tuple(
            field.name if field.source is None or field.source.isascii() else field.source
            for field in self.fields
        )

    @cached_property
    def kinds(self) -> dict[str, FieldKind]:
        """Each field's kind, by name: what a decoder must deliver."""
        return {field.name: field.kind for field in self.fields}

    @cached_property
    def readings(self) -> dict[str, Reading]:
        """How each field that is a number or a time is written in events, by name, where known.

        The time of creation is not among them: all events have it in the same form.
        """
        return {
            field.name: field.reading
            for field in self.fields
            if isinstance(field, NumberField | DateField)
            and field.reading is not None
            and field is not self._created_at
        }

    @cached_property
    def file_readings(self) -> dict[str, Reading]:
        """How each field that is a number or a time is written in files, by name.

        A model of format 1 was made of files that were read plainly.
        """
        plain: dict[str, Reading] = {
            field.name: TimeReading() if isinstance(field, DateField) else NumberReading()
            for field in self.fields
            if isinstance(field, NumberField | DateField)
        }
        created = self._created_at
        if created is not None and created.reading is not None:
            plain[CREATED_AT] = created.reading
        return plain | self.readings

    def with_sources(self, columns: Mapping[str, str]) -> FeatureSpec:
        """Return the spec with the fields' names in the training file.

        Parameters
        ----------
        columns
            Those names, by field.
        """
        fields = tuple(
            field
            if columns[field.name] == field.name
            else field.model_copy(update={"source": columns[field.name]})
            for field in self.fields
        )
        return self.model_copy(update={"fields": fields})

    def with_readings(self, readings: Mapping[str, Reading]) -> FeatureSpec:
        """Return the spec with the readings of fields that it has none of, as of an earlier model.

        Parameters
        ----------
        readings
            How events write numbers and times, by field; others than the spec's are ignored.
        """

        def lacks(field: FieldSpec) -> bool:
            reading = readings.get(field.name)
            if isinstance(field, NumberField):
                return field.reading is None and isinstance(reading, NumberReading)
            if isinstance(field, DateField):
                return field.reading is None and isinstance(reading, TimeReading)
            return False

        fields = tuple(
            field.model_copy(update={"reading": readings[field.name]}) if lacks(field) else field
            for field in self.fields
        )
        return self.model_copy(update={"fields": fields})

    def slices(self) -> Iterator[tuple[FieldSpec, slice]]:
        """Each field with its run of columns."""
        start = 0
        for field in self.fields:
            stop = start + len(field.columns)
            yield field, slice(start, stop)
            start = stop
