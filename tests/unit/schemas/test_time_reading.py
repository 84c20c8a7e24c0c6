"""Written times, by a column's reading."""

from __future__ import annotations

import math

import pytest

from schemas.time_reading import TimeReading, plausible_span, read_time, time_of_number

DAY_FIRST, MONTH_FIRST = TimeReading(first="day"), TimeReading(first="month")


@pytest.mark.parametrize(
    ("text", "reading", "iso"),
    [
        ("5/31/2024", MONTH_FIRST, "2024-05-31"),
        ("5/31/24 1:05 PM", MONTH_FIRST, "2024-05-31T13:05"),
        ("12/1/2024, 12:00 AM", MONTH_FIRST, "2024-12-01"),
        ("31/05/2024 13:05:09", DAY_FIRST, "2024-05-31T13:05:09"),
        ("3/4/1999", DAY_FIRST, "1999-04-03"),
        ("1/1/70", DAY_FIRST, "1970-01-01"),
        ("1/1/69", DAY_FIRST, "2069-01-01"),
        ("31.5.2024 9:30", TimeReading(), "2024-05-31T09:30"),
        ("2024/05/31", TimeReading(), "2024-05-31"),
        ("20240531", TimeReading(), "2024-05-31"),
        ("2024-05", TimeReading(), "2024-05-01"),
        ("2024/5", TimeReading(), "2024-05-01"),
        ("05/2024", TimeReading(), "2024-05-01"),
        ("May 2024", TimeReading(), "2024-05-01"),
        ("mayo de 2024", TimeReading(), "2024-05-01"),
        ("2024年5月", TimeReading(), "2024-05-01"),
        ("Q2 2024", TimeReading(), "2024-04-01"),
        ("2024-Q4", TimeReading(), "2024-10-01"),
        ("202405", TimeReading(unit="months"), "2024-05-01"),
        ("20240531093000", TimeReading(), "2024-05-31T09:30"),
        ("2024-05-31 09:30:00 UTC", TimeReading(), "2024-05-31T09:30"),
        ("2024/05/31 09:30 +0200", TimeReading(), "2024-05-31T07:30"),
        ("31 May 2024", TimeReading(), "2024-05-31"),
        ("May 31, 2024", TimeReading(), "2024-05-31"),
        ("31. Okt 2024", TimeReading(), "2024-10-31"),
        ("/Date(1717113600000)/", TimeReading(), "2024-05-31"),
        ("1717113600", TimeReading(), "2024-05-31"),
        ("1717113600000", TimeReading(), "2024-05-31"),
        ("1717113600000000", TimeReading(), "2024-05-31"),
        ("1717113600000000000", TimeReading(), "2024-05-31"),
        ("45443", TimeReading(unit="excel"), "2024-05-31"),
        ("19874", TimeReading(unit="days"), "2024-05-31"),
    ],
)
def test_a_time_as_its_column_writes_it(text: str, reading: TimeReading, iso: str) -> None:
    assert read_time(text, reading) == read_time(iso)


@pytest.mark.parametrize(
    ("text", "reading"),
    [
        ("3/4/2024", TimeReading()),
        ("31/5/2024", MONTH_FIRST),
        ("5/31/2024", DAY_FIRST),
        ("2024-13-01", TimeReading()),
        ("1/1/2024 13:00 PM", MONTH_FIRST),
        ("12500", TimeReading()),
        ("007", TimeReading()),
        ("soon", TimeReading()),
        ("31 Foo 2024", TimeReading()),
    ],
)
def test_a_time_that_its_column_does_not_write_so(text: str, reading: TimeReading) -> None:
    assert read_time(text, reading) is None


def test_a_number_that_is_no_time_by_the_columns_unit_is_read_by_its_size() -> None:
    ms = 1_717_113_600_000
    for unit in ("s", "days", "excel", "us", "ns"):
        assert time_of_number(ms, TimeReading(unit=unit)) == ms
    assert time_of_number(19_874, TimeReading(unit="excel")) is None


def test_seconds_before_1990_are_read_where_the_training_data_have_them() -> None:
    births = TimeReading(unit="s", earliest=-1e12, latest=1e12)
    assert time_of_number(473_385_600, births) == 473_385_600_000
    assert time_of_number(473_385_600, TimeReading(unit="s")) is None


def test_a_columns_span_is_as_much_wider_as_it_is_long() -> None:
    assert plausible_span(TimeReading(), 5.0) == (5.0, -math.inf)
    assert plausible_span(TimeReading(earliest=7.0, latest=9.0), 5.0) == (5.0, 11.0)
    assert plausible_span(TimeReading(earliest=1.0, latest=9.0), 5.0) == (-7.0, 17.0)


@pytest.mark.parametrize(
    "text",
    [
        *("31 mai 2024", "31 de mayo de 2024", "31 maggio 2024", "31. Mai 2024", "31 mei 2024"),
        *("31 maja 2024", "31 мая 2024", "31 Mayıs 2024", "31 maj 2024", "31 maio 2024"),
        *("2024年5月31日", "2024년 5월 31일", "2024. 05. 31.", "Fri May 31 2024", "Fri 31.05.2024"),
        *("31.05.2024 (Fri)", "Fr., 31.05.2024", "May 31, 2024", "31 May 2024", "31MAY2024"),
    ],
)
def test_a_date_of_another_language_is_read(text: str) -> None:
    assert read_time(text) == read_time("2024-05-31")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Fri May 31 14:05:07 2024", "2024-05-31T14:05:07Z"),
        ("Fri May 31 14:05:07 UTC 2024", "2024-05-31T14:05:07Z"),
        (
            "Fri May 31 2024 14:05:07 GMT+0200 (Central European Summer Time)",
            "2024-05-31T12:05:07Z",
        ),
        ("2024-05-31T14:05:07+02:00[Europe/Berlin]", "2024-05-31T12:05:07Z"),
        ("2024-05-31 14:05:07 CEST", "2024-05-31T12:05:07Z"),
        ("2024-05-31-14.05.07.000000", "2024-05-31T14:05:07Z"),
        ("31/05/2024 02:05:07 p. m.", "2024-05-31T14:05:07Z"),
        ("31/05/2024 à 14:05", "2024-05-31T14:05:00Z"),
        ("31.05.2024 14:05 Uhr", "2024-05-31T14:05:00Z"),
        ("31/05/2024 14h05", "2024-05-31T14:05:00Z"),
        ("2024/05/31 下午02:05", "2024-05-31T14:05:00Z"),
        ("2024-05-31 오후 02:05:07", "2024-05-31T14:05:07Z"),
        ("2024年5月31日 14時05分", "2024-05-31T14:05:00Z"),
        ("\u200e31\u200e/\u200e05\u200e/\u200e2024", "2024-05-31T00:00:00Z"),
    ],
)
def test_a_time_as_people_and_programs_write_it(text: str, expected: str) -> None:
    assert read_time(text, TimeReading(first="day")) == read_time(expected)


@pytest.mark.parametrize(
    "text",
    [
        *("24-May", "12 Marketing 2024", "31 jui 2024", "2024-05-31 14:05 IST", "31 lip"),
        *("Fri", "2024 Fri 31", "about 31.05.2024 or later"),
    ],
)
def test_text_that_only_resembles_a_date_is_no_date(text: str) -> None:
    assert read_time(text, TimeReading(first="day")) is None


@pytest.mark.parametrize("text", ["0000-00-00", "0000-00-00 00:00:00", "00/00/0000", "00.00.00"])
def test_a_date_of_zeros_is_missing(text: str) -> None:
    at = read_time(text)
    assert at is not None
    assert math.isnan(at)


def test_digits_that_are_a_day_or_a_month_are_one_as_a_number_too() -> None:
    """An event with 20240531 as a number was a dead letter, and as text a lead."""
    assert time_of_number(20240531.0) == read_time("2024-05-31")
    months = TimeReading(unit="months")
    assert time_of_number(202405.0, months) == read_time("2024-05-01")
    for number in (202413.0, 202405.5, math.inf, 1e300, 12.0):
        assert time_of_number(number, months) is None
