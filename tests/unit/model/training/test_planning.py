"""Decisions about columns, with warnings where they may surprise."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from features.table_file import parse_table
from model.column_plan import ColumnPlan
from model.training.inspection import Leak
from model.training.options import TrainOptions
from model.training.planning import TrainingPlan, column_warnings, plan_training, with_results
from schemas.fields import FieldKind

ROWS = 120


def plan(cells: Any, column: str = "source", **options: Any) -> TrainingPlan:
    """Plan a training on one column besides a number and the target."""
    random = np.random.default_rng(1)
    lines = [f"{column},size,won"] + [
        f"{cells(row)},{random.normal():.4f},{('yes', 'no')[row % 2]}" for row in range(ROWS)
    ]
    table = parse_table("\n".join(lines).encode(), "leads.csv")
    return plan_training(table, TrainOptions(target="won", **options))


def column(found: TrainingPlan, name: str = "source") -> ColumnPlan:
    return next(plan for plan in found.columns if plan.column == name)


def test_rows_and_outcomes_are_those_of_the_training() -> None:
    found = plan(lambda row: "ab"[row % 2])
    assert (found.rows, found.positives, found.target, found.positive) == (120, 60, "won", "yes")
    assert [each.column for each in found.columns] == ["source", "size", "won"]


def test_a_category_has_its_levels_the_most_frequent_first() -> None:
    found = column(plan(lambda row: "Web" if row % 3 else "fair"))
    assert (found.kind, found.levels, found.examples) == (FieldKind.CATEGORY, 2, ("web", "fair"))
    assert found.missing == 0


def test_a_number_has_its_extremes_and_its_missing_share() -> None:
    found = column(plan(lambda row: "" if row % 4 == 0 else 2.5 * (row % 50)))
    assert (found.kind, found.low, found.high) == (FieldKind.NUMBER, 0.0, 122.5)
    assert found.missing == pytest.approx(0.25)


def test_a_column_that_is_not_used_says_why() -> None:
    found = column(plan(lambda row: "same"))
    assert found.field is None
    assert "same value" in str(found.unused)


def test_an_identifier_is_left_out_with_a_warning() -> None:
    found = plan(lambda row: 10_007 * (row * 37 % ROWS) + 13, column="customer_id")
    assert column(found, "customer_id").field is None
    assert any(
        warning.startswith("customer_id was left out as an identifier: ")
        for warning in found.warnings
    )


@pytest.mark.parametrize(
    ("cells", "says"),
    [
        (lambda row: "a" if row % 12 == 0 else "b" if row % 12 == 1 else "", None),
        (lambda row: "ab"[row % 2] if row < 10 else "", "of its values are missing"),
        (lambda row: "Please select" if row < 30 else "ab"[row % 2], "drop-down list"),
    ],
)
def test_a_surprising_column_has_a_warning_with_the_remedy(cells: Any, says: str | None) -> None:
    warnings = column(plan(cells)).warnings
    if says is None:
        assert not any("are missing" in warning for warning in warnings)
    else:
        assert any(says in warning and "--" in warning for warning in warnings)


def test_a_key_whose_rows_may_belong_together_is_a_warning_that_names_the_option() -> None:
    found = plan(lambda row: f"C{row // 3}", column="customer_id")
    warnings = column(found, "customer_id").warnings
    assert any("--group customer_id" in warning for warning in warnings)


def test_importance_and_leaks_are_added_to_the_columns_that_are_fields() -> None:
    columns = (
        ColumnPlan(column="Size", field="size", kind=FieldKind.NUMBER, warnings=("old",)),
        ColumnPlan(column="id", unused="an identifier"),
    )
    leak = Leak("Size", 0.99, "it alone predicts the outcome")
    size, unused = with_results(columns, {"size": 0.7}, [leak])
    assert (size.importance, size.warnings) == (0.7, ("old", leak.sentence))
    assert unused == columns[1]
    assert column_warnings((size, unused)) == ("old", leak.sentence)
