"""Changes of aliases by the commands; tests of what is shown of them are in test_models.py."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from model.alias_entry import Action
from model.registry import Alias, Registry
from stream.cli.models_options import loaded
from testing.made import MADE
from tests.unit.stream.cli.conftest import Run


def test_a_change_is_recorded_with_who_when_and_why(leadscore: Run, registry: Registry) -> None:
    done = leadscore("promote", "bank", "2", "--by", "anna", "--why", "better in May")
    assert done.exit_code == 0, done.output
    assert done.output == "bank@production is version 2.\n"
    [entry] = registry.history("bank")
    assert (entry.by, entry.why, entry.to) == ("anna", "better in May", "2")


@pytest.mark.parametrize(
    ("environment", "by"), [({"LEADSCORE_OPERATOR": "ci"}, "ci"), ({"LOGNAME": "bert"}, "bert")]
)
def test_the_operator_is_the_setting_or_the_user(
    leadscore: Run, registry: Registry, environment: dict[str, str], by: str
) -> None:
    assert leadscore("promote", "bank", "2", **environment).exit_code == 0
    assert registry.history("bank")[0].by == by


def test_promote_without_a_version_takes_the_one_in_staging(
    leadscore: Run, registry: Registry
) -> None:
    refused = leadscore("promote", "bank")
    assert refused.exit_code == 2, "nothing is in staging"
    assert "should have the alias 'staging', but it has: none" in refused.output
    registry.set_alias("bank", Alias.STAGING, "3", MADE)
    assert leadscore("promote", "bank").exit_code == 0
    assert registry.aliases("bank") == {Alias.PRODUCTION: "3", Alias.STAGING: "3"}


def test_a_version_that_the_alias_names_already_is_no_change(
    leadscore: Run, registry: Registry
) -> None:
    leadscore("promote", "bank", "2")
    again = leadscore("promote", "bank", "2")
    assert (again.exit_code, again.output) == (0, "bank@production is version 2 already.\n")
    assert len(registry.history("bank")) == 1


def test_two_rollbacks_go_two_versions_back_and_a_third_says_that_there_is_none(
    leadscore: Run, registry: Registry
) -> None:
    for version in ("1", "2", "3"):
        assert leadscore("promote", "bank", version).exit_code == 0
    assert leadscore("rollback", "bank").output == "bank@production is version 2 (was 3).\n"
    assert leadscore("rollback", "bank").output == "bank@production is version 1 (was 2).\n"
    third = leadscore("rollback", "bank")
    assert third.exit_code == 2
    assert "an earlier version of 'production', but it has none" in third.output
    assert registry.aliases("bank") == {Alias.PRODUCTION: "1"}


def test_a_rollback_can_be_of_staging(leadscore: Run, registry: Registry) -> None:
    for version in ("1", "2"):
        registry.set_alias("bank", Alias.STAGING, version, MADE)
    assert leadscore("rollback", "bank", "staging").exit_code == 0
    assert registry.aliases("bank") == {Alias.STAGING: "1"}


def test_a_rollback_to_a_damaged_version_is_refused(
    leadscore: Run, registry: Registry, tmp_path: Path
) -> None:
    for version in ("1", "2"):
        registry.set_alias("bank", Alias.PRODUCTION, version, MADE)
    (tmp_path / "models" / "bank" / "1" / "model.onnx").write_bytes(b"damaged")
    assert leadscore("rollback", "bank").exit_code == 1
    assert registry.aliases("bank") == {Alias.PRODUCTION: "2"}


def test_a_rollback_to_an_archived_version_is_refused(leadscore: Run, registry: Registry) -> None:
    """It is not skipped: whoever rolls back should know where that leads."""
    for version in ("1", "2"):
        registry.set_alias("bank", Alias.PRODUCTION, version, MADE)
    registry.change(registry.aliases_now("bank"), Action.ARCHIVE, MADE, to="1")
    refused = leadscore("rollback", "bank")
    assert refused.exit_code == 2
    assert "archived" in refused.output


@pytest.mark.parametrize("command", [("promote", "bank", "2"), ("rollback", "bank")])
def test_a_dry_run_writes_no_entry(
    leadscore: Run, registry: Registry, command: tuple[str, ...]
) -> None:
    for version in ("1", "3"):
        registry.set_alias("bank", Alias.PRODUCTION, version, MADE)
    result = leadscore(*command, "--dry-run", "--json")
    assert result.exit_code == 0
    shown = json.loads(result.output)
    assert (shown["is_dry_run"], shown["was"], shown["number"]) == (True, "3", None)
    assert len(registry.history("bank")) == 2


def test_json_has_the_number_of_the_entry_or_null_without_a_change(leadscore: Run) -> None:
    numbers = [
        json.loads(leadscore("promote", "bank", version, "--json").output)["number"]
        for version in ("1", "2", "2")
    ]
    assert numbers == [1, 2, None]


def test_a_change_by_somebody_else_meanwhile_is_an_error_and_not_overwritten(
    leadscore: Run, registry: Registry, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While the version was verified."""
    registry.set_alias("bank", Alias.PRODUCTION, "1", MADE)

    def meanwhile(found: Registry, model: str) -> Any:
        registry.set_alias("bank", Alias.PRODUCTION, "3", MADE)
        return loaded(found, model)

    monkeypatch.setattr("stream.cli.models_alias.loaded", meanwhile)
    refused = leadscore("promote", "bank", "2")
    assert refused.exit_code == 1
    assert "somebody else changed them (by a test: production 1 → 3)" in refused.output
    assert registry.aliases("bank") == {Alias.PRODUCTION: "3"}


@pytest.mark.parametrize(
    ("option", "value"), [("--by", "x" * 101), ("--why", "x" * 1001), ("--by", "")]
)
def test_a_name_or_reason_that_is_too_long_is_refused(
    leadscore: Run, option: str, value: str
) -> None:
    assert leadscore("promote", "bank", "1", option, value).exit_code == (2 if value else 0)
