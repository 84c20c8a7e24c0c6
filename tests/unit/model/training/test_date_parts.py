"""Which parts of dates are learnt: those that differ between leads, and never absolute time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from numpy.typing import NDArray

from features.date_values import HOUR_MS, ages_in_days
from features.field_spec import DAY_MS, DatePart
from model.training.date_parts import DateParts, choose_date_parts, later_share
from model.training.inspection import inspect_columns
from model.training.specify import Leads
from schemas.fields import FieldKind

HOUR, WEEKDAY, MONTH, AGE = DatePart.HOUR, DatePart.WEEKDAY, DatePart.MONTH, DatePart.AGE
NAN = float("nan")
START = datetime(2024, 1, 1, tzinfo=UTC).timestamp() * 1000


def days(*offsets: float) -> NDArray[np.float64]:
    return START + np.array(offsets, dtype=np.float64) * DAY_MS


def chosen(**dates: NDArray[np.float64]) -> dict[str, DateParts]:
    return choose_date_parts(dict.fromkeys(dates, FieldKind.DATE), dates)


def parts(dates: NDArray[np.float64]) -> tuple[DatePart, ...]:
    return chosen(seen=dates)["seen"].parts


MONTHS = (
    np.arange("2023-01", "2024-03", dtype="datetime64[M]")
    .astype("datetime64[ms]")
    .astype(np.float64)
)


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        (days(*range(500)), (WEEKDAY, MONTH)),
        (days(*np.arange(500) + 0.3), (WEEKDAY, MONTH)),
        (days(*np.arange(500) * 1.01), (HOUR, WEEKDAY, MONTH)),
        (days(*np.arange(100) * 1.01), (HOUR, WEEKDAY)),
        (days(*np.arange(0, 700, 7)), (MONTH,)),
        (days(0, 7, 14), ()),
        (days(3, 3, NAN), (WEEKDAY,)),
        (days(3, 3, 3), ()),
        (days(NAN, 1, 2, NAN), (WEEKDAY,)),
        (np.array([1e300, NAN]), ()),
        (np.array([]), ()),
        (MONTHS, (MONTH,)),
        (MONTHS[:2], (WEEKDAY,)),
    ],
    ids=(
        *(
            "days",
            "one hour",
            "clock",
            "a quarter",
            "Mondays",
            "near Mondays",
            "some",
            "one",
            "gaps",
        ),
        *("far", "none", "months", "two months"),
    ),
)
def test_a_part_that_is_the_same_for_all_leads_is_left_out(
    dates: NDArray[np.float64], expected: tuple[DatePart, ...]
) -> None:
    assert parts(dates) == expected


def at_midnight(zone: str, *offsets: int) -> NDArray[np.float64]:
    """Return days at midnight of a zone, in ms since 1970."""
    first = datetime(2023, 12, 1, tzinfo=ZoneInfo(zone))
    return np.array([(first + timedelta(days=day)).timestamp() * 1000 for day in offsets])


YEAR = [i * 61 % 400 for i in range(400)]
ZONES = ["Europe/Berlin", "Europe/London", "America/New_York", "Pacific/Auckland", "Asia/Kolkata"]


@pytest.mark.parametrize("zone", ZONES)
def test_days_at_a_local_midnight_have_no_hour(zone: str) -> None:
    """Europe's are at 22:00 in summer and at 23:00 in winter, in UTC: an hour that says season."""
    found = chosen(seen=at_midnight(zone, *YEAR))["seen"]
    assert found.parts == (WEEKDAY, MONTH)
    weekdays = (at_midnight(zone, *YEAR) + found.day_shift_ms) // DAY_MS % 7
    assert np.array_equal(weekdays, (at_midnight("UTC", *YEAR) // DAY_MS) % 7)


@pytest.mark.parametrize("zone", ZONES)
def test_ages_from_a_local_midnight_are_whole_days(zone: str) -> None:
    created, ages = at_midnight(zone, *YEAR), np.arange(400) % 90
    dates = {
        "seen": at_midnight(zone, *(np.array(YEAR) - ages).tolist()),
        "created_at": created,
    }
    found = choose_date_parts(dict.fromkeys(dates, FieldKind.DATE), dates)
    assert found["seen"].whole_days
    shifts = found["seen"].day_shift_ms, found["created_at"].day_shift_ms
    # An event of the same day at noon is as old as the training's leads.
    for hours in (0, 12):
        moments = created + hours * HOUR_MS
        counted = ages_in_days(dates["seen"], moments, whole_days=True, shifts=shifts)
        assert np.array_equal(counted, ages)


def test_two_hours_of_a_clock_are_no_midnight() -> None:
    """Imports at 9 and at 10 o'clock: which of them says something."""
    hours = np.array([9, 10])[np.random.default_rng(3).integers(2, size=200)]
    clock = days(*np.arange(200)) + hours * HOUR_MS
    assert HOUR in parts(clock)
    assert HOUR in parts(days(*np.arange(200)) + np.where(np.arange(200) < 100, 9, 12) * HOUR_MS)


def test_days_at_noon_are_days_of_utc() -> None:
    assert chosen(seen=days(*np.arange(200) + 0.5))["seen"].day_shift_ms == 0


def test_a_mistyped_year_makes_no_season() -> None:
    assert MONTH not in parts(days(*range(200), -20_000, 20_000))


def test_the_age_counts_from_the_creation() -> None:
    found = chosen(seen=days(*range(0, 60, 2)), created_at=days(*range(60, 90)))
    assert found["seen"] == DateParts((WEEKDAY, AGE), whole_days=True)
    assert found["created_at"].parts == (WEEKDAY,)
    clock = chosen(seen=days(*range(0, 60, 2)), created_at=days(*np.arange(60, 90, 1.0) * 1.01))
    assert not clock["seen"].whole_days


@pytest.mark.parametrize(
    "seen",
    [days(*range(30)), np.full(30, START + 7 * DAY_MS)],
    ids=["always as old", "one day for all: its age is calendar time"],
)
def test_an_age_without_signal_is_left_out(seen: NDArray[np.float64]) -> None:
    found = chosen(seen=seen, created_at=days(*range(30)))
    assert AGE not in found["seen"].parts


@pytest.mark.parametrize("others", [0, 1, 5])
def test_a_day_that_almost_all_leads_share_gives_no_age(others: int) -> None:
    spread = days(*np.arange(1000) % 97 + 0.3)
    one_day = days(*range(others), *np.full(1000 - others, 50.0)) + np.arange(1000)
    assert AGE not in chosen(seen=one_day, created_at=spread)["seen"].parts
    assert AGE not in chosen(seen=spread, created_at=one_day)["seen"].parts
    assert AGE in chosen(seen=spread, created_at=days(*np.arange(1000) % 89))["seen"].parts


def test_only_leads_with_both_times_count_for_ages() -> None:
    seen = days(*np.where(np.arange(200) % 4, NAN, 3.0))
    seen[1::4] = days(*range(50))
    created = days(*np.where(np.arange(200) % 4 == 1, NAN, np.arange(200)))
    assert AGE not in chosen(seen=seen, created_at=created)["seen"].parts


def test_dates_after_the_creation_are_counted_from_a_day_on() -> None:
    created = days(0, 0, 0, 0, NAN)
    assert later_share(days(0.9, 1.0, 5, NAN, 3), created) == pytest.approx(2 / 3)
    assert later_share(days(NAN, NAN, NAN, NAN, 3), created) == 0.0


def test_a_date_is_inspected_by_what_the_model_reads_of_it() -> None:
    created = days(*np.linspace(0, 100, 400))
    ages = np.random.default_rng(1).uniform(0, 60, 400)
    labels = ages < 20
    columns = {"seen": created - ages * DAY_MS, "created_at": created}
    leads = Leads.of(dict.fromkeys(columns, FieldKind.DATE), columns, labels)
    names = {name: name for name in columns}
    found = {alone.column: alone.auc for alone in inspect_columns(leads, names, 1).strongest}
    assert found["seen"] > 0.95
    assert found["created_at"] < 0.65
