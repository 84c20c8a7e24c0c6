"""`leadscore explain` of a lead of a file: every field, and what adds up to the score."""

from __future__ import annotations

import json
import math
import re
from pathlib import Path
from typing import Any

import pytest

from stream.cli.explain import explain
from stream.cli.explain_file import BAR, contribution_bar
from tests.unit.small_model import SmallModel
from tests.unit.stream.cli.test_score import renamed, rows, run, write_csv

__all__ = ["rows"]


@pytest.fixture(autouse=True)
def _at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")


def test_explain_shows_every_field_strongest_first(model: SmallModel, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "l.csv", model.leads)
    result = run(explain, model, file, "--lead", "L-3")
    assert result.exit_code == 0
    assert result.stdout.startswith("L-3 scores 0.")
    assert "by leads/1" in result.stdout
    assert max(map(len, result.stdout.splitlines())) <= 80
    for name in ["(base)", *model.columns, "(calibration)", "logit"]:
        assert name in result.stdout


def test_the_contributions_that_explain_shows_add_up(model: SmallModel, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "l.csv", model.leads)
    lines = run(explain, model, file, "--lead", "L-3").stdout.splitlines()[2:]
    numbers = [re.findall(r"(?<!\()[+-]\d+\.\d{3}(?!\))", line) for line in lines]
    *parts, logit = [float(number) for [number] in filter(None, numbers)]
    assert len(parts) == len(model.columns) + 2
    assert sum(parts) == pytest.approx(logit, abs=0.0005 * (len(parts) + 1))
    score = float(run(explain, model, file, "--lead", "L-3").stdout.split()[2])
    assert 1 / (1 + math.exp(-logit)) == pytest.approx(score, abs=5e-4)


def test_a_pipe_gets_whole_lines(model: SmallModel, tmp_path: Path) -> None:
    """They were cut at 80 columns."""
    [lead] = renamed(model, "L-" + "x" * 200)
    file = write_csv(tmp_path / "l.csv", [lead])
    shown = run(explain, model, file).stdout
    assert "L-" + "x" * 200 + " scores" in shown
    assert "…" not in shown
    record = json.loads(run(explain, model, file, "--json").stdout)
    lines = shown.splitlines()
    for field in record["contributions"]:
        [line] = [line for line in lines if line.startswith(field["feature"] + " ")]
        assert field["value"] in line


def test_explain_as_json_sums_up(
    model: SmallModel, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "l.csv", model.leads)
    record = json.loads(run(explain, model, file, "--lead", "L-3", "--json").stdout)
    assert (record["lead_id"], record["score"]) == ("L-3", rows[3]["score"])
    assert len(record["contributions"]) == len(model.columns)
    reasons = rows[3]["reasons"]
    assert reasons
    for reason, contribution in zip(reasons, record["contributions"], strict=False):
        assert contribution == {
            **reason,
            "contribution": pytest.approx(reason["contribution"]),
            "aspects": contribution["aspects"],
        }
    calibration = record["calibration"]
    before = record["base"] + sum(field["contribution"] for field in record["contributions"])
    assert record["logit"] == pytest.approx(before + calibration["contribution"])
    assert record["logit"] == pytest.approx(
        calibration["slope"] * before + calibration["intercept"]
    )
    assert 1 / (1 + math.exp(-record["logit"])) == pytest.approx(record["score"], abs=1e-6)
    by_field = {field["feature"]: field for field in record["contributions"]}
    assert {part["aspect"] for part in by_field["created_at"]["aspects"]} == {"hour", "weekday"}


def test_explain_uses_the_first_lead_by_default(model: SmallModel, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "l.csv", model.leads)
    assert json.loads(run(explain, model, file, "--json").stdout)["lead_id"] == "L-0"


def test_a_bar_is_as_long_as_the_contribution_and_shows_its_direction() -> None:
    assert [len(contribution_bar(value, 2.0)) for value in (2.0, -1.0, 1e-9, 0.0)] == [
        *(BAR, BAR // 2, 1, 0),
    ]
    assert contribution_bar(1.0, 1.0).style == "green"
    assert contribution_bar(-1.0, 1.0).style == "red"
