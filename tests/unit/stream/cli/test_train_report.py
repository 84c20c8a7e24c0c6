"""The report of a training, on the terminal and as JSON."""

from __future__ import annotations

import io
import json
from types import SimpleNamespace
from typing import Any

import pytest
from rich.console import Console

from model.column_plan import ColumnPlan
from model.group_counts import GroupCounts
from model.label_counts import LabelCounts
from model.metadata import Engagement
from model.training.evaluate import Quality
from model.training.planning import TrainingPlan
from schemas.fields import FieldKind
from stream.cli.train_report import FIGURES, plan_json, print_plan, print_report
from tests.unit.model.training.test_report import report

COLUMNS = (
    ColumnPlan(column="size", field="size", kind=FieldKind.NUMBER, low=1, high=9),
    ColumnPlan(column="id", unused="the lead's id (--id)"),
)
LABELS = LabelCounts(success={"won": 40}, failure={"lost": 60})
GROUPS = GroupCounts(groups=100, positive=40, negative=60, largest=1)
PLAN = TrainingPlan(
    rows=1000,
    positives=400,
    target="stage",
    positive="won",
    labels=LABELS,
    groups=GROUPS,
    columns=COLUMNS,
    warnings=("1,000 rows are few.",),
)
QUALITY = Quality(
    rows=100,
    positives=40,
    mean_score=0.4,
    auc=0.8125,
    average_precision=0.7,
    brier=0.2,
    log_loss=0.5,
    calibration_error=0.02,
    calibration_noise=0.01,
    lift=2.25,
)


def console() -> Console:
    return Console(width=160, file=io.StringIO())


def printed(shown: Console) -> str:
    return shown.file.getvalue()  # type: ignore[attr-defined,no-any-return]


def trained(*, has_signal: bool = True, **given: Any) -> Any:
    verdict = SimpleNamespace(
        sentence="Better than the base rate.",
        consequence="Every lead gets the base rate.",
        has_signal=has_signal,
        base_rate=0.4,
        baseline=SimpleNamespace(sentence="A logistic regression.", quality=QUALITY, auc=0.75),
    )
    validated = SimpleNamespace(quality=QUALITY, auc=0.8, auc_deviation=0.01)
    made = report(verdict=verdict, cross_validated=validated, columns=COLUMNS, **given)
    training = SimpleNamespace(target="stage", labels=LABELS, groups=GROUPS)
    metadata = SimpleNamespace(training=training, engagement=Engagement(low=0.2, high=0.6))
    return SimpleNamespace(report=made, metadata=metadata)


def shown(**given: Any) -> str:
    terminal = console()
    print_report(trained(**given), terminal)
    return printed(terminal)


def test_the_report_begins_with_the_verdict_and_the_baseline() -> None:
    assert shown().startswith("Better than the base rate.\nA logistic regression.\n")
    assert "Every lead gets the base rate." not in shown()
    assert "Every lead gets the base rate." in shown(has_signal=False)


def test_every_figure_is_shown_for_cross_validation_and_baseline() -> None:
    lines = shown().splitlines()
    for label in FIGURES:
        [line] = [line for line in lines if f"│ {label} " in line]
        assert len(line.strip("│ ").split("│")) == 3
    [auc] = [line for line in lines if line.startswith("│ AUC ")]
    assert "0.8000 ± 0.0100" in auc
    assert "0.7500" in auc


def test_the_latest_leads_have_a_column_where_there_is_an_order() -> None:
    assert "latest 20 %" not in shown()
    assert "latest 20 %" in shown(change=SimpleNamespace(latest=QUALITY))


@pytest.mark.parametrize("column", ["size[/bold]", "size\x1b[31m"])
def test_names_of_the_file_are_no_markup(column: str) -> None:
    text = shown(never_missing=(column,))
    assert "Never missing here: size" in text
    assert "\x1b" not in text
    assert "[" in text.split("Never missing here: ")[1]


def test_warnings_come_last() -> None:
    assert shown(warnings=("few rows",)).rstrip().endswith("few rows")


def test_a_plan_has_rows_outcomes_columns_and_warnings() -> None:
    terminal = console()
    print_plan(PLAN, terminal)
    text = printed(terminal)
    assert text.startswith("1,000 leads, 400 positives (40.0%)\nstage  success: won (40)")
    assert "the lead's id (--id)" in text
    assert "1,000 rows are few." in text


def test_a_plan_as_json_has_the_same() -> None:
    found = json.loads(plan_json(PLAN))
    assert (found["rows"], found["positives"], found["positive"]) == (1000, 400, "won")
    assert [column["column"] for column in found["columns"]] == ["size", "id"]
    assert found["labels"]["failure"] == {"lost": 60}
    assert found["warnings"] == ["1,000 rows are few."]
