"""A candidate in the registry: the aliases that it earned, or archived with the reason."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pytest

from agents.retraining.gate import GateVerdict
from agents.retraining.point_in_time import LabelCounts
from model.alias_entry import Action, Made
from model.bundle import Artefacts
from model.registry import Alias, Registry
from schemas.errors import FatalError
from stream.retraining.data_set import FILE, DataSet
from stream.retraining.plan import RetrainAccount, RetrainPlan
from stream.retraining.registration import REPORT, finished, register
from stream.settings import load_settings
from tests.unit.stream.retraining.records import NOW, plan
from tests.unit.two_models import TwoModels

MADE = Made("anna", NOW)


@dataclass
class Stage:
    """A registry with one version, and a candidate that is its second one."""

    registry: Registry
    candidate: Artefacts
    folder: Path

    def plan(self, **given: Any) -> RetrainPlan:
        return plan(model="leads", production="1", **given)

    def register(self, *, is_passed: bool, keep: bool = True, **given: Any) -> RetrainAccount:
        path = self.folder / FILE
        path.write_bytes(b"rows")
        data = DataSet(path, "d" * 64, np.arange(9), 3, LabelCounts(records=9), ("few",))
        verdict = GateVerdict(is_passed, ("AUC 0.49 to 0.74.",), None)
        trained = SimpleNamespace(artefacts=self.candidate)
        candidate: Any = SimpleNamespace(trained=trained, verdict=verdict, hold_out=2)
        settings = load_settings(registry=self.registry.root, retrain_keep_data=keep)
        return register(settings, self.plan(**given), data, candidate, MADE)

    @property
    def aliases(self) -> dict[Alias, str]:
        return self.registry.aliases("leads")


@pytest.fixture
def stage(two: TwoModels, tmp_path: Path) -> Stage:
    shutil.copytree(two.registry / "leads" / "1", tmp_path / "models" / "leads" / "1")
    second = Registry(two.registry).location("leads", "2")
    files = {name: (Path(second) / name).read_bytes() for name in ("model.onnx", "model.ubj")}
    candidate = Artefacts(files["model.onnx"], files["model.ubj"])
    return Stage(Registry(tmp_path / "models"), candidate, tmp_path)


def test_one_that_passed_is_staging_and_shadow_and_waits_for_an_approval(stage: Stage) -> None:
    account = stage.register(is_passed=True)
    assert (account.outcome, account.version) == ("passed", "2")
    assert stage.aliases == {Alias.PRODUCTION: "1", Alias.STAGING: "2", Alias.SHADOW: "2"}
    assert "leadscore retrain approve r1" in account.next_step


def test_production_is_pinned_before_a_candidate_is_added(stage: Stage) -> None:
    stage.register(is_passed=False)
    first, second = stage.registry.history("leads")
    assert (first.action, first.alias, first.to) == (Action.SET, Alias.PRODUCTION, "1")
    assert (second.action, second.to) == (Action.ARCHIVE, "2")
    assert stage.registry.resolve("leads") == stage.registry.location("leads", "1")


def test_one_that_was_rejected_is_archived_with_the_reason_in_the_history(stage: Stage) -> None:
    account = stage.register(is_passed=False)
    entry = stage.registry.history("leads")[-1]
    assert entry.why == "retraining r1: rejected: AUC 0.49 to 0.74."
    assert (account.outcome, entry.archived) == ("rejected", ("2",))


def test_with_auto_it_goes_no_further_before_the_verdict(stage: Stage) -> None:
    account = stage.register(is_passed=True, is_auto=True)
    assert stage.aliases == {Alias.PRODUCTION: "1", Alias.STAGING: "2", Alias.SHADOW: "2"}
    assert "makes leads/2 the canary once" in account.next_step


def test_report_and_data_set_are_kept_with_the_model(stage: Stage) -> None:
    stage.register(is_passed=True)
    assert stage.registry.attached("leads", "2", FILE) == b"rows"
    assert b'"reasons"' in (stage.registry.attached("leads", "2", REPORT) or b"")


def test_the_data_set_is_not_kept_where_that_is_not_wanted(stage: Stage) -> None:
    stage.register(is_passed=True, keep=False)
    assert stage.registry.attached("leads", "2", FILE) is None


def test_one_that_was_killed_after_its_report_is_finished_without_another_training(
    stage: Stage,
) -> None:
    account = stage.register(is_passed=True)
    *_, shadow = sorted((stage.folder / "models/leads/history").glob("*.json"))
    shadow.unlink()
    (shadow.parent / "latest").unlink()
    assert finished(stage.registry, stage.plan(), MADE) == account
    assert stage.aliases[Alias.SHADOW] == "2"
    assert finished(stage.registry, stage.plan(retrain_id="r2"), MADE) is None


def test_one_that_has_gone_on_is_not_taken_back_to_the_shadow(stage: Stage) -> None:
    account = stage.register(is_passed=True)
    for alias in (Alias.STAGING, Alias.SHADOW):
        stage.registry.remove_alias("leads", alias, MADE)
    assert finished(stage.registry, stage.plan(), MADE) == account
    assert stage.aliases == {Alias.PRODUCTION: "1"}


def test_one_that_was_killed_before_its_report_is_no_second_version(stage: Stage) -> None:
    stage.registry.publish("leads", stage.candidate)
    assert stage.register(is_passed=True).version == "2"
    assert stage.registry.versions("leads") == ["1", "2"]


def test_a_change_of_production_meanwhile_is_an_error(stage: Stage) -> None:
    stage.registry.publish("leads", stage.candidate)
    stage.registry.set_alias("leads", Alias.PRODUCTION, "2", MADE)
    with pytest.raises(FatalError, match="expected leads/1 in production"):
        stage.register(is_passed=True)
