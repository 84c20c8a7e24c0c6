"""The manifest: a plan that counts, accounts of parts, and the account of the whole."""

from __future__ import annotations

from pathlib import Path

import pytest

from lake.manifest import Manifest
from lake.output import OutputFolder
from lake.plan import Account, OutputFile, PartAccount, Plan
from schemas.errors import InputError
from tests.unit.lake.data_sets import plan_for, request_for, write_leads
from tests.unit.small_model import SmallModel


@pytest.fixture
def plan(model: SmallModel, tmp_path: Path) -> Plan:
    return plan_for(model, request_for(write_leads(tmp_path / "a.parquet", model.leads[:250])))


@pytest.fixture
def manifest(tmp_path: Path) -> Manifest:
    return Manifest(OutputFolder(str(tmp_path / "out")))


def account(plan: Plan, number: int) -> PartAccount:
    rows = plan.parts[number].rows
    file = OutputFile(name=f"part-{number:05}.parquet", size=1, sha256="0" * 64)
    return PartAccount(part=number, rows=rows, scored=rows, rejected={}, output=file)


def test_the_first_plan_counts(manifest: Manifest, plan: Plan) -> None:
    assert manifest.plan() is None
    assert manifest.write_plan(plan) == plan
    later = plan.model_copy(update={"ahead_ms": 1.0})
    assert manifest.write_plan(later) == plan
    assert manifest.plan() == plan


def test_a_folder_with_other_files_is_not_written_to(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "holiday.jpg").touch()
    with pytest.raises(InputError, match="has other files: name another folder"):
        manifest.plan()


def test_a_plan_of_another_version_is_refused(manifest: Manifest, tmp_path: Path) -> None:
    (tmp_path / "out" / "_manifest").mkdir(parents=True)
    (tmp_path / "out" / "_manifest" / "plan.json").write_text('{"format_version": 2}')
    with pytest.raises(InputError, match="expected to be a manifest of this version"):
        manifest.plan()


def test_the_whole_has_an_account_when_all_parts_have(
    manifest: Manifest, plan: Plan, tmp_path: Path
) -> None:
    manifest.write_plan(plan)
    file = tmp_path / "out" / "_manifest" / "account.json"
    for number in (2, 0):
        manifest.write_part(account(plan, number))
    assert manifest.done() == {0, 2}
    assert manifest.part(1) is None
    assert manifest.finish(plan) is None
    assert not file.exists()
    assert [part.part for part in manifest.account([0, 1]).parts] == [0]
    manifest.write_part(account(plan, 1))
    assert manifest.finish(plan) == Account.model_validate_json(file.read_bytes())
    assert manifest.account(range(3)).is_balanced(plan)
    assert not (tmp_path / "out" / "_temporary").exists()


def test_files_of_a_process_killed_after_the_account_are_removed(
    manifest: Manifest, plan: Plan, tmp_path: Path
) -> None:
    manifest.write_plan(plan)
    for part in plan.parts:
        manifest.write_part(account(plan, part.number))
    manifest.finish(plan)
    (tmp_path / "out" / "_temporary" / "killed").mkdir(parents=True)
    manifest.finish(plan)
    assert not (tmp_path / "out" / "_temporary").exists()
