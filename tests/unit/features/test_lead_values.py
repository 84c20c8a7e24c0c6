"""Values of a lead and of the training leads, as people read them."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from features.field_spec import CategoryField, DateField, FieldSpec, NumberField, TextField
from features.lead_values import lead_value, typical_value
from features.reference import WEEKDAYS, FieldReference
from schemas.number_reading import NumberReading

NUMBER = NumberField(name="n")
CLOCK = NumberField(name="n", reading=NumberReading(clock=True))
CATEGORY = CategoryField(name="c", encoding="one_hot", levels=("a", "b"))
TEXT = TextField(name="t")
DATE = DateField(name="d")


def numbers(*values: float) -> Any:
    return np.array(values, np.float64)


@pytest.mark.parametrize(
    ("field", "column", "expected"),
    [
        (NUMBER, numbers(41.0), 41),
        (NUMBER, numbers(0.1), 0.1),
        (NUMBER, numbers(1e300), 1e300),
        (NUMBER, numbers(math.nan), None),
        (CLOCK, numbers(34_200_000.0), "9:30:00"),
        (CATEGORY, ["Retail"], "Retail"),
        (CATEGORY, ["Zoë".encode()], "Zoë"),
        (CATEGORY, [None], None),
        (TEXT, [b"asks\nfor"], "asks\nfor"),
        (DATE, numbers(1_700_000_000_000.0), "2023-11-14T22:13:20Z"),
        (DATE, numbers(1_700_000_000_123.0), "2023-11-14T22:13:20.123Z"),
        (DATE, numbers(math.nan), None),
        (DATE, numbers(1e18), None),
        (DATE, numbers(-9e13), -9e13),
    ],
)
def test_a_value_is_as_it_came(field: FieldSpec, column: Any, expected: Any) -> None:
    assert lead_value(field, column) == expected


def bins(by: Any, labels: tuple[str, ...], counts: tuple[int, ...], **given: Any) -> FieldReference:
    return FieldReference(
        name="f", by=by, labels=(*labels, "other", "missing"), counts=counts, **given
    )


HALVES = bins("quantile", ("under 1", "1-2", "from 2"), (10, 30, 20, 0, 5), edges=(1.0, 2.0))


def test_the_median_is_that_of_the_sample_or_the_bin_that_holds_it() -> None:
    assert typical_value(NUMBER, HALVES, numbers(1.0, 1.75, math.nan, 9.0)) == "median 1.75"
    assert typical_value(NUMBER, HALVES) == "median 1-2"
    assert typical_value(NUMBER, HALVES, numbers(math.nan)) == "median 1-2"
    assert typical_value(TEXT, HALVES, numbers(1234.0)) == "median 1,234 characters"
    assert typical_value(CLOCK, HALVES, numbers(1.5)) == "median 1-2", "of a clock, ms say nothing"


def test_the_most_frequent_level_has_its_share() -> None:
    levels = bins("level", ("a", "b"), (20, 60, 10, 10), levels=("a", "b"))
    assert typical_value(CATEGORY, levels) == "b (60%)"
    days = bins("weekday", WEEKDAYS, (1, 0, 0, 3, 0, 0, 0, 0, 0))
    assert typical_value(DATE, days) == "Thu (75%)"


def test_a_field_that_most_leads_lack_is_missing() -> None:
    rare = bins("quantile", ("under 1", "from 1"), (1, 1, 0, 6), edges=(1.0,))
    assert typical_value(NUMBER, rare, numbers(1.0)) == "missing (75%)"


def test_a_reference_without_counts_has_a_typical_value_all_the_same() -> None:
    empty = bins("level", ("a", "b"), (0, 0, 0, 0), levels=("a", "b"))
    assert typical_value(CATEGORY, empty) == "a (0%)"
