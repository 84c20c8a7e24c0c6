from __future__ import annotations

from typing import Any

import pytest
from pydantic import TypeAdapter, ValidationError

from features.field_spec import (
    Aspect,
    CategoryField,
    DateField,
    DatePart,
    FieldSpec,
    NumberField,
    TextField,
    normalise_level,
)

FIELDS: list[FieldSpec] = [
    NumberField(name="age"),
    CategoryField(name="job", encoding="one_hot", levels=("clerk", "cook")),
    CategoryField(name="city", encoding="target", levels=("rome",), values=(0.2,)),
    TextField(name="note", keywords=("price", "demo")),
    DateField(name="opened", parts=(DatePart.AGE, DatePart.HOUR)),
]


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_a_field_is_read_from_json_as_its_kind(field: FieldSpec) -> None:
    read: FieldSpec = TypeAdapter(FieldSpec).validate_json(field.model_dump_json())
    assert read == field
    assert type(read) is type(field)


@pytest.mark.parametrize("field", FIELDS, ids=lambda field: field.name)
def test_every_column_has_a_name_and_an_aspect(field: FieldSpec) -> None:
    assert len(field.columns) == len(field.aspects) == len(set(field.columns))
    assert all(column.startswith(field.name) for column in field.columns)


def test_a_part_of_a_date_is_the_aspect_of_its_name() -> None:
    assert DateField(name="opened", parts=tuple(DatePart)).aspects == tuple(
        Aspect(part.value) for part in DatePart
    )


@pytest.mark.parametrize(
    ("options", "reason"),
    [
        ({"encoding": "one_hot", "levels": ("cook", "cook")}, "the levels repeat"),
        ({"encoding": "one_hot", "levels": ("Cook",)}, "not in its normalised form"),
        ({"encoding": "one_hot", "levels": ()}, "needs at least one level"),
        ({"encoding": "target", "levels": ("a", "b"), "values": (0.1,)}, "2 levels but 1 values"),
        ({"encoding": "one_hot", "levels": ("a",), "truth": ("a", "b")}, "none of the levels"),
        ({"encoding": "one_hot", "levels": ("a",), "order": 3}, "order"),
    ],
)
def test_a_category_that_contradicts_itself_is_refused(
    options: dict[str, Any], reason: str
) -> None:
    with pytest.raises(ValidationError, match=reason):
        CategoryField(name="job", **options)


def test_other_words_for_yes_and_no_have_the_code_of_their_level() -> None:
    field = CategoryField(
        name="subscribed", encoding="one_hot", levels=("no", "yes"), truth=("yes", "no")
    )
    codes = field.codes
    assert codes["yes"] == codes["true"] == codes["1"] == 1
    assert codes["no"] == codes["false"] == codes["0"] == 0


@pytest.mark.parametrize("value", ["", "  ", "NaN", "NULL", "none", "N/A"])
def test_words_for_missing_are_no_level(value: str) -> None:
    assert normalise_level(value) is None


def test_levels_differ_by_more_than_case_space_and_composition() -> None:
    assert normalise_level("  Sales \t Director ") == "sales director"
    assert normalise_level("Sa\u0303o\u200b Paulo") == normalise_level("S\u00e3o Paulo")
    assert normalise_level("Sa\u0303o", composed=False) != normalise_level("S\u00e3o")
