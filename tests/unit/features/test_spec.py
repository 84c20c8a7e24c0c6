"""The spec: columns, and what each of them measures."""

from __future__ import annotations

from features.spec import (
    Aspect,
    CategoryField,
    DateField,
    DatePart,
    FeatureSpec,
    NumberField,
    TextField,
)


def test_every_column_has_the_aspect_of_its_field_that_it_measures() -> None:
    spec = FeatureSpec(
        fields=(
            NumberField(name="age"),
            CategoryField(name="job", encoding="one_hot", levels=("clerk", "cook")),
            CategoryField(name="city", encoding="target", levels=("rome",), values=(0.2,)),
            TextField(name="note", keywords=("price", "demo")),
            DateField(name="opened", parts=(DatePart.MONTH, DatePart.HOUR)),
        )
    )
    assert dict(zip(spec.columns, spec.aspect_of_column, strict=True)) == {
        "age": Aspect.VALUE,
        "job=clerk": Aspect.LEVEL,
        "job=cook": Aspect.LEVEL,
        "city": Aspect.LEVEL,
        "note:length": Aspect.LENGTH,
        "note:words": Aspect.WORDS,
        "note~price": Aspect.KEYWORD,
        "note~demo": Aspect.KEYWORD,
        "opened:month": Aspect.MONTH,
        "opened:hour": Aspect.HOUR,
    }


def test_every_part_of_a_date_is_an_aspect() -> None:
    assert {part.value for part in DatePart} <= {aspect.value for aspect in Aspect}
