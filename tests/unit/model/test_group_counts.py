"""Counts of rows that belong together."""

from __future__ import annotations

import pytest
from pydantic import ValidationError

from model.group_counts import GroupCounts

COUNTS = {"groups": 3, "positive": 1, "negative": 2, "largest": 4}


@pytest.mark.parametrize(
    ("columns", "shared"),
    [((), ""), (("customer",), "customer"), (("customer", "id"), "customer or id")],
)
def test_the_columns_read_as_a_part_of_a_sentence(columns: tuple[str, ...], shared: str) -> None:
    assert GroupCounts(columns=columns, **COUNTS).shared == shared


def test_counts_survive_json_and_negative_ones_are_refused() -> None:
    counts = GroupCounts(columns=("customer",), identical=2, **COUNTS)
    assert GroupCounts.model_validate_json(counts.model_dump_json()) == counts
    with pytest.raises(ValidationError, match="largest"):
        GroupCounts(**{**COUNTS, "largest": -1})
