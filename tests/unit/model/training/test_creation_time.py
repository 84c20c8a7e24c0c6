"""The hint to name the time of creation: where there is one, and nowhere else."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
import pytest

from features.table import parse_table
from model.training.options import TrainOptions
from model.training.preparation import prepare

START = datetime(2024, 1, 1, 9, 30, tzinfo=UTC)
ROWS = 120


def hints(column: str, *, in_order: bool, gaps: bool = False, **options: Any) -> list[str]:
    """Return the hints on a file with one column of times."""
    rng = np.random.default_rng(6)
    hours = np.sort(rng.integers(0, 8000, ROWS))
    if not in_order:
        rng.shuffle(hours)
    lines = [f"{column},size,won"]
    for i, hour in enumerate(hours.tolist()):
        at = "" if gaps and i % 9 == 0 else f"{START + timedelta(hours=hour):%Y-%m-%d %H:%M}"
        lines.append(f"{at},{rng.normal():.3f},{'yes' if i % 3 else 'no'}")
    table = parse_table("\n".join(lines).encode(), "leads.csv")
    warnings = prepare(table, TrainOptions(target="won", **options)).warnings  # type: ignore[arg-type]
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
