"""Remarks on readings that may surprise, and none on the usual ones."""

from __future__ import annotations

from typing import Any

import pytest

from features.number_decision import NumberDecision
from features.remarks import differs, remark_on
from features.time_decision import TimeDecision
from schemas.number_reading import NumberReading
from schemas.time_reading import TimeReading


def of_numbers(is_open: bool = False, **reading: Any) -> NumberDecision:
    return NumberDecision(NumberReading(**reading), {}, {}, is_open=is_open)


def of_times(is_open: bool = False, **reading: Any) -> TimeDecision:
    return TimeDecision(TimeReading(**reading), {}, {}, is_open=is_open)


@pytest.mark.parametrize("usual", [of_numbers(), of_times()], ids=["numbers", "times"])
def test_the_usual_reading_needs_no_remark(usual: NumberDecision | TimeDecision) -> None:
    assert remark_on(usual) is None


@pytest.mark.parametrize(
    ("decision", "remark"),
    [
        (
            of_numbers(decimal=",", grouping="."),
            "read as numbers with a point between thousands and a comma before decimals",
        ),
        (of_numbers(scaled=True), "read as numbers with letters that multiply"),
        (of_times(first="month"), "its dates were read with the month first"),
        (of_times(unit="s"), "its numbers were read as times, in seconds since 1970"),
    ],
)
def test_an_unusual_reading_is_named(decision: NumberDecision | TimeDecision, remark: str) -> None:
    assert str(remark_on(decision)).startswith(remark)


@pytest.mark.parametrize(
    ("decision", "option"),
    [
        (of_numbers(is_open=True, grouping=","), "--decimal"),
        (of_times(is_open=True, first="day"), "--dates"),
        (of_times(first="day"), "--dates month if not"),
        (of_times(unit="ms"), "--as COLUMN=number"),
    ],
)
def test_the_option_that_decides_otherwise_is_named_only_where_there_are_options(
    decision: NumberDecision | TimeDecision, option: str
) -> None:
    assert option in str(remark_on(decision))
    assert "--" not in str(remark_on(decision, options=False))


def test_an_open_decision_says_what_it_left_open() -> None:
    assert "whether a comma separates thousands or decimals: it was read as separating" in str(
        remark_on(of_numbers(is_open=True, grouping=","))
    )


def test_a_file_that_is_written_otherwise_than_the_training_data_differs() -> None:
    assert differs(NumberReading(decimal=","), NumberReading())
    assert not differs(NumberReading(decimal=","), NumberReading(decimal=","))
    assert differs(TimeReading(first="day"), TimeReading(first="month"))
    assert not differs(TimeReading(first="day"), TimeReading(first="day", unit="s"))
    assert not differs(NumberReading(decimal=","), TimeReading())
    assert not differs(NumberReading(decimal=","), None)
