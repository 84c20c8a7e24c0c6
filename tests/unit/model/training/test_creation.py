"""The time of creation: the hint to name it, its reading, and what is said where no age counts."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from features.table_file import parse_table
from model.training.options import TrainOptions
from model.training.preparation import Prepared, prepare
from schemas.errors import InputError

START = datetime(2024, 1, 1, tzinfo=UTC)
ROWS = 120


def on(day: int, hour: int = 0) -> str:
    return f"{START + timedelta(days=day, hours=hour):%Y-%m-%d %H:%M}"


SPREAD = [on(i * 37 % 89, i % 24) for i in range(ROWS)]


def no_ages(created: list[str] | None, **options: Any) -> list[str]:
    """Return the warnings on ages for a file with one date and a ``created_at``."""
    rng = np.random.default_rng(3)
    names = ["seen", "size", "won"] if created is None else ["seen", "size", "won", "created_at"]
    rows = [
        [on(int(rng.integers(90))), f"{rng.normal():.3f}", "yes" if i % 3 else "no"]
        for i in range(ROWS)
    ]
    if created is not None:
        rows = [[*row, at] for row, at in zip(rows, created, strict=True)]
    table = parse_table("\n".join(map(",".join, [names, *rows])).encode(), "leads.csv")
    warnings = prepare(table, TrainOptions(target="won", **options)).warnings
    return [warning for warning in warnings if "is not learnt" in warning]


@pytest.mark.parametrize(
    ("created", "why"),
    [
        (["soon", "later"] * (ROWS // 2), "its values are no times"),
        ([""] * ROWS, "no values"),
        ([on(0)] * ROWS, "the same value in every row"),
        ([on(0), *[""] * (ROWS - 1)], "almost empty: 1 of 120 rows have a value"),
        ([on(int(i == 0), i % 24) for i in range(ROWS)], "almost all of its times are of one day"),
    ],
)
def test_a_created_at_that_is_useless_for_ages_is_warned_of(created: list[str], why: str) -> None:
    (warning,) = no_ages(created)
    assert warning.startswith("How old the dates of seen were")
    assert f"created_at can't be what ages are counted from ({why})" in warning


def test_without_a_creation_the_option_is_named() -> None:
    (warning,) = no_ages(None)
    assert "with --time" in warning


def test_no_warning_where_ages_are_learnt_or_excluded() -> None:
    assert no_ages(SPREAD) == []
    assert no_ages(SPREAD, time="created_at") == []
    assert no_ages([on(0)] * ROWS, exclude=("created_at",)) == []


def hints(column: str, *, in_order: bool, gaps: bool = False, **options: Any) -> list[str]:
    """Return the hints on a file with one column of times."""
    rng = np.random.default_rng(6)
    hours = np.sort(rng.integers(0, 8000, ROWS))
    if not in_order:
        rng.shuffle(hours)
    lines = [f"{column},size,won"]
    for i, hour in enumerate(hours.tolist()):
        at = "" if gaps and i % 9 == 0 else f"{START + timedelta(hours=9.5 + hour):%Y-%m-%d %H:%M}"
        lines.append(f"{at},{rng.normal():.3f},{'yes' if i % 3 else 'no'}")
    table = parse_table("\n".join(lines).encode(), "leads.csv")
    warnings = prepare(table, TrainOptions(target="won", **options)).warnings
    return [warning for warning in warnings if "looks like the time of creation" in warning]


@pytest.mark.parametrize(
    ("column", "in_order"),
    [("created_at", False), ("Create Date Created", False), ("at", True), ("When", True)],
)
def test_a_time_of_creation_is_found_by_name_or_order(column: str, in_order: bool) -> None:
    (hint,) = hints(column, in_order=in_order)
    assert hint.startswith(f"{column} looks like the time of creation")
    assert "the latest 20 %" in hint


@pytest.mark.parametrize(
    ("column", "in_order", "gaps"),
    [
        ("last_touch", False, False),
        ("at", False, False),
        ("closed_at", True, False),
        ("last created deal", False, False),
        ("created", False, True),
        ("created_at", False, True),
    ],
)
def test_other_dates_are_no_time_of_creation(column: str, in_order: bool, gaps: bool) -> None:
    assert hints(column, in_order=in_order, gaps=gaps) == []


def test_created_at_without_dates_is_no_time_of_creation() -> None:
    lines = ["created_at,size,won"]
    lines += [f"{'ab'[i % 2]},{i * 7919 % 101}.5,{'yes' if i % 3 else 'no'}" for i in range(ROWS)]
    table = parse_table("\n".join(lines).encode(), "leads.csv")
    assert not any("looks like" in w for w in prepare(table, TrainOptions(target="won")).warnings)


def test_no_hint_where_the_order_is_known_or_the_column_excluded() -> None:
    assert hints("created_at", in_order=True, time="created_at") == []
    assert hints("created_at", in_order=True, ordered=True) == []
    assert hints("created_at", in_order=True, exclude=("created_at",)) == []


def dates(*days: int) -> list[str]:
    return [f"{START + timedelta(days=day):%d/%m/%Y}" for day in days]


def prepared(created: list[str], touched: list[str], **options: Any) -> Prepared:
    lines = ["created_at,last_touch,size,won"]
    lines += [
        f"{a},{b},{i * 7919 % 101}.5,{'yes' if i % 3 else 'no'}"
        for i, (a, b) in enumerate(zip(created, touched, strict=True))
    ]
    table = parse_table("\n".join(lines).encode(), "leads.csv")
    return prepare(table, TrainOptions(**{"target": "won", **options}))


CREATED = [31 + i * 37 % 300 for i in range(ROWS)]
EARLY = [i * 31 % 366 for i in range(ROWS)]
"""Days up to the 12th alone are used, as they may be months too."""
FIRST_DAYS = [
    (START + timedelta(days=day)).replace(day=1 + i % 12).strftime("%d/%m/%Y")
    for i, day in enumerate(EARLY)
]


@pytest.mark.parametrize("options", [{}, {"time": "created_at"}], ids=["by name", "by --time"])
def test_the_creation_decides_the_order_of_days_and_months_of_other_dates(
    options: dict[str, str],
) -> None:
    """Else the ages of last_touch would be wrong by months."""
    found = prepared(dates(*CREATED), FIRST_DAYS, **options).inferred
    readings = [found.readings[name] for name in ("created_at", "last_touch")]
    assert [getattr(reading, "first", None) for reading in readings] == ["day", "day"]


def test_other_dates_decide_the_order_of_days_and_months_of_the_creation() -> None:
    """For the order of the rows as for the ages."""
    found = prepared(FIRST_DAYS, dates(*CREATED), time="created_at")
    times = found.leads.columns["created_at"]
    assert (np.diff(times) >= 0).all()
    named = [f"{at:%d/%m/%Y}" for at in map(_moment, times.tolist())]
    assert sorted(named) == sorted(FIRST_DAYS)


def test_rows_that_are_left_out_have_a_vote_on_days_and_months() -> None:
    """The only date with a day above 12 is of a row without an outcome."""
    lines = ["created_at,size,won"]
    lines += [
        f"{at},{i * 7919 % 101}.5,{'yes' if i % 3 else 'no'}" for i, at in enumerate(FIRST_DAYS)
    ]
    lines.append("25/3/2024,1.5,")
    table = parse_table("\n".join(lines).encode(), "leads.csv")
    inferred = prepare(table, TrainOptions(target="won", time="created_at")).inferred
    assert getattr(inferred.readings["created_at"], "first", None) == "day"


def _moment(ms: float) -> datetime:
    return datetime.fromtimestamp(ms / 1000, UTC)


@pytest.mark.parametrize("option", ["id", "group"])
def test_a_created_at_that_is_something_else_is_no_field(option: str) -> None:
    found = prepared(SPREAD, SPREAD[::-1], **{option: "created_at"})
    assert "created_at" not in found.leads.kinds
    assert f"(--{option})" in found.inferred.dropped["created_at"]
    assert any("ages are counted from" in w and f"(--{option})" in w for w in found.warnings)


@pytest.mark.parametrize("option", ["id", "group"])
def test_the_time_is_no_id_and_groups_no_rows(option: str) -> None:
    with pytest.raises(InputError, match=rf"--{option} 'created_at': the column is the time"):
        prepared(SPREAD, SPREAD[::-1], time="created_at", **{option: "created_at"})


def test_created_at_is_no_target() -> None:
    with pytest.raises(InputError, match="can be one thing only"):
        prepared(SPREAD, SPREAD[::-1], target="created_at")
