"""The spec: columns, and what each of them measures."""

from __future__ import annotations

from features.field_spec import Aspect, CategoryField, DateField, DatePart, NumberField, TextField
from features.spec import FeatureSpec
from schemas.number_reading import NumberReading


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


def test_readings_of_an_earlier_model_fill_in_those_that_a_spec_lacks() -> None:
    own, comma = NumberReading(), NumberReading(decimal=",")
    spec = FeatureSpec(
        fields=(
            NumberField(name="age"),
            NumberField(name="price", reading=own),
            CategoryField(name="job", encoding="one_hot", levels=("clerk",)),
            DateField(name="opened", parts=(DatePart.MONTH,)),
        )
    )
    found = spec.with_readings({"age": comma, "price": comma, "job": comma, "opened": comma})
    assert found.readings == {"age": comma, "price": own}
