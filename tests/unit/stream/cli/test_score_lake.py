"""`leadscore score --out`: plan, resume, shards, and the exit codes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from lake.manifest import Manifest
from lake.output import OutputFolder
from stream.cli import score_lake
from stream.cli.score import score
from tests.unit.lake.data_sets import expected_rows, read_scores, write_leads
from tests.unit.small_model import SmallModel


@pytest.fixture
def source(model: SmallModel, tmp_path: Path) -> Path:
    write_leads(tmp_path / "in" / "a.parquet", model.leads[:250], group=70)
    write_leads(tmp_path / "in" / "b.parquet", model.leads[250:], group=30)
    return tmp_path / "in"


def run(model: SmallModel, out: Path, *arguments: str | Path) -> Result:
    given = [*map(str, arguments), "--out", str(out), "--registry", str(model.registry)]
    if "--workers" not in given:
        given += ["--workers", "1"]
    return CliRunner().invoke(score, [*given, "--rows-per-file", "100"])


def events(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_a_folder_is_scored_into_files(model: SmallModel, source: Path, tmp_path: Path) -> None:
    result = run(model, tmp_path / "out", source)
    assert result.exit_code == 0, result.output
    assert result.stdout.splitlines() == [
        "400 rows: 400 scored, 0 rejected",
        f"5 files by leads/1 in {tmp_path / 'out'}",
    ]
    assert read_scores(tmp_path / "out") == expected_rows(model)


def test_two_processes_write_the_same_files(
    model: SmallModel, source: Path, tmp_path: Path
) -> None:
    run(model, tmp_path / "one", source)
    result = run(model, tmp_path / "two", source, "--workers", "2")
    assert result.exit_code == 0, result.output
    files = sorted((tmp_path / "one").glob("part-*"))
    assert len(files) == 5
    for file in files:
        assert (tmp_path / "two" / file.name).read_bytes() == file.read_bytes()


def test_the_same_command_again_has_nothing_to_do(
    model: SmallModel, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = run(model, tmp_path / "out", source)
    monkeypatch.setattr(score_lake, "open_part_scorer", None)
    again = run(model, tmp_path / "out", source)
    assert (again.exit_code, again.stdout) == (0, first.stdout)
    assert "all files were written before" in again.stderr
    assert first.stderr == ""


def test_every_option_of_a_request_has_the_name_that_a_user_gives() -> None:
    assert score_lake.OPTIONS.keys() == score_lake.Request.model_fields.keys()


def test_a_plan_is_not_continued_with_other_options(
    model: SmallModel, source: Path, tmp_path: Path
) -> None:
    run(model, tmp_path / "out", source)
    result = run(model, tmp_path / "out", source, "--keep", "industry", "--format", "csv")
    assert result.exit_code == 2
    assert "the plan of another request, with other --keep, --format" in result.stderr


def test_shards_together_are_the_whole(
    model: SmallModel, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    out, account = tmp_path / "out", tmp_path / "out" / "_manifest" / "account.json"
    assert run(model, out, source, "--shard", "3/3").exit_code == 0
    result = run(model, out, source, "--shard", "1/3")
    assert result.exit_code == 0
    assert "3 of 5 files of all shards are written: score the others" in result.stdout
    assert not account.exists()
    monkeypatch.setenv("JOB_COMPLETION_INDEX", "1")
    result = run(model, out, source, "--shard", "/3", "--json")
    assert result.exit_code == 0, result.output
    last = events(result)[-1]
    assert last["rows"] < 400
    assert (last["written"], last["planned"]) == (5, 5)
    assert account.exists()
    assert read_scores(out) == expected_rows(model)


def test_a_dry_run_writes_nothing(model: SmallModel, source: Path, tmp_path: Path) -> None:
    result = run(model, tmp_path / "out", source, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "400 rows" in result.stdout
    assert f"sha256 {model.bundle.sha256}" in result.stdout
    assert "Write    5 files of 400 rows, 0 of them written" in result.stdout
    assert not (tmp_path / "out").exists()


def test_lines_of_json_say_what_is_done(model: SmallModel, source: Path, tmp_path: Path) -> None:
    lines = events(run(model, tmp_path / "out", source, "--json"))
    assert [line["event"] for line in lines] == ["plan", *["part"] * 5, "account"]
    assert lines[0]["rows"] == lines[-1]["scored"] == 400
    assert sum(line["rows"] for line in lines[1:-1]) == 400
    assert lines[1]["output"]["name"] == "part-00000.parquet"


def test_rejected_rows_end_with_1(model: SmallModel, tmp_path: Path) -> None:
    leads = [dict(lead) for lead in model.leads[:20]]
    leads[3]["created_at"] = 12
    result = run(model, tmp_path / "out", write_leads(tmp_path / "a.parquet", leads))
    assert result.exit_code == 1
    assert "20 rows: 19 scored, 1 rejected (1 TIME; " in result.stdout
    for share, code in (("4%", 1), ("5%", 0)):
        again = run(model, tmp_path / "out", tmp_path / "a.parquet", "--max-rejected", share)
        assert again.exit_code == code


def test_an_account_that_does_not_add_up_ends_with_4(
    model: SmallModel, source: Path, tmp_path: Path
) -> None:
    run(model, tmp_path / "out", source)
    file = tmp_path / "out" / "_manifest" / "parts" / "00002.json"
    part = json.loads(file.read_text())
    file.write_text(json.dumps(part | {"scored": part["scored"] - 1}))
    assert run(model, tmp_path / "out", source).exit_code == 4


def test_a_plan_keeps_its_model_when_the_name_means_another_one(
    model: SmallModel, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(model, tmp_path / "out", source, "--shard", "1/2")

    def fail(*_: object) -> None:
        raise AssertionError("the model of a plan is not looked up again")

    monkeypatch.setattr("stream.cli.score.load_model", fail)
    assert run(model, tmp_path / "out", source).exit_code == 0
    plan = Manifest(OutputFolder(str(tmp_path / "out"))).plan()
    assert plan is not None
    assert plan.model.sha256 == model.bundle.sha256


def test_ctrl_c_leaves_a_state_that_can_be_resumed(
    model: SmallModel, source: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("stream.cli.score_lake_display.BackfillDisplay.on_part", interrupt)
        assert run(model, tmp_path / "out", source).exit_code == 130
    assert len(list((tmp_path / "out").glob("part-*"))) == 1
    assert run(model, tmp_path / "out", source).exit_code == 0
    assert read_scores(tmp_path / "out") == expected_rows(model)


def test_scores_are_not_written_into_what_is_read(
    model: SmallModel, source: Path, tmp_path: Path
) -> None:
    result = run(model, source / "scores", source)
    assert result.exit_code == 2
    assert "expected a folder outside" in result.stderr
