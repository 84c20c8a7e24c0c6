"""`leadscore schemas` on a registry in memory."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from click.testing import CliRunner, Result

from stream.cli import schemas as command
from stream.cli.schemas import schemas
from testing.fake_schema_registry import FakeSchemaRegistry
from tests.unit.small_model import SmallModel

LEADS, SCORED = "leads.created-value", "leads.scored-value"


@pytest.fixture
def registry(monkeypatch: pytest.MonkeyPatch, model: SmallModel) -> FakeSchemaRegistry:
    """The registry of the settings, and a model with a contract."""
    fake = FakeSchemaRegistry()
    monkeypatch.setattr(command, "open_schema_registry", lambda _: fake)
    monkeypatch.setenv("LEADSCORE_REGISTRY", str(model.registry))
    return fake


def run(*arguments: str) -> Result:
    return CliRunner().invoke(schemas, arguments)


def lines(result: Result) -> dict[str, dict[str, Any]]:
    return {row["subject"]: row for row in map(orjson.loads, result.stdout.splitlines())}


def test_registering_makes_the_check_pass(registry: FakeSchemaRegistry) -> None:
    before = run("check", "--json")
    assert before.exit_code == 1
    assert lines(before)[SCORED]["state"] == "wrong"  # BACKWARD is not enough
    done = run("register", "--json")
    assert done.exit_code == 0, done.output
    assert {name: row["id"] for name, row in lines(done).items()} == {LEADS: 1, SCORED: 2}
    assert registry.levels == {SCORED: "FULL_TRANSITIVE"}
    after = run("check")
    assert after.exit_code == 0
    assert after.stdout.splitlines() == [
        f"ok       {LEADS} (level BACKWARD, id 1)",
        f"ok       {SCORED} (level FULL_TRANSITIVE, id 2)",
    ]
    assert registry.is_closed


def test_a_dry_run_changes_nothing_and_shows_what_it_would_do(
    registry: FakeSchemaRegistry,
) -> None:
    result = run("register", "--dry-run", "--json")
    assert result.exit_code == 0
    assert {name: row["state"] for name, row in lines(result).items()} == {
        LEADS: "register",
        SCORED: "register",
    }
    assert registry.levels == {}
    assert run("check", "--only", "leads", "--json").stdout.count('"id":null') == 1


def test_an_incompatible_schema_is_a_negative_result(registry: FakeSchemaRegistry) -> None:
    registry.add({"type": "record", "name": "Other", "fields": []}, subject=SCORED)
    registry.refuses.add(SCORED)
    for arguments in (["check"], ["register"], ["register", "--dry-run"]):
        result = run(*arguments, "--only", "scored")
        assert result.exit_code == 1
        assert "is not compatible with the versions of leads.scored-value" in result.stdout


def test_a_registry_that_is_unavailable_is_exit_code_3(registry: FakeSchemaRegistry) -> None:
    registry.is_unavailable = True
    result = run("check")
    assert result.exit_code == 3
    assert "does not answer: start it, or correct LEADSCORE_SCHEMA_REGISTRY_" in result.stderr


def test_without_a_registry_the_message_names_the_setting() -> None:
    result = run("check", "--only", "scored")
    assert result.exit_code == 3
    assert "set LEADSCORE_SCHEMA_REGISTRY_URL" in result.stderr
