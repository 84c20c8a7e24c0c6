"""Training with the times of leads: their order, creation, ages and maturity."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import numpy as np
import pytest

from features.table import Table
from model.training.planning import plan_training
from model.training.train import TrainedModel, train
from schemas.errors import InputError
from tests.unit.model.training.small_leads import OPTIONS, ROWS, TABLE, table


def test_rows_are_put_in_the_order_of_time(small_leads_model: TrainedModel) -> None:
    shuffled = TABLE.take(np.random.default_rng(0).permutation(TABLE.rows))
    again = train(shuffled, OPTIONS)
    assert again.report.latest is not None
    assert small_leads_model.report.latest is not None
    assert again.report.latest.positives == small_leads_model.report.latest.positives
    assert again.metadata.training.order == "created"


def test_the_latest_leads_are_known_by_the_order_of_the_file_or_not_at_all() -> None:
    ordered = train(TABLE, replace(OPTIONS, time=None, ordered=True, exclude=("created",)))
    assert ordered.report.latest is not None
    assert ordered.metadata.training.order == "the file"
    loose = train(TABLE, replace(OPTIONS, time=None, exclude=("created", "notes"), text=()))
    assert loose.report.latest is None
    assert loose.metadata.training.order is None
    assert loose.report.dropped["notes"] == "excluded"


def test_dates_are_features_where_they_are_not_the_time() -> None:
    report = train(TABLE, replace(OPTIONS, time=None)).report
    assert report.fields["created"] == 3
    assert any("created looks like the time of creation" in w for w in report.warnings)
    made = [{**row, "last_touch": row["created"]} for row in ROWS]
    ordered = plan_training(table(made), replace(OPTIONS, time=None, ordered=True))
    assert any("dates of created, last_touch were" in warning for warning in ordered.warnings)


@pytest.mark.long
def test_the_time_is_a_feature_unless_it_is_left_out() -> None:
    report = train(TABLE, OPTIONS).report
    assert report.fields["created_at"] == 3
    plan = {column.column: column for column in report.columns}
    assert plan["created"].field == "created_at"
    for change in ({"exclude": ("created",)}, {"kinds": {"created": None}}):
        trained = train(TABLE, replace(OPTIONS, **change))
        assert "created_at" not in trained.report.fields
        assert trained.report.latest is not None
        assert trained.report.dropped["created"] in ("excluded", "ignored (--as)")


def dated(**dates: str) -> Table:
    """Return the leads with further columns of dates, each as old as its word says."""
    made = []
    for i, row in enumerate(ROWS):
        created = datetime.fromisoformat(row["created"])
        ages = {"a day later": -2 - i % 9, "before": i % 50, "the same": 0}
        found = {name: created - timedelta(days=ages[word]) for name, word in dates.items()}
        made.append({**row, **{name: f"{moment:%Y-%m-%d}" for name, moment in found.items()}})
    return table(made)


def test_a_date_after_the_creation_is_warned_of() -> None:
    warnings = plan_training(dated(closed="a day later", touched="before"), OPTIONS).warnings
    [later] = [warning for warning in warnings if "later than" in warning]
    assert later.startswith("closed: 100% of its dates are later than the lead's creation (created")
    assert later.endswith("--as closed=ignore")


def test_dates_that_give_nothing_are_left_out() -> None:
    mondays = [{**row, "due": f"2024-01-{1 + 7 * (i % 3):02}"} for i, row in enumerate(ROWS)]
    plan = plan_training(table(mondays), replace(OPTIONS, time=None, exclude=("created",)))
    [due] = [column for column in plan.columns if column.column == "due"]
    assert due.unused == "nothing of its dates differs: no hour, weekday, month or age"
    aged = plan_training(table(mondays), OPTIONS)
    assert [column.field for column in aged.columns if column.column == "due"] == ["due"]


@pytest.mark.parametrize("column", ["created_at", "created at"])
@pytest.mark.parametrize(
    "change", [{"exclude": ("created_at",)}, {"kinds": {"created_at": None}}], ids=str
)
def test_an_option_does_not_mean_the_time_by_the_name_that_it_gets(
    change: dict[str, Any], column: str
) -> None:
    """The column of --time is called created_at in leads; the file has one of that name, too."""
    made = [{**row, column: "2024-01-01"} for row in ROWS]
    plan = plan_training(table(made), replace(OPTIONS, **change))
    by_column = {column.column: column for column in plan.columns}
    assert by_column["created"].field == "created_at"
    assert by_column[column].unused == "'created' is read as created_at"


def test_the_time_is_found_by_its_field_name() -> None:
    made = [
        {"Sign up" if name == "created" else name: v for name, v in row.items()} for row in ROWS
    ]
    plan = plan_training(table(made), replace(OPTIONS, time="Sign_up", exclude=("Sign_up",)))
    [signup] = [column for column in plan.columns if column.column == "Sign up"]
    assert signup.unused == "excluded"


def test_a_column_in_whose_place_the_time_is_read_can_be_nothing_else() -> None:
    made = [{**row, "created_at": "2024-01-01"} for row in ROWS]
    with pytest.raises(
        InputError, match=r"--group 'created_at': the column is not read, as --time"
    ):
        train(table(made), replace(OPTIONS, group="created_at"))


def test_one_of_two_columns_of_creation_is_read() -> None:
    made = [{**row, "created_at": "2024-01-01"} for row in ROWS]
    plan = plan_training(table(made), OPTIONS)
    by_column = {column.column: column for column in plan.columns}
    assert by_column["created"].field == "created_at"
    assert by_column["created_at"].unused == "'created' is read as created_at"


def test_leads_without_an_outcome_yet_are_left_out() -> None:
    """The latest lead, which says how old the others are, need not have an outcome itself."""
    made = [{**row, "won": "" if i == len(ROWS) - 1 else row["won"]} for i, row in enumerate(ROWS)]
    trained = train(table(made), replace(OPTIONS, matured=timedelta(days=60)))
    times = [datetime.fromisoformat(row["created"]) for row in made]
    limit = max(times) - timedelta(days=60)
    old = [row for row, time in zip(made, times, strict=True) if row["won"] and time <= limit]
    labels = trained.metadata.training.labels
    assert labels is not None
    assert trained.report.rows == len(old)
    assert trained.report.positives == sum(row["won"] == "yes" for row in old)
    assert labels.immature == 1199 - len(old)
    assert labels.missing == 1
    assert any("younger than 60 days at 2024-12-" in w for w in trained.report.warnings)


def test_a_missing_time_is_refused() -> None:
    late = [{**row, "created": "" if i == 3 else row["created"]} for i, row in enumerate(ROWS)]
    with pytest.raises(InputError, match=r"missing in 1 rows \(the first is row 4\)"):
        train(table(late), OPTIONS)


def test_a_missing_time_is_named_by_its_row_of_the_file() -> None:
    late = [{**row, "created": "" if i == 3 else row["created"]} for i, row in enumerate(ROWS)]
    late[0]["won"] = ""
    with pytest.raises(InputError, match=r"the first is row 4\)"):
        train(table(late), OPTIONS)


def test_a_time_without_values_is_refused_where_young_leads_are_left_out() -> None:
    empty = [{**row, "created": ""} for row in ROWS]
    with pytest.raises(InputError, match=r"'created' is missing in 1,200 rows"):
        train(table(empty), replace(OPTIONS, matured=timedelta(days=90)))


def test_without_young_leads_there_is_no_warning_on_age() -> None:
    """The latest row is no lead whose outcome is known: none of the others is young."""
    made = [{**row, "won": "" if i == 1 else row["won"]} for i, row in enumerate(ROWS)]
    made[1]["created"] = "2026-01-01"
    plan = plan_training(table(made), replace(OPTIONS, matured=timedelta(days=90)))
    assert plan.labels.immature == 0
    assert not [warning for warning in plan.warnings if "younger than" in warning]
