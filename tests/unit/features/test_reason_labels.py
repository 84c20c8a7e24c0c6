"""A reason names what moved the score: not the weekday where it was the hour."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from features import reason_labels
from features.binning import build_reference
from features.field_spec import Aspect, CategoryField, DateField, DatePart, NumberField, TextField
from features.matrix import FeatureEncoder, Features
from features.reason_labels import ReasonLabels
from features.spec import FeatureSpec

SPEC = FeatureSpec(
    fields=(
        NumberField(name="visits"),
        CategoryField(name="job", encoding="one_hot", levels=("clerk", "cook")),
        TextField(name="note", keywords=("price", "demo", "spam")),
        DateField(name="opened", parts=(DatePart.HOUR, DatePart.WEEKDAY, DatePart.MONTH)),
        DateField(name="closed", parts=(DatePart.HOUR,)),
    )
)
SUNDAY_23 = 1_704_063_600_000.0
"""2023-12-31T23:00:00Z."""
LEADS: dict[str, Any] = {
    "visits": np.array([0.0] * 30 + [1 + i / 50 for i in range(70)]),
    "job": ["clerk"] * 50 + ["cook"] * 50,
    "note": ["a price, please"] * 50 + ["only looking for something"] * 50,
    "opened": np.full(100, SUNDAY_23),
    "closed": np.full(100, SUNDAY_23),
}
REFERENCE = build_reference(SPEC, LEADS, 100, np.empty(0))
FIELDS = {field.name: i for i, field in enumerate(SPEC.fields)}
LEAD: dict[str, Any] = {
    "visits": np.array([0.0]),
    "job": ["cook"],
    "note": ["A demo? What price?"],
    "opened": np.array([SUNDAY_23]),
    "closed": np.array([SUNDAY_23]),
}
MISSING: dict[str, Any] = {
    name: np.array([np.nan]) if isinstance(values, np.ndarray) else [None]
    for name, values in LEAD.items()
}


def aspects_of(field: str, by_aspect: Mapping[Any, float]) -> list[float]:
    """Return what each aspect of the spec contributed: keywords by their word."""
    found = []
    for aspect in SPEC.field_aspects:
        keyword = SPEC.columns[aspect.column].partition("~")[2]
        is_own = SPEC.fields[aspect.field].name == field
        found.append(by_aspect.get(keyword or aspect.aspect, 0.0) if is_own else 0.0)
    return found


def compiled_and_plain() -> tuple[ReasonLabels, ReasonLabels]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reason_labels, "_compiled", None)
        plain = ReasonLabels(SPEC, REFERENCE, by_aspect=True)
    return ReasonLabels(SPEC, REFERENCE, by_aspect=True), plain


def said(
    field: str,
    by_aspect: Mapping[Any, float] | None = None,
    *,
    contribution: float = 1.0,
    **lead: Any,
) -> str:
    """Return what is said of a field that contributed, both by the compiled loop and plainly."""
    features = FeatureEncoder(SPEC, REFERENCE).encode({**LEAD, **lead}, 1)
    aspects = aspects_of(field, by_aspect or {})
    texts = []
    for labels in compiled_and_plain():
        [[code]] = labels.codes(
            np.array([[FIELDS[field]]]),
            np.array([[contribution]], np.float32),
            np.array([aspects], np.float32),
            features,
        )
        name, text = labels.texts[code]
        assert name == field
        texts.append(text)
    assert texts[0] == texts[1]
    return texts[0]


def test_the_hour_is_named_where_the_hour_moved_the_score() -> None:
    """It was the weekday: "opened on Sun"."""
    assert said("opened", {Aspect.HOUR: 1.5, Aspect.WEEKDAY: -0.2}) == "at 23 h"
    assert said("opened", {Aspect.HOUR: 0.1, Aspect.WEEKDAY: 0.9}) == "on Sun"
    assert said("opened", {Aspect.MONTH: 0.3}) == "in December"


def test_the_aspect_that_pulled_the_other_way_is_not_named() -> None:
    moved = {Aspect.HOUR: 2.0, Aspect.WEEKDAY: -2.5}
    assert said("opened", moved, contribution=-0.5) == "on Sun"
    assert said("opened", moved, contribution=0.5) == "at 23 h"


def test_a_date_of_which_one_part_is_read_is_called_by_that_part() -> None:
    assert said("closed") == "at 23 h"


def test_a_keyword_is_named_where_a_keyword_moved_the_score() -> None:
    """It was the length: "note 39 characters"."""
    assert said("note", {Aspect.LENGTH: 0.4, "price": 1.5}) == "has 'price'"
    assert said("note", {Aspect.LENGTH: 0.4, "spam": 1.5}) == "lacks 'spam'"


def test_length_and_words_are_named_where_they_moved_the_score() -> None:
    text = "a price, please"
    assert said("note", {Aspect.LENGTH: 1.4, "price": 1.3}, note=[text]) == "15 characters"
    assert said("note", {Aspect.WORDS: 1.4, "price": 1.3}, note=[text]) == "3 words"


def test_keywords_count_together() -> None:
    moved = {Aspect.LENGTH: 1.0, "price": 0.7, "demo": 0.8}
    assert said("note", moved) == "has 'demo'"


def test_where_many_absent_keywords_moved_the_score_none_is_named_alone() -> None:
    moved = {"price": -0.5, "demo": -0.6, "spam": -0.4}
    assert said("note", moved, contribution=-1.5, note=["nothing of it"]) == "has no keyword"
    assert said("note", moved, contribution=-1.5, note=["price of it"]) == "lacks 'demo'"
    one = {"price": -0.9, "demo": -0.1, "spam": -0.1}
    assert said("note", one, contribution=-1.1, note=["nothing of it"]) == "lacks 'price'"


@pytest.mark.parametrize("field", FIELDS)
def test_a_missing_value_is_called_missing(field: str) -> None:
    assert said(field, {Aspect.HOUR: 1.0, "demo": 1.0}, **MISSING) == "missing"
    labels = ReasonLabels(SPEC, REFERENCE, by_aspect=False)
    features = FeatureEncoder(SPEC, REFERENCE).encode(MISSING, 1)
    [[code]] = by_bin(labels, field, features)
    assert labels.texts[code] == (field, "missing")


def by_bin(labels: ReasonLabels, field: str, features: Features) -> Any:
    none = np.empty((1, 0), np.float32)
    return labels.codes(np.array([[FIELDS[field]]]), np.ones((1, 1), np.float32), none, features)


def test_a_number_and_a_level_are_called_by_themselves() -> None:
    assert said("visits") == "0"
    assert said("job") == "cook"
    assert said("job", job=["king"]) == "other"


def test_without_contributions_by_aspect_a_value_is_called_by_its_bin() -> None:
    """As models say it that were trained before aspects were kept."""
    labels = ReasonLabels(SPEC, REFERENCE, by_aspect=False)
    features = FeatureEncoder(SPEC, REFERENCE).encode(LEAD, 1)
    found = [labels.texts[by_bin(labels, name, features)[0][0]][1] for name in FIELDS]
    bins = [f.labels[code] for f, code in zip(REFERENCE.fields, features.bins[0], strict=True)]
    assert found == bins
    assert found[3:] == ["Sun", "Sun"]


def test_a_name_that_is_not_ascii_is_shown_as_in_the_file() -> None:
    spec = FeatureSpec(fields=(NumberField(name="u6765", source="来源"),))
    reference = build_reference(spec, {"u6765": np.array([1.0])}, 1, np.empty(0))
    labels = ReasonLabels(spec, reference, by_aspect=True)
    assert {name for name, _ in labels.texts} == {"来源"}


def test_every_aspect_of_a_lead_has_a_name() -> None:
    labels = ReasonLabels(SPEC, REFERENCE, by_aspect=True)
    features = FeatureEncoder(SPEC, REFERENCE).encode(LEAD, 1)
    found = [labels.texts[code] for code in labels.aspect_codes(features.matrix)]
    assert found[1:] == [
        ("note", "4 words"),
        ("note", "has 'price'"),
        ("note", "has 'demo'"),
        ("note", "lacks 'spam'"),
        ("opened", "at 23 h"),
        ("opened", "on Sun"),
        ("opened", "in December"),
    ]


VALUES = st.floats(-3, 3, width=32).map(lambda x: np.float32(round(x, 1)))
NUMBERS = st.none() | st.sampled_from([0.0, 1.0, 1.5, 99.0])
TEXTS = st.none() | st.sampled_from(["", "a price", "demo of a price", "spam only", "just a look"])
TIMES = st.none() | st.integers(0, 1_900_000_000).map(lambda s: 1000.0 * s)


@given(st.data())
@settings(max_examples=200, deadline=None)
def test_reasons_are_named_alike_with_and_without_a_compiler(data: st.DataObject) -> None:
    n, k, m = data.draw(st.integers(0, 6)), data.draw(st.integers(0, 4)), len(SPEC.field_aspects)

    def each(strategy: st.SearchStrategy[Any], size: int) -> list[Any]:
        return data.draw(st.lists(strategy, min_size=size, max_size=size))

    columns: dict[str, Any] = {
        "visits": np.array(each(NUMBERS, n), np.float64),
        "job": each(st.sampled_from([None, "cook", "king"]), n),
        "note": each(TEXTS, n),
        "opened": np.array(each(TIMES, n), np.float64),
        "closed": np.array(each(TIMES, n), np.float64),
    }
    features = FeatureEncoder(SPEC, REFERENCE).encode(columns, n)
    fields = np.array(each(st.integers(0, len(FIELDS) - 1), n * k), np.int64).reshape(n, k)
    values = np.array(each(VALUES, n * k), np.float32).reshape(n, k)
    aspects = np.array(each(VALUES, n * m), np.float32).reshape(n, m)
    compiled, plain = (
        labels.codes(fields, values, aspects, features) for labels in compiled_and_plain()
    )
    np.testing.assert_array_equal(compiled, plain)
    texts = ReasonLabels(SPEC, REFERENCE, by_aspect=True).texts
    names = [[texts[code][0] for code in row] for row in compiled]
    assert names == [[SPEC.fields[field].name for field in row] for row in fields.tolist()]


def test_contributions_of_another_model_are_refused() -> None:
    labels = ReasonLabels(SPEC, REFERENCE, by_aspect=True)
    features = FeatureEncoder(SPEC, REFERENCE).encode(LEAD, 1)
    with pytest.raises(ValueError, match="of 8 aspects, got 0"):
        by_bin(labels, "note", features)
