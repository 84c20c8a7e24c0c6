"""The feature spec: the fields of a lead that a model reads, and their features.

One spec, one interpreter (``features.matrix``): training and serving read the same description, so
they can't drift apart. The spec is JSON inside the model file.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from typing import NamedTuple

from pydantic import Field, model_validator

from features.field_spec import Aspect, DateField, DatePart, FieldSpec, Frozen, NumberField
from schemas.field_names import FieldNames
from schemas.fields import FieldKind
from schemas.number_reading import NumberReading
from schemas.readings import Reading
from schemas.time_reading import TimeReading

__all__ = ["CREATED_AT", "FeatureSpec", "FieldAspect"]

CREATED_AT = "created_at"
"""The field that every lead has: the time of its creation, from which ages are counted."""


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


class FeatureSpec(Frozen):
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
        """Yield each field with its run of columns."""
        start = 0
        for field in self.fields:
            stop = start + len(field.columns)
            yield field, slice(start, stop)
            start = stop
