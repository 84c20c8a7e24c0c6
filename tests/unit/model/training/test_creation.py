"""The warning that ages are not learnt: wherever there are dates, and none can be counted from."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from features.table import parse_table
from model.training.options import TrainOptions
from model.training.preparation import prepare

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
    warnings = prepare(table, TrainOptions(target="won", **options)).warnings  # type: ignore[arg-type]
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
def test_a_created_at_from_which_no_age_counts_is_said(created: list[str], why: str) -> None:
    (warning,) = no_ages(created)
    assert warning.startswith("How old the dates of seen were")
    assert f"created_at can't be what ages are counted from ({why})" in warning


def test_without_a_creation_the_option_is_named() -> None:
    (warning,) = no_ages(None)
    assert "with --time" in warning


def test_nothing_is_said_where_ages_are_learnt_or_not_wanted() -> None:
    assert no_ages(SPREAD) == []
    assert no_ages(SPREAD, time="created_at") == []
    assert no_ages([on(0)] * ROWS, exclude=("created_at",)) == []
