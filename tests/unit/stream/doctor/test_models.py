"""Findings on the registry, its aliases, and the leads' contract."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from model.registry import Alias, Registry
from stream.doctor.finding import Level, Surroundings
from stream.doctor.models import check_aliases, check_registry, check_schemas
from stream.settings import load_settings
from testing.made import MADE
from tests.unit.small_model import NAME, SmallModel


@pytest.fixture
def registry(model: SmallModel, tmp_path: Path) -> Path:
    """A registry with one model, to break."""
    return Path(shutil.copytree(model.registry, tmp_path / "models"))


def at(registry: Path | str, **given: object) -> Surroundings:
    settings = load_settings(registry=str(registry), **{"model": NAME} | given)
    return Surroundings(settings, None, {})


def damage(registry: Path) -> None:
    file = registry / NAME / "1" / "model.onnx"
    file.write_bytes(file.read_bytes()[:-1] + b"?")


async def test_a_model_whose_files_have_their_hashes_is_found_with_its_version(
    registry: Path, model: SmallModel
) -> None:
    [found] = await check_registry(at(registry))
    assert found.level is Level.OK
    assert f"{NAME} is {NAME}/1" in found.sentence
    assert model.bundle.sha256[:8] in found.sentence


async def test_a_registry_without_a_model_says_how_to_train_one(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    [found] = await check_registry(at(tmp_path / "empty"))
    assert found.level is Level.FAIL
    assert "has no model" in found.sentence
    assert "leadscore train" in found.remedy


async def test_a_file_that_differs_from_its_hash_is_a_failure(registry: Path) -> None:
    damage(registry)
    [found] = await check_registry(at(registry))
    assert found.level is Level.FAIL
    assert f"the model {NAME} can't be used" in found.sentence
    assert "restore the model" in found.remedy


async def test_a_model_that_is_not_in_the_registry_is_a_failure(registry: Path) -> None:
    [found] = await check_registry(at(registry, model="other"))
    assert (found.level, found.remedy) == (Level.FAIL, "correct LEADSCORE_MODEL")


async def test_without_aliases_the_newest_version_is_the_model(registry: Path) -> None:
    [found] = await check_aliases(at(registry))
    assert found.level is Level.OK
    assert "newest version" in found.sentence


async def test_a_registry_that_cannot_be_read_is_one_failure_and_not_a_crash_of_a_check() -> None:
    """The aliases were "could not be checked … report it", beside the failure of the registry."""
    unreadable = "nosuchstore://models"
    [registry] = await check_registry(at(unreadable))
    [aliases] = await check_aliases(at(unreadable))
    assert (registry.level, aliases.level) == (Level.FAIL, Level.WARN)
    assert "the registry can't be read" in aliases.sentence


async def test_each_alias_is_a_line_with_the_version_that_it_names(registry: Path) -> None:
    shutil.copytree(registry / NAME / "1", registry / NAME / "2")
    Registry(registry).set_alias(NAME, Alias.STAGING, "2", MADE)
    Registry(registry).set_alias(NAME, Alias.PRODUCTION, "1", MADE)
    production, staging = await check_aliases(at(registry))
    assert {production.level, staging.level} == {Level.OK}
    assert f"{NAME}@production is version 1" in production.sentence
    assert f"{NAME}@staging is version" in staging.sentence


async def test_an_alias_of_a_version_that_is_gone_is_a_failure_with_the_command(
    registry: Path,
) -> None:
    shutil.copytree(registry / NAME / "1", registry / NAME / "2")
    Registry(registry).set_alias(NAME, Alias.PRODUCTION, "2", MADE)
    shutil.rmtree(registry / NAME / "2")
    [found] = await check_aliases(at(registry))
    assert found.level is Level.FAIL
    assert f"{NAME}@production names version 2, which can't be used" in found.sentence
    assert f"`leadscore models alias {NAME} production VERSION`" in found.remedy


async def test_a_damaged_file_of_aliases_is_a_failure(registry: Path) -> None:
    (registry / NAME / "aliases.json").write_text("{")
    [found] = await check_aliases(at(registry))
    assert found.level is Level.FAIL
    assert "leadscore models alias" in found.remedy


async def test_a_damaged_history_is_a_failure(registry: Path) -> None:
    Registry(registry).set_alias(NAME, Alias.PRODUCTION, "1", MADE)
    entry = registry / NAME / "history" / "00000001.json"
    entry.write_bytes(entry.read_bytes()[:-20])
    [found] = await check_aliases(at(registry))
    assert found.level is Level.FAIL
    assert "00000001.json" in found.sentence


async def test_a_file_of_aliases_that_an_earlier_release_has_written_since_is_a_warning(
    registry: Path,
) -> None:
    Registry(registry).set_alias(NAME, Alias.PRODUCTION, "1", MADE)
    (registry / NAME / "aliases.json").write_text("{}")
    _, found = await check_aliases(at(registry))
    assert found.level is Level.WARN
    assert f"`leadscore models alias {NAME} ALIAS VERSION`" in found.remedy


async def test_the_contract_has_the_fields_that_the_model_reads(registry: Path) -> None:
    [found] = await check_schemas(at(registry))
    assert found.level is Level.OK
    assert f"all fields that {NAME}/1 reads" in found.sentence


async def test_a_contract_without_a_field_of_the_model_is_a_failure(
    registry: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "schemas"
    folder.mkdir()
    fields = [{"name": "lead_id", "type": "string"}, {"name": "created_at", "type": "long"}]
    narrow = {"type": "record", "name": "narrow", "fields": fields}
    (folder / "narrow.avsc").write_text(json.dumps(narrow))
    [found] = await check_schemas(at(registry, schema_dir=folder, contract="narrow"))
    assert found.level is Level.FAIL
    assert "narrow does not promise" in found.sentence
    assert "LEADSCORE_CONTRACT" in found.remedy


async def test_a_schema_that_cannot_be_read_is_a_failure_with_its_folder(
    registry: Path, tmp_path: Path
) -> None:
    (tmp_path / "bad.avsc").write_text("{")
    [found] = await check_schemas(at(registry, schema_dir=tmp_path))
    assert found.level is Level.FAIL
    assert f"correct the schemas in {tmp_path}" in found.remedy


async def test_without_a_model_the_contract_is_not_checked(registry: Path) -> None:
    [found] = await check_schemas(at(registry, model="other"))
    assert (found.level, found.remedy) == (Level.WARN, "see registry")


async def test_a_drift_worker_needs_no_contract(registry: Path) -> None:
    damage(registry)
    [found] = await check_schemas(at(registry, role="drift"))
    assert found.level is Level.OK
