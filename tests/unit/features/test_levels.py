"""Cells that mean missing are missing wherever training reads them."""

from __future__ import annotations

import pytest

from features.levels import known_level, level_codes


@pytest.mark.parametrize("cell", [None, "", "  ", "NULL", "n/a", "<NA>", "#N/A", "\\N", " TBA "])
def test_a_cell_that_means_missing_has_no_level(cell: str | None) -> None:
    assert known_level(cell, {"tba"}) is None


def test_a_level_is_folded() -> None:
    assert known_level(" Trade\tFAIR ") == "trade fair"


def test_levels_that_are_one_have_one_number() -> None:
    assert level_codes(["Web", None, "fair", "web ", "<NA>"]).tolist() == [0, 1, 2, 0, 1]
