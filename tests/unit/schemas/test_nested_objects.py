"""Dotted names for the values in nested objects, within bounds."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.nested_objects import DEEPEST, LONGEST_PATH, flattened, object_paths, path_to


def nested(depth: int, value: Any = 1) -> dict[str, Any]:
    """Return an object with a value at a depth: 1 is the lead itself."""
    made = {"v": value}
    for _ in range(depth - 1):
        made = {"o": made}
    return made


@pytest.mark.parametrize(
    ("lead", "expected"),
    [
        ({"a": 1, "b": {"c": 2, "d": {"e": None}}}, {"a": 1, "b.c": 2, "b.d.e": None}),
        ({"a": [{"b": 1}], "c": []}, {"a": [{"b": 1}], "c": []}),
        ({"a": {}, "b": 1}, {"b": 1}),
        ({"a": {"": 1}, "": {"b": 2}}, {"a.": 1, ".b": 2}),
        ({}, {}),
    ],
    ids=["objects", "arrays stay", "an empty object has no values", "empty names", "nothing"],
)
def test_values_of_objects_have_dotted_names(
    lead: dict[str, Any], expected: dict[str, Any]
) -> None:
    assert flattened(lead) == expected


@pytest.mark.parametrize(
    ("lead", "value"),
    [({"a.b": 1, "a": {"b": 2}}, 2), ({"a": {"b": 2}, "a.b": 1}, 1)],
    ids=["object last", "dotted key last"],
)
def test_the_last_of_a_dotted_key_and_an_object_wins(lead: dict[str, Any], value: int) -> None:
    assert flattened(lead) == {"a.b": value}


def test_objects_are_flattened_down_to_a_depth() -> None:
    assert flattened(nested(DEEPEST)) == {"o." * (DEEPEST - 1) + "v": 1}
    too_deep = flattened(nested(DEEPEST + 1))
    assert too_deep == {"o." * (DEEPEST - 1) + "o": {"v": 1}}, "the last one stays an object"


def test_an_object_with_a_long_name_is_not_flattened() -> None:
    longest = "n" * LONGEST_PATH
    assert flattened({longest: {"v": 1}}) == {f"{longest}.v": 1}
    assert flattened({f"{longest}n": {"v": 1}}) == {f"{longest}n": {"v": 1}}


def test_the_paths_are_those_of_the_objects_that_are_flattened() -> None:
    lead = {"a": {"b": {"c": {}}}, "d": [], "n" * (LONGEST_PATH + 1): {"v": 1}}
    assert [*object_paths(lead)] == ["a", "a.b", "a.b.c"]


@pytest.mark.parametrize(
    ("lead", "path"),
    [
        ({"op": "c", "after": {"lead_id": 1}}, "after"),
        ({"before": {"x": 1}, "payload": {"after": {"lead_id": 1}}}, "payload.after"),
        ({"first": {"lead_id": 1}, "second": {"lead_id": 2}}, "first"),
        ({"lead_id": 1, "a": {"b": 1}}, None),
        ({"a": [{"lead_id": 1}]}, None),
    ],
    ids=["an envelope", "deeper", "the first of two", "only at the top", "in an array"],
)
def test_the_nested_object_with_a_key_is_found(lead: dict[str, Any], path: str | None) -> None:
    assert path_to("lead_id", lead) == path


NAMES = st.text("ab", min_size=1, max_size=3)
LEADS = st.dictionaries(
    NAMES, st.recursive(st.integers(), lambda inner: st.dictionaries(NAMES, inner), max_leaves=20)
)


@given(LEADS)
def test_without_dots_in_its_names_no_value_of_a_lead_is_lost(lead: dict[str, Any]) -> None:
    def values(found: Any) -> list[Any]:
        if isinstance(found, dict):
            return [value for inner in found.values() for value in values(inner)]
        return [found]

    found = flattened(lead)
    deep = [one for value in found.values() for one in values(value)]
    assert sorted(deep) == sorted(values(lead))
