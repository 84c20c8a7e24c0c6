import random
from itertools import repeat
from typing import Any

import pytest

from schemas.errors import InputError
from stream.simulator.lead_fields import lead_fields
from stream.simulator.playing import Lead
from stream.simulator.shift import Span, parse_shift, shifted

FIELDS = lead_fields(
    {
        "type": "record",
        "name": "lead",
        "fields": [
            {"name": "lead_id", "type": "string"},
            {"name": "age", "type": ["null", "int"]},
            {"name": "rate", "type": "double"},
            {"name": "source", "type": ["null", "string"]},
            {"name": "known", "type": ["null", "boolean"]},
            {"name": "band", "type": {"type": "enum", "name": "Band", "symbols": ["A", "B"]}},
            {"name": "tags", "type": ["null", {"type": "array", "items": "string"}]},
        ],
    }
)


def after(text: Any, value: Any, strength: Any = 1.0) -> Any:
    shift = parse_shift(text, FIELDS)
    return shift.apply(value, strength, random.Random(1))


@pytest.mark.parametrize(
    ("text", "before", "expected"),
    [
        ("age=+10", 30, 40),
        ("age=-5", 30, 25),
        ("age=*1.5", 30, 45),
        ("age=40", 30, 40),
        ("age=+10", None, None),
        ("age=", 30, None),
        ("rate=*.5", 3.0, 1.5),
        ("rate=-0.25", 3.0, 2.75),
        ("rate=-1e3", 3.0, -997.0),
        ("source=ads", "organic", "ads"),
        ("source=+10", "organic", "+10"),
        ("source=ads", None, "ads"),
        ("known=True", None, True),
        ("band=B", "A", "B"),
        (" age = + 10 ", 30, 40),
    ],
)
def test_a_whole_shift(text: str, before: Any, expected: Any) -> None:
    value = after(text, before)
    assert value == expected
    assert type(value) is type(expected)


@pytest.mark.parametrize(
    ("text", "before", "expected"),
    [("age=+10", 30, 35), ("age=*2", 30, 45), ("rate=-1", 3.0, 2.5)],
)
def test_half_a_shift_moves_numbers_half_the_way(text: str, before: float, expected: float) -> None:
    assert after(text, before, strength=0.5) == expected


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("age", "expected FIELD=CHANGE"),
        ("height=+1", "no field 'height'; it has age, rate"),
        ("age=older", "age is a number"),
        ("age=nan", "age is a number"),
        ("rate=", "rate must have a value"),
        ("known=maybe", "known is true or false"),
        ("band=C", "band is one of A, B"),
        ("tags=a", "of type array"),
    ],
)
def test_a_field_that_cannot_be_shifted_is_named(text: str, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parse_shift(text, FIELDS)


def test_a_span_comes_in_gradually() -> None:
    span = Span(start=0.5, length=0.25)
    strengths = [span.strength(index, 8) for index in range(8)]
    assert strengths == [0, 0, 0, 0, 0, 0.5, 1, 1]


def test_a_span_without_length_comes_in_at_once() -> None:
    assert [Span(start=0.5).strength(index, 4) for index in range(4)] == [0, 0, 1, 1]


def test_a_run_without_end_is_shifted_whole() -> None:
    assert Span().strength(10**9, None) == 1.0


def test_a_level_comes_in_for_as_many_leads_as_the_shift_is_strong() -> None:
    leads = [Lead(str(index), 0, {"age": 30, "source": "organic"}) for index in range(4000)]
    shifts = [parse_shift("source=ads", FIELDS), parse_shift("age=+10", FIELDS)]
    span = Span(start=0.25, length=0.5)
    played = list(shifted(leads, shifts, span, len(leads), random.Random(5)))
    quarters = [played[start : start + 1000] for start in range(0, 4000, 1000)]
    ads = [sum(lead.fields["source"] == "ads" for lead in quarter) for quarter in quarters]
    assert ads[0] == 0
    assert 180 < ads[1] < 320
    assert 680 < ads[2] < 820
    assert ads[3] == 1000
    assert {lead.fields["age"] for lead in quarters[0]} == {30}
    assert {lead.fields["age"] for lead in quarters[3]} == {40}
    assert leads[3999].fields == {"age": 30, "source": "organic"}, "the input is left alone"


def test_shifts_take_leads_one_by_one() -> None:
    endless = shifted(
        repeat(Lead("a", 0, {"age": 1})),
        [parse_shift("age=+1", FIELDS)],
        Span(),
        None,
        random.Random(1),
    )
    assert next(endless).fields["age"] == 2
