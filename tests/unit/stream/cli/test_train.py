"""`leadscore train`: exit codes, the report, and no bundle unless all is well."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import orjson
import pytest
from click.testing import CliRunner, Result

from model.bundle import load_bundle
from model.registry import Alias, Registry
from schemas.fields import FieldKind
from schemas.number_reading import NumberReading
from schemas.time_reading import TimeReading
from stream.cli.explain import explain
from stream.cli.score import score
from stream.cli.train import train
from testing.made import MADE

pytestmark = pytest.mark.usefixtures("quick_recipe", "tried_once")


def leads(path: Path, n: int = 300, separator: str = ",") -> Path:
    rng = np.random.default_rng(1)
    lines = [separator.join(["id", "size", "source", "won"])]
    for i in range(n):
        size = rng.normal()
        won = "yes" if rng.random() < 1 / (1 + np.exp(-2 * size)) else "no"
        lines.append(separator.join([f"L{i}", f"{size:.3f}", "ab"[i % 2], won]))
    path.write_text("\n".join(lines))
    return path


def deals(path: Path) -> Path:
    """Leads of which every fifth has no outcome yet, a day apart."""
    lines = leads(path).read_text().splitlines()
    made = [f"{lines[0]},created"]
    for i, line in enumerate(lines[1:]):
        opened = line.rsplit(",", 1)[0] + ",open" if i % 5 == 0 else line
        made.append(f"{opened},{datetime(2024, 1, 1, tzinfo=UTC) + timedelta(days=i):%Y-%m-%d}")
    path.write_text("\n".join(made))
    return path


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(train, [str(argument) for argument in arguments])


def test_a_model_comes_into_the_registry(tmp_path: Path) -> None:
    file, registry = leads(tmp_path / "leads.csv"), tmp_path / "models"
    result = run(file, "--target", "won", "--id", "id", "--registry", registry, "--name", "small")
    assert result.exit_code == 0, result.output
    assert "Model small version 1 is in" in result.stdout
    assert "AUC" in result.stdout
    assert "the lead's id (--id)" in result.stdout
    assert "300 rows are few" in result.stdout.replace("\n", " ")
    bundle = load_bundle(Registry(registry).resolve("small"), None)
    assert list(bundle.metadata.spec.kinds) == ["size", "source"]
    assert bundle.metadata.contract["name"] == "small_lead"


def test_thresholds_schema_and_exclude(tmp_path: Path) -> None:
    file, registry = leads(tmp_path / "leads.csv", separator="|"), tmp_path / "models"
    contract = tmp_path / "lead.avsc"
    contract.write_text(
        '{"type": "record", "name": "lead", "fields": [{"name": "lead_id", "type": "string"},'
        '{"name": "created_at", "type": "long"}, {"name": "size", "type": "double"},'
        '{"name": "source", "type": "string"}]}'
    )
    arguments: tuple[Any, ...] = (
        "--schema",
        contract,
        "--exclude",
        "source",
        "--high",
        "0.8",
        "--medium",
        "0.2",
    )
    arguments += ("--engagement", "0.02-0.1")
    result = run(file, "--target", "won", "--registry", registry, *arguments)
    assert result.exit_code == 0, result.output
    metadata = load_bundle(Registry(registry).resolve("leads"), None).metadata
    assert (metadata.thresholds.high, metadata.thresholds.medium) == (0.8, 0.2)
    assert (metadata.engagement.low, metadata.engagement.high) == (0.02, 0.1)
    assert list(metadata.spec.kinds) == ["size"]
    assert metadata.training.dropped["id"] == "not in the contract"


UNUSABLE = {
    "no file": (["absent.csv", "--target", "won"], "there is no file"),
    "a folder": ([".", "--target", "won"], "is a folder"),
    "no column": (["leads.csv", "--target", "wonn"], "Did you mean 'won'?"),
    "no text column": (["leads.csv", "--target", "won", "--text", "x"], "no column 'x' (--text)"),
    "no value": (["leads.csv", "--target", "won", "--positive", "x"], "no value 'x'"),
    "no span": (["leads.csv", "--target", "won", "--matured", "90"], "such as 30m, 1h or 7d"),
    "a span without a time": (["leads.csv", "--target", "won", "--matured", "90d"], "needs --time"),
    "few groups": (
        ["leads.csv", "--target", "won", "--group", "source"],
        "the 2 groups (2 with a success, 2 with a failure",
    ),
    "three values": (
        ["deals.csv", "--target", "won"],
        "--positive yes --negative no, where rows with other values are left out",
    ),
    "two orders": (["leads.csv", "--target", "won", "--ordered", "--time", "id"], "exclude each"),
    "an encoding": (["leads.csv", "--target", "won", "--encoding", "x"], "no encoding 'x'"),
    "thresholds": (
        ["leads.csv", "--target", "won", "--high", "0.2", "--medium", "0.4"],
        "--medium 0.4 is above --high 0.2",
    ),
    "a score above a share": (
        ["leads.csv", "--target", "won", "--medium", "1"],
        "--medium 1 is above High's threshold",
    ),
    "a count as a band": (["leads.csv", "--target", "won", "--high", "30"], "a share of the leads"),
    "one number": (["leads.csv", "--target", "won", "--engagement", "0.3"], "such as 0.15-0.40"),
    "no numbers": (["leads.csv", "--target", "won", "--engagement", "a-b"], "--engagement 'a-b'"),
    "a range": (["leads.csv", "--target", "won", "--engagement", "0.4-0.2"], "lower one first"),
    "percents": (["leads.csv", "--target", "won", "--engagement", "5-15"], "from 0 to 1"),
    "no schema": (["leads.csv", "--target", "won", "--schema", "x.avsc"], "x.avsc"),
    "a name": (["leads.csv", "--target", "won", "--name", "a/b"], "--name"),
    "no target": (["leads.csv"], "--target"),
    "a strange option": (["leads.csv", "--target", "won", "--seed", "x"], "--seed"),
    "an image": (["image.csv", "--target", "won"], "binary data"),
    "ragged": (["ragged.csv", "--target", "won"], "is ragged: line 2"),
    "empty": (["empty.csv", "--target", "won"], "is empty"),
    "too few": (["few.csv", "--target", "won"], "at least 40 of each"),
}


@pytest.mark.parametrize(("arguments", "says"), UNUSABLE.values(), ids=UNUSABLE.keys())
def test_unusable_input_is_exit_code_2_and_a_sentence(
    arguments: list[str], says: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    leads(tmp_path / "leads.csv")
    leads(tmp_path / "few.csv", 60)
    deals(tmp_path / "deals.csv")
    (tmp_path / "image.csv").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(99))
    (tmp_path / "ragged.csv").write_text("won,a\nyes\n")
    (tmp_path / "empty.csv").write_text("")
    result = run(*arguments, "--registry", "models")
    assert result.exit_code == 2, result.output
    assert says in " ".join(result.stderr.split())
    assert not (tmp_path / "models").exists()


def test_a_dry_run_trains_and_reports_and_adds_no_model(tmp_path: Path) -> None:
    file, registry = leads(tmp_path / "leads.csv"), tmp_path / "models"
    result = run(file, "--target", "won", "--registry", registry, "--dry-run")
    assert result.exit_code == 0, result.output
    assert "AUC" in result.stdout
    assert "could be added" in result.stdout
    assert not registry.exists()


def test_a_failed_check_leaves_nothing_behind(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("model.training.export.parity", lambda *_: 1.0)
    registry = tmp_path / "models"
    result = run(leads(tmp_path / "leads.csv"), "--target", "won", "--registry", registry)
    assert result.exit_code == 1
    assert "there is no bundle" in result.stderr
    assert not registry.exists()


def test_a_reader_that_ends_early_keeps_no_model_out_of_the_registry(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(*_: object) -> None:
        raise BrokenPipeError

    monkeypatch.setattr("stream.cli.train_report.print_report", closed)
    registry = tmp_path / "models"
    run(leads(tmp_path / "leads.csv"), "--target", "won", "--registry", registry)
    assert load_bundle(Registry(registry).resolve("leads"), None).version == "1"


def written_leads(path: Path, n: int = 200) -> Path:
    """Write leads of which the values leave open how they are read."""
    rng = np.random.default_rng(2)
    lines = ["id;price;Call Day;rating;grade;won"]
    for i in range(n):
        price = f"{1 + i % 9}.{100 + i % 900}"
        day = f"{1 + i % 12}/{1 + (i * 5) % 12}/2024"
        rating = "not asked" if i % 2 else str(i % 5)
        won = "yes" if rng.random() < 0.4 else "no"
        lines.append(f"L{i};{price};{day};{rating};{i % 7};{won}")
    path.write_text("\n".join(lines))
    return path


def planned(*arguments: str | Path) -> dict[str, Any]:
    result = run(*arguments, "--target", "won", "--plan", "--json")
    assert result.exit_code == 0, result.output
    plan = orjson.loads(result.stdout)
    return {column["column"]: column for column in plan["columns"]} | {"": plan["warnings"]}


@pytest.fixture
def open_leads(tmp_path: Path) -> Path:
    return written_leads(tmp_path / "open.csv")


@pytest.mark.parametrize(("decimal", "low"), [(".", 1.1), (",", 1100.0)])
def test_decimal_decides_what_a_point_separates(open_leads: Path, decimal: str, low: float) -> None:
    plan = planned(open_leads, "--decimal", decimal)
    assert plan["price"]["kind"] == "number"
    assert plan["price"]["low"] == low
    assert not any("leave open" in warning for warning in plan["price"]["warnings"])


@pytest.mark.parametrize(("first", "high"), [("day", 1), ("month", 2)])
def test_dates_decides_what_comes_first(tmp_path: Path, first: str, high: int) -> None:
    days = ("1/1/2024", "2/1/2024") * 100
    lines = ["day,won", *(f"{day},{'yes' if i % 3 else 'no'}" for i, day in enumerate(days))]
    (tmp_path / "days.csv").write_text("\n".join(lines))
    column = planned(tmp_path / "days.csv", "--dates", first)["day"]
    assert column["kind"] == "date"
    assert datetime.fromtimestamp(column["high"] / 1000, UTC).month == high
    assert not any("leave open" in warning for warning in column["warnings"])
    assert any("leave open" in w for w in planned(tmp_path / "days.csv")["day"]["warnings"])


def test_missing_names_a_word_that_means_missing(open_leads: Path) -> None:
    before, after = planned(open_leads), planned(open_leads, "--missing", "not asked")
    assert before["rating"]["kind"] == "category"
    assert after["rating"]["kind"] == "number"
    assert after["rating"]["missing"] == pytest.approx(0.5)
    assert after["rating"]["words"] == {"not asked": 100}


def test_as_decides_each_kind(open_leads: Path) -> None:
    given = ("grade=category", "price=text", "rating=number", "Call Day=ignore", "id=text")
    plan = planned(open_leads, *(part for text in given for part in ("--as", text)))
    assert {
        name: plan[name]["kind"] for name in ("grade", "price", "rating", "Call Day", "id")
    } == {
        "grade": "category",
        "price": "text",
        "rating": "number",
        "Call Day": None,
        "id": "text",
    }
    assert plan["Call Day"]["unused"] == "ignored (--as)"
    assert plan["rating"]["misfits"] == pytest.approx(0.5)
    assert any("--missing WORD" in warning for warning in plan["rating"]["warnings"])


def test_as_makes_a_number_of_a_date_and_a_date_of_a_number(tmp_path: Path) -> None:
    lines = [
        "seen,won",
        *(f"{1_704_067_200 + i * 3600},{'yes' if i % 3 else 'no'}" for i in range(200)),
    ]
    (tmp_path / "seen.csv").write_text("\n".join(lines))
    file = tmp_path / "seen.csv"
    assert planned(file)["seen"]["kind"] == "date"
    assert planned(file, "--as", "seen=number")["seen"]["low"] == 1_704_067_200
    assert planned(file, "--as", "seen=date")["seen"]["low"] == 1_704_067_200_000


def test_the_four_options_reach_the_model(open_leads: Path, tmp_path: Path) -> None:
    registry = tmp_path / "models"
    options = (
        "--decimal",
        ",",
        "--dates",
        "day",
        "--missing",
        "not asked",
        "--as",
        "grade=category",
        "--force",
    )
    result = run(open_leads, "--target", "won", "--registry", registry, *options)
    assert result.exit_code == 0, result.output
    spec = load_bundle(Registry(registry).resolve("leads"), None).metadata.spec
    price, day = spec.readings["price"], spec.readings["Call_Day"]
    assert isinstance(price, NumberReading)
    assert isinstance(day, TimeReading)
    assert (price.decimal, price.grouping, day.first) == (",", ".", "day")
    assert spec.kinds["grade"] is FieldKind.CATEGORY
    assert spec.kinds["rating"] is FieldKind.NUMBER


@pytest.mark.parametrize("given", ["price", "price=float", "=number"])
def test_as_without_a_kind_is_refused(open_leads: Path, given: str) -> None:
    result = run(open_leads, "--target", "won", "--as", given, "--plan")
    assert result.exit_code == 2
    assert "expected COLUMN=KIND" in result.stderr


def test_a_plan_writes_nothing_and_names_every_column(open_leads: Path, tmp_path: Path) -> None:
    registry = tmp_path / "models"
    result = run(open_leads, "--target", "won", "--registry", registry, "--plan")
    assert result.exit_code == 0, result.output
    assert not registry.exists()
    for name in ("id", "price", "Call Day", "→ Call_Day", "rating", "grade", "won"):
        assert name in result.stdout
    said = " ".join(result.stdout.split())
    assert "id was left out as an identifier" in said
    assert "leave open" in said
    assert "importance" not in said


def test_the_json_report_is_what_the_bundle_keeps(tmp_path: Path) -> None:
    file, registry = leads(tmp_path / "leads.csv"), tmp_path / "models"
    result = run(file, "--target", "won", "--registry", registry, "--json")
    assert result.exit_code == 0, result.output
    report = orjson.loads(result.stdout)
    metadata = load_bundle(Registry(registry).resolve("leads"), None).metadata
    assert report["columns"] == [c.model_dump(mode="json") for c in metadata.training.columns]
    assert [column["column"] for column in report["columns"]] == ["id", "size", "source", "won"]
    assert (report["model"], report["version"]) == ("leads", "1")
    assert report["warnings"] == list(metadata.training.warnings)
    used = [column["importance"] for column in report["columns"] if column["field"]]
    assert sum(used) == pytest.approx(1.0)


def test_the_report_says_which_values_became_success(tmp_path: Path) -> None:
    file, registry = deals(tmp_path / "deals.csv"), tmp_path / "models"
    given: tuple[Any, ...] = (file, "--target", "won", "--positive", "Yes", "--negative", "no")
    given += ("--time", "created", "--matured", "10d")
    plan = run(*given, "--plan")
    assert plan.exit_code == 0, plan.output
    shown = re.search(
        r"won success: yes \((\d+)\); failure: no \((\d+)\); left out: open \(60\), too young "
        r"\(8\)",
        " ".join(plan.stdout.split()),
    )
    assert shown is not None, plan.stdout
    result = run(*given, "--registry", registry, "--json")
    assert result.exit_code == 0, result.output
    report = orjson.loads(result.stdout)
    assert report["labels"] == {
        "success": {"yes": int(shown[1])},
        "failure": {"no": int(shown[2])},
        "ignored": {"open": 60},
        "missing": 0,
        "immature": 8,
    }
    assert report["rows"] == int(shown[1]) + int(shown[2]) == 232
    assert orjson.loads(run(*given, "--plan", "--json").stdout)["labels"] == report["labels"]


def test_rows_that_belong_together_are_shown(tmp_path: Path) -> None:
    file = leads(tmp_path / "leads.csv")
    lines = file.read_text().splitlines()
    rows = [f"{line},C{i % 150}" for i, line in enumerate(lines[1:])]
    file.write_text("\n".join([f"{lines[0]},customer", *rows]))
    given = (file, "--target", "won", "--group", "customer", "--plan")
    plan = run(*given)
    assert plan.exit_code == 0, plan.output
    said = " ".join(plan.stdout.split())
    assert "150 groups of rows that belong together (the same customer); the largest has 2" in said
    groups = orjson.loads(run(*given, "--json").stdout)["groups"]
    assert (groups["columns"], groups["groups"], groups["repeated"]) == (["customer"], 150, 300)


def test_a_surprising_column_is_a_warning_with_its_remedy(tmp_path: Path) -> None:
    rare = [str(i % 7) if i % 20 == 0 else "" for i in range(400)]
    won = ["yes" if i % 3 else "no" for i in range(400)]
    rows = [f"{rare[i]},town {i % 4 if i % 2 else i % 250},{won[i]}" for i in range(400)]
    lines = ["rare,town,won", *rows]
    (tmp_path / "odd.csv").write_text("\n".join(lines))
    plan = planned(tmp_path / "odd.csv")
    assert plan["rare"]["missing"] == pytest.approx(0.95)
    assert "--as rare=ignore" in " ".join(plan["rare"]["warnings"])
    assert "a category of 127 levels in 400 leads" in " ".join(plan["town"]["warnings"])
    assert plan["town"]["examples"][0] == "town 1"


def test_the_plan_counts_letters_however_they_are_composed(tmp_path: Path) -> None:
    """As the model does: it counted code points of the file."""
    notes = ["Gespräch", unicodedata.normalize("NFD", "Gespräche")]
    rows = [f"{notes[i % 2]},{i % 9},{'yes' if i % 3 else 'no'}" for i in range(400)]
    (tmp_path / "notes.csv").write_text("\n".join(["note,size,won", *rows]), encoding="utf-8")
    column = planned(tmp_path / "notes.csv", "--text", "note")["note"]
    assert (column["low"], column["high"]) == (8, 9)


def test_a_drop_down_that_nobody_filled_in_is_named(tmp_path: Path) -> None:
    industry = [("Select", "Retail", "select ", "Health")[i % 4] for i in range(400)]
    rows = [f"{word},{i % 9},{'yes' if i % 3 else 'no'}" for i, word in enumerate(industry)]
    (tmp_path / "lists.csv").write_text("\n".join(["industry,size,won", *rows]))
    column = planned(tmp_path / "lists.csv")["industry"]
    (warning,) = column["warnings"]
    assert "'Select' (200 times) looks like a drop-down list that nobody filled in" in warning
    assert "--missing Select" in warning
    assert column["levels"] == 3
    column = planned(tmp_path / "lists.csv", "--missing", "Select")["industry"]
    assert (column["warnings"], column["levels"], column["missing"]) == ([], 2, 0.5)


def test_the_strongest_columns_are_listed(tmp_path: Path) -> None:
    file, registry = leads(tmp_path / "leads.csv"), tmp_path / "models"
    shown = run(file, "--target", "won", "--id", "id", "--registry", registry).stdout
    lines = shown[shown.index("The strongest columns") :].splitlines()
    assert re.fullmatch(r"(! )?size +0\.\d{3}", lines[2].strip())
    assert re.fullmatch(r"source +0\.\d{3}", lines[3].strip())
    report = run(file, "--target", "won", "--id", "id", "--registry", registry, "--json").stdout
    strongest = orjson.loads(report)["metrics"]["strongest"]
    assert [alone["column"] for alone in strongest] == ["size", "source"]


def without_signal(path: Path, n: int = 300) -> Path:
    """Leads whose outcome depends on nothing."""
    rng = np.random.default_rng(3)
    lines = ["size,source,won"]
    lines += [f"{rng.normal():.3f},{'ab'[i % 2]},{'yes' if i % 3 else 'no'}" for i in range(n)]
    path.write_text("\n".join(lines))
    return path


def test_a_model_without_signal_is_shown_and_not_published(tmp_path: Path) -> None:
    file, registry = without_signal(tmp_path / "leads.csv"), tmp_path / "models"
    result = run(file, "--target", "won", "--registry", registry)
    assert result.exit_code == 1, result.output
    assert result.stdout.startswith("No better than giving everyone the base rate (66.7%): AUC 0.")
    assert re.search(r"AUC 0\.\d{3} \(95 % interval 0\.\d{3} to 0\.\d{3}\)", result.stdout)
    assert "A logistic regression in the same folds: AUC 0." in result.stdout
    assert "Every lead scores the base rate, 66.7%" in result.stdout
    assert "The model is not published" in result.stderr
    assert "--force" in result.stderr
    assert not registry.exists()


def test_a_model_without_signal_is_refused_as_json_and_beside_production(tmp_path: Path) -> None:
    file, registry = leads(tmp_path / "leads.csv"), tmp_path / "models"
    assert run(file, "--target", "won", "--registry", registry).exit_code == 0
    Registry(registry).set_alias("leads", Alias.PRODUCTION, "1", MADE)
    result = run(
        without_signal(tmp_path / "noise.csv"), "--target", "won", "--registry", registry, "--json"
    )
    assert result.exit_code == 1
    report = orjson.loads(result.stdout)
    assert report["version"] is None
    assert report["verdict"]["has_signal"] is False
    assert report["warnings"][0].startswith("No better than giving everyone the base rate")
    assert Registry(registry).versions("leads") == ["1"]


def test_a_model_without_signal_is_published_by_force_and_gives_the_base_rate(
    tmp_path: Path,
) -> None:
    file, registry = without_signal(tmp_path / "leads.csv"), tmp_path / "models"
    result = run(file, "--target", "won", "--registry", registry, "--force")
    assert result.exit_code == 0, result.output
    assert "Model leads version 1 is in" in result.stdout
    lead = tmp_path / "lead.jsonl"
    lead.write_text('{"lead_id": "a", "created_at": 1700000000000, "size": -9}\n')
    model = ("--model", "leads", "--registry", str(registry))
    scored = CliRunner().invoke(score, [str(lead), *model])
    assert scored.exit_code == 0, scored.output
    row = orjson.loads(scored.stdout)
    assert row["score"] == pytest.approx(2 / 3, abs=1e-6)
    assert row["reasons"] == []
    explained = CliRunner().invoke(explain, [str(lead), *model])
    assert explained.exit_code == 0, explained.output
    assert "nan" not in explained.output


def test_the_json_report_has_the_verdict_with_intervals_and_the_baseline(tmp_path: Path) -> None:
    file, registry = leads(tmp_path / "leads.csv"), tmp_path / "models"
    result = run(file, "--target", "won", "--registry", registry, "--json")
    verdict = orjson.loads(result.stdout)["verdict"]
    assert verdict["sentence"].startswith("Better than giving everyone the base rate")
    for figure in ("auc", "brier_skill", "log_loss_gain"):
        low, high = verdict[f"{figure}_interval"]
        assert low < verdict[figure] < high
    assert verdict["baseline"]["auc"] > 0.5
    kept = load_bundle(Registry(registry).resolve("leads"), None).metadata.metrics
    assert kept["verdict"] == verdict
