"""Levels that look like numbers or dates which nobody reads."""

from __future__ import annotations

import pytest

from features.lookalikes import resembles


def once(*cells: str) -> dict[str, int]:
    return dict.fromkeys(cells, 1)


@pytest.mark.parametrize("form", ["{} km", "~{}", "ca. {}", "€ {}", "{} years"])
def test_numbers_with_words_are_found(form: str) -> None:
    found = resembles(once(*(form.format(n) for n in range(1, 31))))
    assert found is not None
    assert f"numbers with words ('{form.format(1)}')" in found


def test_few_numbers_with_words_are_levels() -> None:
    assert resembles(once(*(f"{n} km" for n in range(1, 15)))) is None


def test_plain_numbers_are_not_numbers_with_words() -> None:
    assert resembles(once(*(str(n) for n in range(1, 31)))) is None


def test_numbers_beside_many_other_words_are_levels() -> None:
    cells = once(*(f"{n} km" for n in range(1, 31)))
    assert resembles(cells | {"far": 20}) is None


@pytest.mark.parametrize("form", ["{:02d}x05x2024", "{:02d}052024", "May {} at 2024"])
def test_dates_in_a_form_that_is_not_read_are_found(form: str) -> None:
    cells = [form.format(n).replace("x", "-") for n in range(1, 29)]
    found = resembles(once(*cells))
    assert found is not None
    assert "dates in a form that is not read" in found
    assert repr(cells[0]) in found


def test_days_as_spreadsheets_count_them_are_dates_beside_dates() -> None:
    dates = once(*(f"{n:02d}-05-2024" for n in range(1, 29)))
    assert "dates" in str(resembles({**dates, "45443": 12}))
    assert resembles({**dates, "unknown": 12}) is None


def test_ranges_that_a_spreadsheet_made_dates_are_named() -> None:
    found = resembles(once("1-9", "10-Dec", "20-50"))
    assert found is not None
    assert "ranges that a spreadsheet has made dates ('10-Dec')" in found
    assert resembles(once("10-Dec", "11-Dec")) is None, "without a range they may be days"


def test_levels_resemble_nothing() -> None:
    assert resembles({"web": 30, "fair": 12, "route 66": 3}) is None


@pytest.mark.parametrize(
    "levels",
    [
        ["FY24", "FY23", "FY22"],
        ["2023/24", "2022/23", "2021/22"],
        ["KW 23/2024", "KW 24/2024", "KW 25/2024"],
        ["2024 W23", "2024 W24", "2024 W25"],
        ["H1 2024", "H2 2024", "H1 2023"],
        ["May-24", "Jun-24", "Jul-24"],
        ["05.2024", "06.2024", "12.2023"],
        ["FY2024-Q1", "FY2024-Q2", "FY2024-Q3"],
        ["Q1'24", "Q2'24", "Q3'24"],
        ["Mai '24", "Juni '24", "Juli '24"],
    ],
)
def test_periods_of_time_are_reported(levels: list[str]) -> None:
    """They were a category, and every period to come was an unseen level."""
    remark = resembles(dict.fromkeys(levels, 5))
    assert remark is not None
    assert "look like periods of time" in remark
    assert "--as COLUMN=ignore" in remark


@pytest.mark.parametrize(
    "levels",
    [
        ["A1", "B2", "C3"],
        ["1-10", "11-50", "51-200"],
        ["Q1", "Q2", "Q3"],
        ["W12", "T13", "S10"],
        ["2 h 30", "1 h 15", "3 h 00"],
        ["Week 1", "Week 2", "Week 3"],
        ["v1.2", "v1.3", "v2.0"],
    ],
)
def test_other_levels_are_no_periods(levels: list[str]) -> None:
    assert resembles(dict.fromkeys(levels, 5)) is None
