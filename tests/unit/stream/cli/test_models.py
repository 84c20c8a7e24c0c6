import json
import os
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from fastavro import parse_schema

from model.bundle import Artefacts
from model.registry import Alias, Registry
from stream.cli.models import models
from testing.engines import ENGINE
from testing.made import MADE
from tests.unit.small_booster import Trained

PUBLISHED = 1_760_000_000


@pytest.fixture
def registry(tmp_path: Path, artefacts: Artefacts) -> Any:
    registry = Registry(tmp_path / "models")
    registry.publish("bank", artefacts)
    registry.publish("bank", artefacts)
    return registry


@pytest.fixture
def leadscore(registry: Any) -> Any:
    def run(*arguments: Any) -> Any:
        return CliRunner().invoke(models, [*arguments, "--registry", registry.root])

    return run


def test_list_shows_versions_their_age_and_aliases(leadscore: Any, registry: Any) -> None:
    registry.set_alias("bank", Alias.PRODUCTION, "2", MADE)
    for version in registry.versions("bank"):
        os.utime(Path(registry.location("bank", version)) / "manifest.json", (PUBLISHED,) * 2)
    result = leadscore("list")
    assert result.exit_code == 0
    rows = [line.split() for line in result.output.splitlines()]
    when = ["2025-10-09", "08:53"]
    assert rows[1:] == [["bank", "1", *when], ["bank", "2", *when, "production"]]


def test_each_command_has_a_line_of_json(leadscore: Any, registry: Any) -> None:
    set_ = leadscore("alias", "bank", "staging", "2", "--json")
    listed = leadscore("list", "--json")
    shown = leadscore("show", "bank/2", "--json")
    verified = leadscore("verify", "bank/2", "--json")
    removed = leadscore("alias", "remove", "bank", "staging", "--json")
    aliased = {"model": "bank", "alias": "staging", "version": "2", "was": None} | {
        "is_dry_run": False,
        "number": 1,
    }
    assert json.loads(set_.stdout) == aliased
    rows = [json.loads(line) for line in listed.stdout.splitlines()]
    assert all(datetime.fromisoformat(row.pop("published")) for row in rows)
    assert rows == [
        {"model": "bank", "version": "1", "aliases": [], "is_archived": False},
        {"model": "bank", "version": "2", "aliases": ["staging"], "is_archived": False},
    ]
    assert len(shown.stdout.splitlines()) == 1
    assert json.loads(shown.stdout)["metadata"]["spec"]["fields"]
    assert json.loads(verified.stdout)["sha256"] == json.loads(shown.stdout)["sha256"]
    assert json.loads(removed.stdout) == aliased | {"version": None, "was": "2", "number": 2}


def test_list_of_an_empty_registry_says_how_to_fill_it(tmp_path: Path) -> None:
    result = CliRunner().invoke(models, ["list", "--registry", str(tmp_path)])
    assert result.exit_code == 0
    assert "leadscore train" in result.output


def test_show_prints_the_models_metadata(leadscore: Any, trained: Trained) -> None:
    result = leadscore("show", "bank/1")
    assert result.exit_code == 0
    assert "bank version 1" in result.output
    for field in trained.metadata.spec.fields:
        assert field.name in result.output
    assert "auc 0.8" in result.output
    assert "15.0% to 40.0%" in result.output
    assert "not measured" in result.output


def test_show_begins_with_the_verdict(registry: Any, leadscore: Any, trained: Trained) -> None:
    verdict: dict[str, Any] = {
        "sentence": "Better than giving everyone the base rate (33.8%): AUC [0.829].",
        "has_signal": True,
        "baseline": {"sentence": "A logistic regression in the same folds: AUC 0.820."},
    }
    metadata = trained.metadata.model_copy(update={"metrics": {"verdict": verdict}})
    registry.publish("bank", replace(trained, metadata=metadata).artefacts)
    shown = leadscore("show", "bank/3").output.splitlines()
    assert shown[:2] == [verdict["sentence"], verdict["baseline"]["sentence"]]


def test_show_prints_the_importance_of_each_field(
    registry: Any, leadscore: Any, trained: Trained
) -> None:
    fields = trained.metadata.spec.kinds
    shares = dict(zip(fields, (0.5, 0.3, 0.2, 0.0, 0.0, 0.0), strict=True))
    measured = replace(trained, metadata=trained.metadata.model_copy(update={"importance": shares}))
    registry.publish("bank", measured.artefacts)
    lines = {
        line.split()[0]: line.split()[-1]
        for line in filter(str.strip, leadscore("show", "bank/3").output.splitlines())
    }
    assert lines["page_views"] == "50.0%"
    assert lines["company_size"] == "0.0%"


def test_the_contract_is_the_schema_of_the_leads_that_it_reads(
    leadscore: Any, trained: Trained
) -> None:
    result = leadscore("contract", "bank/1")
    assert result.exit_code == 0
    assert json.loads(result.output) == trained.metadata.contract
    parse_schema(json.loads(result.output))


def test_verify_says_what_was_verified(leadscore: Any) -> None:
    result = leadscore("verify", "bank")
    assert result.exit_code == 0
    assert "bank version 2" in result.output
    assert f"32 golden rows score as in training (engine {ENGINE}" in result.output


def test_verify_of_a_damaged_model_ends_with_1(
    leadscore: Any, registry: Any, tmp_path: Path
) -> None:
    path = tmp_path / "models" / "bank" / "2" / "model.ubj"
    path.write_bytes(path.read_bytes()[:-1])
    result = leadscore("verify", "bank/2")
    assert result.exit_code == 1
    assert "model.ubj of model bank version 2 is not what was published" in result.output


def test_an_alias_is_set_once_the_version_is_verified(
    leadscore: Any, registry: Any, tmp_path: Path
) -> None:
    assert leadscore("alias", "bank", "production", "1").exit_code == 0
    again = leadscore("alias", "bank", "production", "2")
    assert "bank@production is version 2 (was 1)" in again.output
    (tmp_path / "models" / "bank" / "1" / "model.onnx").write_bytes(b"damaged")
    assert leadscore("alias", "bank", "production", "1").exit_code == 1
    assert registry.aliases("bank") == {Alias.PRODUCTION: "2"}


def test_a_dry_run_of_an_alias_checks_the_version_and_changes_nothing(
    leadscore: Any, registry: Any, tmp_path: Path
) -> None:
    registry.set_alias("bank", Alias.PRODUCTION, "1", MADE)
    result = leadscore("alias", "bank", "production", "2", "--dry-run")
    assert result.exit_code == 0
    assert "bank@production would be version 2 (is 1)." in result.output
    (tmp_path / "models" / "bank" / "2" / "model.onnx").write_bytes(b"damaged")
    assert leadscore("alias", "bank", "production", "2", "--dry-run").exit_code == 1
    assert registry.aliases("bank") == {Alias.PRODUCTION: "1"}


def test_a_dry_run_of_a_removal_removes_nothing(leadscore: Any, registry: Any) -> None:
    registry.set_alias("bank", Alias.PRODUCTION, "1", MADE)
    result = leadscore("alias", "remove", "bank", "production", "--dry-run")
    assert result.exit_code == 0
    assert "bank@production would be removed (is version 1)." in result.output
    assert "would load its newest version, 2" in result.output
    shown = leadscore("alias", "remove", "bank", "production", "--dry-run", "--json")
    assert json.loads(shown.stdout)["is_dry_run"] is True
    assert registry.aliases("bank") == {Alias.PRODUCTION: "1"}
    assert leadscore("alias", "remove", "bank", "staging", "--dry-run").exit_code == 2


@pytest.mark.parametrize("alias", ["canary", "archived"])
def test_an_alias_that_does_nothing_is_refused(leadscore: Any, registry: Any, alias: str) -> None:
    """It was set, and the version that it named served nobody."""
    result = leadscore("alias", "bank", alias, "1")
    assert result.exit_code == 2
    assert f"nothing acts on '{alias}'" in result.output
    assert registry.aliases("bank") == {}


def test_help_lists_only_the_aliases_that_can_be_set(leadscore: Any) -> None:
    assert "NAME {production|staging|shadow} VERSION" in leadscore("alias", "set", "--help").output
    assert "canary" in leadscore("alias", "remove", "--help").output, "an old one can be removed"


def test_an_alias_of_an_older_registry_is_read_and_removed(
    leadscore: Any, registry: Any, tmp_path: Path
) -> None:
    (tmp_path / "models" / "bank" / "aliases.json").write_text('{"canary": "1"}')
    assert registry.resolve("bank@canary").endswith("bank/1")
    assert leadscore("alias", "remove", "bank", "canary").exit_code == 0
    assert registry.aliases("bank") == {}


def test_an_alias_is_removed_and_the_others_stay(leadscore: Any, registry: Any) -> None:
    leadscore("alias", "set", "bank", "production", "1")
    leadscore("alias", "bank", "staging", "1")
    result = leadscore("alias", "remove", "bank", "production")
    assert result.exit_code == 0
    assert "bank@production is removed (was version 1)." in result.output
    assert "load its newest version, 2" in result.output
    assert registry.aliases("bank") == {Alias.STAGING: "1"}
    assert registry.resolve("bank").endswith("bank/2")


def test_options_may_stand_before_the_names(registry: Any) -> None:
    arguments = ["alias", "--registry", registry.root, "bank", "production", "1"]
    assert CliRunner().invoke(models, arguments).exit_code == 0


@pytest.mark.parametrize(
    "arguments",
    [
        ("show", "other"),
        ("verify", "bank@shadow"),
        ("alias", "bank", "production", "9"),
        ("alias", "bank", "best", "1"),
        ("alias", "remove", "bank", "production"),
        ("alias", "remove", "other", "production"),
    ],
)
def test_a_missing_model_ends_with_exit_code_2(leadscore: Any, arguments: Any) -> None:
    assert leadscore(*arguments).exit_code == 2


def test_a_terminal_does_not_obey_what_a_model_says_of_itself(
    registry: Any, leadscore: Any, trained: Trained
) -> None:
    training = trained.metadata.training.model_copy(
        update={"warnings": ("a\x1b[2J\nb",), "dropped": {"[red]c\x1b[2J": "constant"}}
    )
    odd = replace(trained, metadata=trained.metadata.model_copy(update={"training": training}))
    registry.publish("bank", odd.artefacts)
    said = leadscore("show", "bank/3").output
    assert r"warning: a\x1b[2J\nb" in said
    assert r"[red]c\x1b[2J" in said
    assert "\x1b" not in said


def no_signal(trained: Any) -> Any:
    metrics = {"cross_validated": {"auc": 0.51}}
    metadata = trained.metadata.model_copy(update={"metrics": metrics})
    return replace(trained, metadata=metadata).artefacts


def test_a_version_without_signal_is_production_only_by_an_option(
    registry: Any, leadscore: Any, trained: Trained
) -> None:
    assert registry.publish("bank", no_signal(trained)) == "3"
    result = leadscore("alias", "bank", "production", "3")
    assert result.exit_code == 1
    assert "no better than chance: AUC 0.51 ±" in result.output
    assert registry.aliases("bank") == {}
    assert leadscore("alias", "bank", "staging", "3").exit_code == 0
    assert leadscore("alias", "bank", "production", "3", "--force").exit_code == 0
    assert registry.aliases("bank")[Alias.PRODUCTION] == "3"


def test_production_stays_where_a_version_without_signal_would_follow(
    registry: Any, leadscore: Any, trained: Trained
) -> None:
    registry.set_alias("bank", Alias.PRODUCTION, "2", MADE)
    registry.publish("bank", no_signal(trained))
    assert leadscore("alias", "remove", "bank", "production").exit_code == 1
    assert registry.aliases("bank") == {Alias.PRODUCTION: "2"}
    removed = leadscore("alias", "remove", "bank", "production", "--force")
    assert removed.exit_code == 0
    assert registry.aliases("bank") == {}
