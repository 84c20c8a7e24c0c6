"""Progress of a backfill: a bar on a terminal, lines of JSON, or nothing."""

from __future__ import annotations

import io
import json
from pathlib import Path

import pytest
from rich.console import Console

from lake.plan import OutputFile, PartAccount, Plan, sum_up
from stream.cli.score_lake_display import BackfillDisplay, print_account, print_plan
from tests.unit.lake.data_sets import plan_for, request_for, score_all, write_leads
from tests.unit.small_model import SmallModel


@pytest.fixture
def plan(model: SmallModel, tmp_path: Path) -> Plan:
    return plan_for(model, request_for(write_leads(tmp_path / "a.parquet", model.leads)))


def account(number: int) -> PartAccount:
    file = OutputFile(name="x", size=1, sha256="0")
    return PartAccount(part=number, rows=100, scored=100, rejected={}, output=file)


def test_lines_of_json_have_rate_and_eta(plan: Plan, capsys: pytest.CaptureFixture[str]) -> None:
    seconds = iter([0.0, 1.0, 1.0, 10.0, 10.0])
    shown = BackfillDisplay(
        plan, range(4), {0}, Console(), is_json=True, clock=lambda: next(seconds)
    )
    with shown:
        shown.on_rows(50)
        shown.on_rows(50)
        shown.on_part(account(1))
    progress, part = map(json.loads, capsys.readouterr().out.splitlines())
    assert progress == {
        "event": "progress",
        "rows": 200,
        "of": 400,
        "rate": 10.0,
        "eta_seconds": 20.0,
    }
    assert (part["event"], part["part"]) == ("part", 1)


def test_a_terminal_shows_a_bar_and_a_pipe_nothing(plan: Plan) -> None:
    for is_terminal in (True, False):
        console = Console(file=io.StringIO(), force_terminal=is_terminal, width=120)
        with BackfillDisplay(plan, range(4), set(), console, is_json=False) as shown:
            shown.on_rows(100)
            shown.on_part(account(0))
            shown.on_rows(100)
        assert isinstance(console.file, io.StringIO)
        said = console.file.getvalue()
        assert ("1 of 4 files" in said) is is_terminal
        assert bool(said) is is_terminal


def test_the_plan_names_files_model_and_what_is_left(
    plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    print_plan(plan, [0, 1], {0}, is_json=False)
    said = capsys.readouterr().out
    assert "1 file of 0 MB, 400 rows" in said
    assert "a.parquet (400 rows)" in said
    assert "Write    2 files of 200 rows, 1 of them written" in said


def test_an_account_in_json_leaves_the_parts_out(
    model: SmallModel, tmp_path: Path, plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    from lake.manifest import Manifest
    from lake.output import OutputFolder

    score_all(model, plan.request, tmp_path / "out")
    whole = Manifest(OutputFolder(str(tmp_path / "out"))).account(range(4))
    print_account(plan, whole, "out", 4, is_json=True)
    assert json.loads(capsys.readouterr().out) == {
        "event": "account",
        "rows": 400,
        "scored": 400,
        "rejected": {},
        "written": 4,
        "planned": 4,
    }


def test_rejected_rows_are_counted_by_code_with_the_folder_that_lists_them(
    plan: Plan, capsys: pytest.CaptureFixture[str]
) -> None:
    bad = account(0).model_copy(update={"scored": 97, "rejected": {"TIME": 1, "TYPE": 2}})
    print_account(plan, sum_up([bad]), "s3://lake/scores/", 4, is_json=False)
    assert (
        "100 rows: 97 scored, 3 rejected (1 TIME, 2 TYPE; s3://lake/scores/_rejected has their"
        " rows)"
    ) in capsys.readouterr().out
