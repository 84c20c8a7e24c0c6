"""Cells as they are written: samples, missing words, and cells that can't be read."""

from __future__ import annotations

import pytest

from features.written_cells import SAMPLE, are_too_many, bare, count_present, left_over, spread


def read(cell: str) -> float | None:
    if cell == "n/a":
        return float("nan")
    return float(cell) if cell.isdecimal() else None


def test_a_sample_is_taken_evenly_from_a_column_with_many_different_cells() -> None:
    few = {str(i): 1 for i in range(SAMPLE)}
    assert spread(few) == few
    many = spread({str(i): i for i in range(10 * SAMPLE + 1)})
    assert len(many) <= SAMPLE
    assert many["0"] == 0
    assert max(many.values()) > 9.9 * SAMPLE, "a sorted file begins with small numbers"


def test_a_bare_cell_has_plain_spaces_and_minus_signs() -> None:
    assert bare(" \u22121\u202f250\u200b ") == "-1 250"


def test_words_that_mean_missing_are_not_present() -> None:
    cells = {"7": 3, "n/a": 5, "Not  asked": 2, "abc": 1}
    assert count_present(cells, ()) == 6
    assert count_present(cells, {"not asked"}) == 4


def test_left_over_cells_are_missing_or_misfits_by_the_stripped_cell() -> None:
    words, misfits = left_over({"1": 9, " n/a ": 2, "n/a": 1, "abc ": 4}, read)
    assert (words, misfits) == ({"n/a": 3}, {"abc": 4})


@pytest.mark.parametrize(
    ("misfits", "tolerated", "expected"),
    [
        ({}, 0.0, False),
        ({"x": 2}, 0.02, False),
        ({"x": 3}, 0.02, True),
        ({"x": 99}, 1.0, False),
        ({"x": 100}, 1.0, True),
    ],
    ids=["none", "as many as tolerated", "one more", "all but one", "all"],
)
def test_a_column_tolerates_a_share_of_misfits_but_not_only_misfits(
    misfits: dict[str, int], tolerated: float, expected: bool
) -> None:
    """The share is of the cells that are known: those that mean missing do not count."""
    cells = {"value": 100, "n/a": 50}
    assert are_too_many(cells, {"n/a": 50}, misfits, tolerated) is expected
