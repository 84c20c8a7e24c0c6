"""How columns write times: decided over all values at once."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest

from features.time_decision import TimeDecision, decide_times, time_share
from features.written_cells import Hints
from schemas.time_reading import TimeReading


def times(cells: list[str], name: str = "x", **options: Any) -> TimeDecision:
    decision = decide_times(Counter(cells), name, **options)  # type: ignore[arg-type]
    assert decision is not None
    return decision


@pytest.mark.parametrize(
    ("cells", "first", "is_open"),
    [
        (["5/31/2024", "1/2/2024"], "month", False),
        (["31/5/2024", "1/2/2024"], "day", False),
        (["5/6/2024", "1/2/2024"], "month", True),
        (["2024-05-31", "2024-06-01"], None, False),
        ([*["13/1/2024", "14/2/2024"] * 60, "1/13/2024"], "day", False),
    ],
)
def test_the_order_of_day_and_month_follows_from_all_dates(
    cells: list[str], first: str | None, is_open: bool
) -> None:
    decision = times(cells)
    assert (decision.reading.first, decision.is_open) == (first, is_open)


def test_an_open_order_is_decided_by_the_file_or_somebody() -> None:
    cells = ["5/6/2024", "1/2/2024"]
    assert times(cells, hints=Hints(first="day")).reading.first == "day"
    given = times(cells, hints=Hints(first="day", is_first_given=True))
    assert (given.reading.first, given.is_open) == ("day", False)


def test_a_model_without_such_dates_reads_none_that_could_be_either() -> None:
    known = TimeReading()
    assert decide_times(Counter(["5/6/2024"]), "x", known=known) is None
    assert times(["5/31/2024"], known=known).reading.first == "month"
    assert times(["5/6/2024"], known=TimeReading(first="day")).reading.first == "day"


@pytest.mark.parametrize(
    ("cells", "name", "unit"),
    [
        (["1717113600", "1600000000"], "x", "s"),
        (["1717113600000", "1600000000000"], "x", "ms"),
        (["1717113600000000", "1600000000000000"], "x", "us"),
        (["1717113600000000000"], "created", "ns"),
        (["19874", "19000"], "last_visit", "days"),
        (["45443", "45000.5"], "signup date", "excel"),
        (["20240531", "20230102"], "x", None),
        (["202405", "202406", "202312"], "x", "months"),
        (["202405.0", "202406.0", "202312.0"], "x", "months"),
    ],
)
def test_the_unit_of_bare_numbers_follows_from_their_size_and_the_name(
    cells: list[str], name: str, unit: str | None
) -> None:
    assert times(cells, name).reading.unit == unit


@pytest.mark.parametrize(
    ("cells", "name"),
    [
        (["19874", "19000"], "employees"),
        (["1717113600", "1600000000"], "account_id"),
        (["1717113600", "12"], "x"),
        (["1717113600000000000"], "tweet"),
        (["soon", "later"], "created"),
        (["202413", "202406", "202312"], "x"),
        (["202405", "202406", "12"], "x"),
    ],
)
def test_other_cells_are_no_column_of_times(cells: list[str], name: str) -> None:
    assert decide_times(Counter(cells), name) is None


def test_last_digits_that_may_be_no_years_are_reported() -> None:
    days = [f"23/{month:02}/{day:02}" for month in range(1, 13) for day in range(1, 28)]
    assert times(days).example == "23/01/01"
    assert times([f"{day}.1.{year}" for day in range(1, 28) for year in (23, 24)]).example is None
    assert times([f"{day}.1.2024" for day in range(1, 28)]).example is None


def test_the_share_of_times_is_known_in_any_order_of_day_and_month() -> None:
    assert time_share(Counter(["2024-01-01", "13/1/2024", "x", "y"])) == 0.5
    assert time_share(Counter(["n/a"])) == 0.0
