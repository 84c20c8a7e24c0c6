"""Printed outcomes and groups of the training rows."""

from __future__ import annotations

import io
from typing import Any

import pytest
from rich.console import Console

from model.group_counts import GroupCounts
from model.label_counts import LabelCounts
from stream.cli.training_rows import print_rows


def printed(labels: LabelCounts | None = None, groups: GroupCounts | None = None) -> list[str]:
    console = Console(width=400, file=io.StringIO())
    print_rows("stage", labels, groups, console)
    return console.file.getvalue().splitlines()  # type: ignore[attr-defined,no-any-return]


def groups(**given: Any) -> GroupCounts:
    return GroupCounts(**{"groups": 1200, "positive": 1, "negative": 2, "largest": 40, **given})


def test_without_counts_nothing_is_printed() -> None:
    assert printed() == []


def test_values_of_the_target_are_listed_by_outcome() -> None:
    labels = LabelCounts(success={"won": 1200}, failure={"lost": 30, "gone": 2})
    assert printed(labels) == ["stage  success: won (1,200); failure: lost (30), gone (2)"]


def test_rows_that_were_left_out_are_listed_with_the_reason() -> None:
    labels = LabelCounts(
        success={"won": 1}, failure={"lost": 1}, ignored={"open": 7}, missing=3, immature=2
    )
    [line] = printed(labels)
    assert line.endswith("; left out: open (7), no value (3), too young (2)")


@pytest.mark.parametrize(
    ("counts", "line"),
    [
        (
            groups(columns=("customer",), repeated=80, identical_together=True),
            "1,200 groups of rows that belong together (the same customer, identical rows); the"
            " largest has 40 rows",
        ),
        (groups(columns=("customer",)), "no two rows have the same customer"),
        (
            groups(identical=12),
            "12 rows are identical to another one in all fields, the time apart, and the outcome:"
            " different leads that these fields do not distinguish",
        ),
    ],
)
def test_rows_that_belong_together_are_one_line(counts: GroupCounts, line: str) -> None:
    assert printed(groups=counts) == [line]


def test_rows_on_their_own_are_no_line() -> None:
    assert printed(groups=groups()) == []
