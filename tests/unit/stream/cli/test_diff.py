"""`leadscore diff` on files: figures, outputs and exit codes."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from schemas.wire import WireFormat
from stream.cli.diff import diff
from stream.cli.score import score
from testing.fake_app import FakeTrials
from tests.unit.small_model import LEADS, NAME
from tests.unit.two_models import TwoModels

FIRST, SECOND = f"{NAME}/1", f"{NAME}/2"


@pytest.fixture(autouse=True)
def _without_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Skip the child process in which a model is tried: it takes longer than these tests."""
    monkeypatch.setattr("stream.comparison.models.Trials", FakeTrials)


@pytest.fixture
def leads(two: TwoModels, tmp_path: Path) -> Path:
    """The leads with an outcome and a field that no model has."""
    rows = [
        {**lead, "owner": "Ann" if i % 4 else "Bob", "won": "yes" if i % 3 == 0 else "no"}
        for i, lead in enumerate(two.small.leads)
    ]
    text = io.StringIO()
    writer = csv.DictWriter(text, [*rows[0]])
    writer.writeheader()
    writer.writerows(rows)
    path = tmp_path / "leads.csv"
    path.write_text(text.getvalue())
    return path


def run(two: TwoModels, *arguments: str | Path, stdin: bytes | None = None) -> Result:
    given = [*map(str, arguments), "--registry", str(two.registry)]
    return CliRunner().invoke(diff, given, input=stdin)


def figures(two: TwoModels, *arguments: str | Path, stdin: bytes | None = None) -> Any:
    result = run(two, *arguments, "--json", stdin=stdin)
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_a_model_against_itself_changes_nothing(two: TwoModels, leads: Path) -> None:
    found = figures(two, FIRST, FIRST, leads, "--target", "won")
    assert found["is_unchanged"]
    assert found["score_shift"]["ks"] == 0
    assert found["bands"]["moved_share"] == 0
    assert found["movers"] == []
    assert found["segments"] == []
    assert found["quality"]["auc_difference_interval"] == [0, 0]


def test_the_figures_are_those_of_the_scores_that_score_gives(two: TwoModels, leads: Path) -> None:
    found = figures(two, FIRST, SECOND, leads)
    scored = [
        [
            json.loads(line)
            for line in CliRunner()
            .invoke(score, [str(leads), "--model", model, "--registry", str(two.registry)])
            .stdout.splitlines()
        ]
        for model in (FIRST, SECOND)
    ]
    for name, rows in zip(("before", "after"), scored, strict=True):
        high = sum(row["category"] == "High" for row in rows)
        assert found["bands"]["counts"]
        days = found["capacity"]["days"]
        assert found["capacity"]["High"][name] == pytest.approx(high / days)
    changes = [after["score"] - before["score"] for before, after in zip(*scored, strict=True)]
    mover = found["movers"][0]
    row = int(mover["place"].removeprefix("row ")) - 1
    assert abs(changes[row]) == max(map(abs, changes))
    assert mover["before"]["score"] == scored[0][row]["score"]
    assert mover["after"]["reasons"] == scored[1][row]["reasons"]
    assert found["counts"] == {
        "found": LEADS,
        "sampled": LEADS,
        "compared": LEADS,
        "only_before": 0,
        "only_after": 0,
        "neither": 0,
    }


def test_ids_are_shown_only_if_asked_for(two: TwoModels, leads: Path) -> None:
    plain = run(two, FIRST, SECOND, leads)
    assert "row " in plain.stdout
    assert "L-" not in plain.stdout
    assert figures(two, FIRST, SECOND, leads)["movers"][0]["lead_id"] is None
    shown = figures(two, FIRST, SECOND, leads, "--show-ids", "--movers", "2")["movers"]
    assert [m["lead_id"] for m in shown] == [f"L-{int(m['place'][4:]) - 1}" for m in shown]


def test_the_terminal_has_every_figure(two: TwoModels, leads: Path) -> None:
    result = run(two, FIRST, SECOND, leads, "--target", "won", "--by", "owner")
    assert result.exit_code == 0, result.output
    for words in ("High would be", "change their band", "KS distance", "By owner", "Ann"):
        assert words in result.stdout
    for words in ("AUC", "lift", "calibration error", "95 % interval", "changes most", "before 0."):
        assert words in result.stdout
    assert result.stderr == ""


def test_a_sample_is_extrapolated_and_has_a_note(two: TwoModels, leads: Path) -> None:
    found = figures(two, FIRST, SECOND, leads, "--sample", "100")
    assert (found["counts"]["found"], found["counts"]["sampled"]) == (LEADS, 100)
    assert f"100 of {LEADS} leads were scored, a uniform sample" in found["notes"][0]
    total = sum(found["capacity"][band]["after"] for band in ("High", "Medium", "Low"))
    assert total * found["capacity"]["days"] == pytest.approx(LEADS)
    assert found == figures(two, FIRST, SECOND, leads, "--sample", "100"), "the seed is fixed"


def test_outcomes_of_a_file_of_their_own(two: TwoModels, leads: Path, tmp_path: Path) -> None:
    outcomes = tmp_path / "outcomes.csv"
    outcomes.write_text("lead_id,outcome\n" + "".join(f"L-{i},{i % 2}\n" for i in range(100)))
    quality = figures(two, FIRST, SECOND, leads, "--outcomes", outcomes)["quality"]
    assert (quality["before"]["rows"], quality["before"]["positives"]) == (100, 50)
    assert {"auc_before", "lift_difference", "calibration_error_after_interval"} <= {*quality}


def test_events_on_standard_input_give_the_figures_of_the_file(two: TwoModels, leads: Path) -> None:
    events = b"\n".join(two.small.values(WireFormat.JSON))
    found = figures(two, FIRST, SECOND, "-", stdin=events)
    assert found["counts"]["compared"] == LEADS
    same = figures(two, FIRST, SECOND, leads)
    assert found["score_shift"] == same["score_shift"]


def test_the_page_is_written(two: TwoModels, leads: Path, tmp_path: Path) -> None:
    page = tmp_path / "diff.html"
    result = run(two, FIRST, SECOND, leads, "--html", page)
    assert result.exit_code == 0, result.output
    assert page.read_text(encoding="utf-8").startswith("<!doctype html>")
    assert str(page) in result.stderr


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--since", "1d", "--from", "2026-05-01"), "exclude each other"),
        (("--to", "2026-05-01"), "give --from too"),
        (("--from", "2026-05-02", "--to", "2026-05-01"), "swap them"),
        (("--target", "won"), "--target names a column"),
        (("--with-outcomes", "--outcomes", "x.csv"), "--with-outcomes excludes --target and"),
        (("leads.csv", "--with-outcomes", "--target", "won"), "--with-outcomes excludes --target"),
    ],
)
def test_options_that_contradict_each_other_are_refused(
    two: TwoModels, arguments: tuple[str, ...], said: str
) -> None:
    result = run(two, FIRST, SECOND, *arguments)
    assert result.exit_code == 2
    assert said in result.stderr


def test_unusable_inputs_end_with_2(two: TwoModels, leads: Path, tmp_path: Path) -> None:
    assert run(two, FIRST, "live", leads).exit_code == 2
    assert run(two, FIRST, f"{NAME}/9", leads).exit_code == 2
    assert run(two, FIRST, SECOND, tmp_path / "none.csv").exit_code == 2
    assert run(two, FIRST, SECOND, leads, "--since", "1d").exit_code == 2
    result = run(two, FIRST, SECOND, leads, "--by", "region")
    assert result.exit_code == 2
    assert "'region'" in result.stderr
    assert run(two, FIRST, SECOND, leads, "--html", tmp_path / "no" / "x.html").exit_code == 2


def test_training_data_as_outcomes_are_pointed_out(two: TwoModels, leads: Path) -> None:
    notes = figures(two, FIRST, SECOND, leads, "--target", "won")["notes"]
    assert any("neither model has seen" in note for note in notes)
