"""Labels of values."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from features.aspect_labels import (
    Labels,
    age_labels,
    aspect_labels,
    keyword_labels,
    number_labels,
)
from features.binning import build_reference
from features.field_spec import LARGEST_FLOAT32, Aspect, NumberField
from features.reference import FieldReference
from features.spec import FeatureSpec

NAN = float("nan")


def called(labels: Labels, *values: float) -> list[str]:
    return [labels.texts[code] for code in labels.codes(np.array(values, np.float32))]


def as_read(numbers: Iterable[float]) -> NDArray[np.float32]:
    bounded = np.clip(np.array(list(numbers)), -LARGEST_FLOAT32, LARGEST_FLOAT32)
    return bounded.astype(np.float32)


def reference_of(values: list[float]) -> FieldReference:
    spec = FeatureSpec(fields=(NumberField(name="x"),))
    return build_reference(spec, {"x": np.array(values)}, len(values), np.empty(0)).fields[0]


def test_parts_of_dates_are_called_by_their_names() -> None:
    assert called(aspect_labels(Aspect.HOUR, "gone"), 0, 9, 23, NAN) == [
        *("at 0 h", "at 9 h", "at 23 h", "gone")
    ]
    assert called(aspect_labels(Aspect.WEEKDAY, "gone"), 0, 6, NAN) == ["on Mon", "on Sun", "gone"]
    assert called(aspect_labels(Aspect.DAY, "gone"), 1, 31, NAN) == [
        "on day 1",
        "on day 31",
        "gone",
    ]
    assert called(aspect_labels(Aspect.MONTH, "gone"), 1, 12, NAN) == [
        *("in January", "in December", "gone")
    ]


def test_words_are_counted_up_to_a_hundred_and_rounded_from_there() -> None:
    assert called(aspect_labels(Aspect.WORDS, "gone"), 1, 2, 99, 100, 1234, 10_000, 1e9, NAN) == [
        *("1 word", "2 words", "99 words", "100-109 words", "1200-1299 words"),
        *("10000 or more words", "10000 or more words", "gone"),
    ]


def test_a_keyword_is_there_or_not() -> None:
    assert called(keyword_labels("price", "gone"), 0, 1, NAN) == [
        *("lacks 'price'", "has 'price'", "gone")
    ]


@pytest.mark.parametrize("aspect", [Aspect.VALUE, Aspect.LEVEL, Aspect.LENGTH, Aspect.AGE])
def test_an_aspect_of_the_field_has_no_labels_of_its_own(aspect: Aspect) -> None:
    with pytest.raises(ValueError, match="depends on the field"):
        aspect_labels(aspect, "gone")


# Numbers


def test_a_frequent_value_is_called_by_itself_not_by_its_range() -> None:
    """0 was called "under 3.06"."""
    values = [0.0] * 30 + [1 + i / 500 for i in range(1000)]
    field = reference_of(values)
    labels = number_labels(field, field.exact)
    assert field.exact == (0.0,)
    assert field.labels[0].startswith("under 1.")
    assert called(labels, 0.0, -0.0) == ["0", "0"]
    assert called(labels, 1e-30, -1.0, 1.0) == [field.labels[0]] * 3
    assert called(labels, NAN) == ["missing"]


def test_numbers_are_written_in_full_in_the_digits_that_the_model_reads() -> None:
    values = (-7.0, 0.1, 0.30000000000000004, 5.0, 1234567.0, 123456789012.0, 1e20, 1e-7, 1e300)
    field = reference_of([value for value in values for _ in range(50)])
    assert called(number_labels(field, field.exact), *values[:-1], LARGEST_FLOAT32) == [
        *("-7", "0.1", "0.3", "5", "1234567", "123456789012", "1e+20", "1e-07"),
        field.labels[-3],
    ]


def test_lengths_are_counted_in_characters() -> None:
    field = reference_of([1.0] * 50 + [39.0] * 50)
    assert called(number_labels(field, field.exact, "character"), 1, 39) == [
        *("1 character", "39 characters")
    ]


@given(
    st.lists(st.floats(-1e39, 1e39).map(lambda x: round(x, 2)), min_size=1, max_size=60),
    st.lists(st.floats(-LARGEST_FLOAT32, LARGEST_FLOAT32, width=32) | st.just(NAN), max_size=20),
)
@settings(deadline=None)
def test_a_number_is_called_by_itself_or_by_a_range_that_it_is_in(
    given_values: list[float], later: list[float]
) -> None:
    field = reference_of([value for value in given_values for _ in range(7)])
    labels = number_labels(field, field.exact)
    read = as_read(given_values)
    assert (np.diff(labels.starts) > 0).all()
    assert (labels.starts == labels.starts.astype(np.float32)).all()
    assert len(labels.texts) == len(labels.starts) + 2
    edges = as_read(field.edges)
    for value in [*read.tolist(), *later]:
        [text] = called(labels, value)
        if np.isnan(value):
            assert text == "missing"
        elif abs(value) >= LARGEST_FLOAT32 or np.float32(value) not in read:
            assert text == field.labels[edges.searchsorted(np.float32(value), side="right")]


# Ages


def test_ages_are_days_before_or_after_creation_and_hours_within_two_days() -> None:
    labels = age_labels(whole_days=False)
    assert called(labels, 0, 0.04, 1 / 24, 1.5, 47 / 24, 2, 3.99, 99.5, 365.2, 1e6, NAN) == [
        *("under an hour before creation", "under an hour before creation"),
        *("1 hour before creation", "36 hours before creation", "47 hours before creation"),
        *("2 days before creation", "3 days before creation", "99 days before creation"),
        *("360-369 days before creation", "10000 or more days before creation"),
        "of unknown age",
    ]
    assert called(labels, -0.01, -1 / 24, -2, -2.5, -3, -1e6) == [
        *("under an hour after creation", "1 hour after creation", "2 days after creation"),
        *("2 days after creation", "3 days after creation", "10000 or more days after creation"),
    ]


def test_ages_from_day_to_day_have_no_hours() -> None:
    assert called(age_labels(whole_days=True), 0, 1, 2, -1, -3, NAN) == [
        *("on the day of creation", "1 day before creation", "2 days before creation"),
        *("1 day after creation", "3 days after creation", "of unknown age"),
    ]
