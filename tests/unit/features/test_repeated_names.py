"""Names of columns that a file has twice, exactly or in another form."""

from __future__ import annotations

import pytest

from features.repeated_names import alike, check_repeated
from schemas.errors import InputError


@pytest.mark.parametrize("columns", [["a", "b", "a"], ["a", "b", "b", "a"]])
def test_a_name_that_comes_twice_is_refused_with_the_name_and_the_file(columns: list[str]) -> None:
    with pytest.raises(InputError, match=r"^leads\.csv has more than one column 'a'"):
        check_repeated(columns, "leads.csv")


def test_names_that_differ_in_case_are_alike_and_no_repetition() -> None:
    check_repeated(["a", "A", "a "], "leads.csv")
    assert alike(["a", "A", "a "]) == [["a", "A", "a "]]


@pytest.mark.parametrize(
    ("columns", "groups"),
    [
        (["Lead Source", "won", "lead_source"], [["Lead Source", "lead_source"]]),
        (["a-b", "x", "A B", "a.b", "X"], [["a-b", "A B", "a.b"], ["x", "X"]]),
        (["page_views", "pages", "views"], []),
        (["+", "-", "?"], []),
        ([], []),
    ],
    ids=["two", "several groups", "no group", "punctuation alone has no form", "no column"],
)
def test_names_that_differ_in_form_only_are_one_group(
    columns: list[str], groups: list[list[str]]
) -> None:
    assert alike(columns) == groups
