"""`leadscore score` and `explain`: what goes in, what comes out, and the exit codes."""

from __future__ import annotations

import csv
import gzip
import io
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agents.offline import OfflineScorer
from model.serving.predictor import open_predictor
from schemas.wire import WireFormat
from stream.cli.explain import explain
from stream.cli.score import SHOWN_ROWS, score
from tests.unit.small_model import LEADS, SmallModel

pytestmark = pytest.mark.usefixtures("tried_once")

UUID = "3f2504e0-4f89-11d3-9a0c-0305e82c3301"


@pytest.fixture(autouse=True)
def _at_80_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("TERM", "dumb")


@pytest.fixture(scope="module")
def rows(model: SmallModel) -> list[dict[str, Any]]:
    """Expected output for the model's leads."""
    scorer = OfflineScorer(model.bundle, open_predictor(model.bundle))
    return [
        {"lead_id": lead["lead_id"], **row}
        for lead, row in zip(model.leads, scorer.score(model.columns, LEADS), strict=True)
    ]


def write_csv(path: Path, leads: Sequence[Any], without: str = "") -> Path:
    names = [name for name in leads[0] if name != without]
    text = io.StringIO()
    writer = csv.DictWriter(text, names, extrasaction="ignore")
    writer.writeheader()
    writer.writerows(leads)
    path.write_bytes(text.getvalue().encode())
    return path


def run(
    command: Any, model: SmallModel | Path, *arguments: str | Path, stdin: bytes | None = None
) -> Result:
    registry = model.registry if isinstance(model, SmallModel) else model
    given = [*map(str, arguments), "--registry", str(registry)]
    return CliRunner().invoke(command, given, input=stdin)


def lines(result: Result) -> list[dict[str, Any]]:
    assert result.exit_code == 0, result.output
    return [json.loads(line) for line in result.stdout.splitlines()]


# What goes in


def test_a_csv_file_is_scored(
    model: SmallModel, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    assert lines(run(score, model, write_csv(tmp_path / "l.csv", model.leads))) == rows


def test_events_as_json_lines_have_the_same_scores(
    model: SmallModel, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b"\n\n".join(model.values(WireFormat.JSON)) + b"\n")
    assert lines(run(score, model, file)) == rows


def test_an_implausible_time_of_creation_is_refused_in_a_file_as_in_events(
    model: SmallModel, tmp_path: Path
) -> None:
    times = ["2024-05-31T09:30:00Z", "1970-01-20T20:00:00Z", ""]
    made = [lead | {"created_at": at} for lead, at in zip(model.leads, times, strict=False)]
    result = run(score, model, write_csv(tmp_path / "l.csv", made), "--format", "jsonl")
    assert result.exit_code == 1
    assert result.stderr.startswith("row 2: TIME: field created_at")
    assert len(result.stdout.splitlines()) == 2
    made[1]["created_at"] = "2024-05-31T09:30:00Z"
    assert len(lines(run(score, model, write_csv(tmp_path / "l.csv", made)))) == 3


@pytest.mark.parametrize("as_json", [False, True])
def test_leads_on_standard_input_are_scored(
    model: SmallModel, rows: list[dict[str, Any]], tmp_path: Path, as_json: bool
) -> None:
    if as_json:
        content = b"\n".join(model.values(WireFormat.JSON))
    else:
        content = write_csv(tmp_path / "l.csv", model.leads).read_bytes()
    assert lines(run(score, model, "-", stdin=content)) == rows


def test_a_parquet_file_is_scored_as_the_csv_file(
    model: SmallModel, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    import pyarrow
    import pyarrow.parquet

    table = pyarrow.Table.from_pylist(list(model.leads))
    pyarrow.parquet.write_table(table, tmp_path / "leads.parquet")
    assert lines(run(score, model, tmp_path / "leads.parquet")) == rows


def test_a_compressed_file_is_scored_as_the_plain_one(
    model: SmallModel, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    file = tmp_path / "leads.csv.gz"
    plain = write_csv(tmp_path / "l.csv", model.leads)
    file.write_bytes(gzip.compress(plain.read_bytes()))
    assert lines(run(score, model, file)) == rows


def test_an_absent_column_is_missing_and_reported(model: SmallModel, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "l.csv", model.leads, without="page_views")
    result = run(score, model, file)
    assert f"{file} has no column page_views: it counts as missing" in result.stderr
    assert max(row["feature_coverage"] for row in lines(result)) < 1.0


def test_leads_without_ids_are_called_by_their_row(model: SmallModel, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "l.csv", model.leads[:3], without="lead_id")
    assert [row["lead_id"] for row in lines(run(score, model, file))] == ["row-1", "row-2", "row-3"]


def test_the_ids_column_can_be_named(model: SmallModel, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "l.csv", [{"Name": "x y", **lead} for lead in model.leads[:2]])
    assert [row["lead_id"] for row in lines(run(score, model, file, "--id", "Name"))] == ["x y"] * 2


# What comes out


def test_scores_are_written_as_csv(
    model: SmallModel, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "l.csv", model.leads)
    result = run(score, model, file, "--format", "csv")
    assert result.exit_code == 0
    read = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [(row["lead_id"], float(row["score"]), row["category"]) for row in read] == [
        (row["lead_id"], row["score"], row["category"]) for row in rows
    ]
    first = rows[0]["reasons"][0]
    assert read[0]["reasons"].startswith(f"{first['feature']} {first['value']} (")


def renamed(model: SmallModel, *ids: str) -> list[dict[str, Any]]:
    return [{**lead, "lead_id": lead_id} for lead, lead_id in zip(model.leads, ids, strict=False)]


def test_the_table_shows_whole_ids_at_80_columns(
    model: SmallModel, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "l.csv", renamed(model, UUID, "L-1"))
    result = run(score, model, file, "--format", "table")
    assert result.exit_code == 0
    shown = result.stdout.splitlines()
    assert max(map(len, shown)) <= 80
    assert shown[1].startswith(UUID)
    assert f"{rows[0]['score']:.4f}" in shown[1]
    assert rows[0]["category"] in shown[1]
    assert rows[0]["reasons"][0]["feature"] in shown[1]
    assert shown[2].startswith("L-1 ")


def test_the_table_shows_some_and_says_how_many_more_there_are(
    model: SmallModel, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "l.csv", model.leads)
    shown = run(score, model, file, "--format", "table").stdout
    assert f"L-{SHOWN_ROWS - 1} " in shown
    assert f"L-{SHOWN_ROWS} " not in shown
    assert f"and {LEADS - SHOWN_ROWS} more: --format jsonl or csv gives them all" in shown


ODD = "[/] [bold]x[/bold]"


@pytest.mark.parametrize("command", [score, explain])
def test_an_id_in_brackets_is_shown_as_it_is(
    command: Any, model: SmallModel, tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "l.csv", renamed(model, ODD))
    result = run(command, model, file, *(["--format", "table"] if command is score else []))
    assert result.exit_code == 0, result.output
    assert ODD in result.stdout


# What goes wrong


def test_lines_that_are_no_leads_are_exit_code_1_and_reported(model: SmallModel) -> None:
    good = model.values(WireFormat.JSON)[:2]
    content = b"\n".join([good[0], b"", b'{"lead_id": 5}', b"garbage", good[1]])
    result = run(score, model, "-", stdin=content)
    assert result.exit_code == 1
    assert [json.loads(line)["lead_id"] for line in result.stdout.splitlines()] == ["L-0", "L-1"]
    assert [line.partition(": expected")[0] for line in result.stderr.splitlines()] == [
        "line 3: VALIDATION",
        "line 4: WIRE_FORMAT",
    ]


def test_explain_reports_bad_lines_too(model: SmallModel) -> None:
    content = b"\n".join([*model.values(WireFormat.JSON)[:1], b'{"lead_id": "x"}'])
    result = run(explain, model, "-", "--lead", "x", stdin=content)
    assert result.exit_code == 2
    assert "line 2: VALIDATION" in result.stderr
    assert "there is no lead 'x'" in result.stderr


def test_no_leads_at_all(model: SmallModel) -> None:
    result = run(explain, model, "-", stdin=b'{"lead_id": "x"}')
    assert result.exit_code == 2
    assert "expected at least one lead" in result.stderr


UNUSABLE = {
    "no file": ("absent.csv", b"", "absent.csv"),
    "an empty file": ("empty.csv", b"", "is empty"),
    "an image": ("image.csv", b"\x89PNG\r\n\x1a\n" + bytes(99), "binary data"),
    "other columns": ("other.csv", b"a,b\n1,2\n", "has none of the model's fields"),
    "text in a number": ("text.csv", b"page_views,industry\nmany,retail\n", "page_views"),
    "an array that is cut off": ("array.json", b'[{"lead_id": "a"},', "array.json is cut off"),
    "an array of numbers": ("array.json", b'[{"lead_id": "a"}, 5]', "line 1: expected a JSON obj"),
    "nothing on standard input": ("-", b"", "standard input"),
}


@pytest.mark.parametrize(("name", "content", "says"), UNUSABLE.values(), ids=UNUSABLE.keys())
@pytest.mark.parametrize("command", [score, explain])
def test_an_unusable_file_is_exit_code_2_and_a_sentence(
    command: Any,
    name: str,
    content: bytes,
    says: str,
    model: SmallModel,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    if name not in ("absent.csv", "-"):
        (tmp_path / name).write_bytes(content)
    result = run(command, model, name, stdin=content)
    assert result.exit_code == 2, result.output
    assert says in result.stderr
    assert result.stdout == ""


def test_no_such_model_no_such_column_no_such_lead(model: SmallModel, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "l.csv", model.leads)
    for arguments, says in (
        (["--model", "nobody"], "should have a model 'nobody'"),
        (["--id", "nothing"], "--id"),
        (["--lead", "L-999"], "there is no lead 'L-999'"),
    ):
        result = run(explain, model, file, *arguments)
        assert result.exit_code == 2
        assert says in result.stderr


@pytest.mark.parametrize("command", [score, explain])
def test_a_damaged_model_is_unusable_too(command: Any, model: SmallModel, tmp_path: Path) -> None:
    """Not exit code 1: that says that some lines are no leads."""
    registry = shutil.copytree(model.registry, tmp_path / "models")
    (registry / "leads" / "1" / "model.onnx").write_bytes(b"")
    result = run(command, registry, write_csv(tmp_path / "l.csv", model.leads))
    assert result.exit_code == 2
    assert "is incomplete" in result.stderr


def test_a_model_is_found_by_the_folder_of_its_bundle(
    model: SmallModel, rows: list[dict[str, Any]], tmp_path: Path
) -> None:
    file = write_csv(tmp_path / "l.csv", model.leads)
    assert lines(run(score, tmp_path, file, "--model", model.bundle.location)) == rows


HOSTILE = "=1+1\x1b[2J\nL-2\u202e"
SHOWN = r"=1+1\x1b[2J\nL-2\u202e"


def obeyed(text: str) -> bool:
    """Whether anything is in a text that a terminal obeys, but for ends of lines."""
    return any(character in text for character in ("\x1b", "\r", "\u202e"))


@pytest.mark.parametrize("command", [score, explain])
def test_a_terminal_does_not_obey_a_leads_text(
    command: Any, model: SmallModel, tmp_path: Path
) -> None:
    [lead] = renamed(model, HOSTILE)
    file = write_csv(tmp_path / "l.csv", [{**lead, "industry": "\x1b]0;owned"}])
    result = run(command, model, file, *(["--format", "table"] if command is score else []))
    assert result.exit_code == 0, result.output
    assert SHOWN[:16] in result.stdout
    assert not obeyed(result.output)


def test_a_spreadsheet_computes_no_leads_text(model: SmallModel, tmp_path: Path) -> None:
    ids = (HOSTILE, "@SUM(A1)", "-1.5", "+3 4")
    file = write_csv(tmp_path / "l.csv", renamed(model, *ids))
    result = run(score, model, file, "--format", "csv")
    read = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["lead_id"] for row in read] == [f"'{SHOWN}", "'@SUM(A1)", "-1.5", "'+3 4"]
    assert all(float(row["score"]) > 0 for row in read)


def test_json_lines_keep_a_leads_text(model: SmallModel, tmp_path: Path) -> None:
    file = write_csv(tmp_path / "l.csv", renamed(model, HOSTILE))
    assert lines(run(score, model, file, "--format", "jsonl"))[0]["lead_id"] == HOSTILE
    explained = run(explain, model, file, "--json")
    assert json.loads(explained.stdout)["lead_id"] == HOSTILE


def test_a_refusal_that_quotes_a_file_is_one_line(model: SmallModel, tmp_path: Path) -> None:
    file = tmp_path / "events.jsonl"
    file.write_bytes(b'{"lead_id": "a", "created_at": "\\u001b[2J\\nError: all is lost"}\n')
    result = run(score, model, file)
    assert result.exit_code == 1
    assert not obeyed(result.stderr)
    assert len(result.stderr.splitlines()) == 1
    table = tmp_path / "odd\x1b[2J\nname.csv"
    table.write_text("a,b\n1,2\n")
    refused = run(score, model, table)
    assert refused.exit_code == 2
    assert not obeyed(refused.stderr)
    assert r"odd\x1b[2J\nname.csv" in refused.stderr
