"""Cells read as numbers, times and levels."""

from __future__ import annotations

import numpy as np
import pytest

from features.column import CellError, Milliseconds, Numbers, TextCells
from features.written_cells import Hints


def numbers(*cells: str | None, comma: bool = False) -> list[float]:
    hints = Hints(decimal="," if comma else ".")
    return TextCells(cells, hints=hints).numbers().tolist()


def ms(*cells: str | None) -> list[float]:
    return TextCells(cells).milliseconds().tolist()


def test_cells_are_read_as_numbers() -> None:
    assert numbers("1", " -2.5 ", "+.5", "1e3", "7.") == [1, -2.5, 0.5, 1000, 7]


def test_words_for_missing_are_nan() -> None:
    assert np.isnan(numbers(None, "NaN", "n/a", "null", "inf", "-Infinity", "1e999")).all()


@pytest.mark.parametrize("cell", ["abc", "1,2,5", "1_000", "0x10", "12 kg", "0123", "1 2", "¹"])
def test_other_text_is_no_number(cell: str) -> None:
    with pytest.raises(CellError) as caught:
        numbers("1", "2", cell)
    assert (caught.value.row, caught.value.cell) == (2, cell)


def test_a_decimal_comma_is_read_where_commas_do_not_separate() -> None:
    assert numbers("1,5", "2", "-0,25", comma=True) == [1.5, 2, -0.25]
    assert numbers("1,5", "1.000,50", comma=True) == [1.5, 1000.5]


def test_cells_are_read_as_milliseconds_since_1970() -> None:
    day = 86_400_000
    assert ms("1970-01-02", "1970-01-02T00:00:00Z", "1970-01-02T02:00:00+02:00") == [day] * 3
    assert ms("1970/01/02", "2.1.1970", "02.01.1970 00:00:01") == [day, day, day + 1000]
    assert ms("20240531") == ms("2024-05-31")
    assert ms("1717144200", "1717144200000") == [1717144200000] * 2
    assert ms("1970-01-01T00:00:00.001Z") == [1]


@pytest.mark.parametrize(
    "cell", ["soon", "31/05/2024/1", "2024-13-01", "2024-05-31 25:00", "007", "1e300", "-1e15"]
)
def test_other_text_is_no_time(cell: str) -> None:
    with pytest.raises(CellError, match="row 1"):
        ms(cell)


def test_typed_numbers_become_levels_and_infinity_is_missing() -> None:
    column = Numbers(np.array([1.0, 2.5, np.nan, np.inf]))
    assert column.strings()[:3] == ["1", "2.5", None]
    assert np.isnan(column.numbers()[2:]).all()


def test_typed_times_are_written_in_iso_8601() -> None:
    column = Milliseconds(np.array([0.0, np.nan]))
    assert column.strings() == ["1970-01-01T00:00:00+00:00", None]
    assert column.milliseconds()[0] == 0
