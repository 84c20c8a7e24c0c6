"""The commands of `leadscore retrain`: what they print, and their exit codes."""

from __future__ import annotations

import json
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from agents.retraining.approval import ShadowVerdict
from agents.retraining.point_in_time import LabelCounts
from agents.verdict.verdict import Decision
from model.rollout_plan import read_steps
from schemas.errors import InputError
from stream.cli import retrain as module
from stream.cli.retrain import retrain
from stream.cli.retrain_approval import Approval
from stream.cli.retrain_run import RunOptions
from stream.retraining.plan import RetrainAccount, RetrainPlan
from stream.retraining.request import RetrainRequest
from tests.unit.stream.retraining.records import plan, record

PASSED = RetrainAccount(
    outcome="passed",
    sentence="passed: AUC 0.490 to 0.740.",
    version="4",
    rows=9,
    next_step="promote",
)


def leadscore(*arguments: str) -> Result:
    return CliRunner().invoke(retrain, arguments, catch_exceptions=False)


@pytest.fixture
def ends(monkeypatch: pytest.MonkeyPatch) -> list[RunOptions]:
    """The options of each run; every run passes."""
    seen: list[RunOptions] = []

    async def start(_: Any, options: RunOptions) -> RetrainPlan:
        seen.append(options)
        return plan("r7")

    async def run_plan(*_: Any) -> RetrainAccount:
        return PASSED

    monkeypatch.setattr(module, "start", start)
    monkeypatch.setattr(module, "run_plan", run_plan)
    return seen


def test_a_run_prints_the_verdict_and_the_next_step(ends: list[RunOptions]) -> None:
    result = leadscore("run", "--why", "prices", "--cut", "2026-05-31T09:30")
    assert result.exit_code == 0
    assert "Verdict     passed: AUC 0.490 to 0.740." in result.output
    assert "Next        promote" in result.output
    [options] = ends
    assert (options.why, options.cut_ms, options.is_auto) == ("prices", 1_780_219_800_000, None)


@pytest.mark.parametrize(("outcome", "code"), [("rejected", 1), ("failed", 1), ("refused", 2)])
def test_the_exit_code_says_how_it_ended(
    ends: list[RunOptions], monkeypatch: pytest.MonkeyPatch, outcome: str, code: int
) -> None:
    async def run_plan(*_: Any) -> RetrainAccount:
        return RetrainAccount.model_validate({"outcome": outcome, "sentence": "so"})

    monkeypatch.setattr(module, "run_plan", run_plan)
    result = leadscore("run", "--json")
    assert result.exit_code == code
    assert json.loads(result.output)["account"]["outcome"] == outcome


def test_a_dry_run_says_what_is_in_the_data_set(monkeypatch: pytest.MonkeyPatch) -> None:
    data = SimpleNamespace(
        rows=900,
        positives=90,
        sha256="d",
        warnings=("900 leads are few.",),
        counts=LabelCounts(records=1000, immature=60),
    )

    async def tried(*_: Any) -> Any:
        return plan(), data

    monkeypatch.setattr(module, "tried", tried)
    shown = leadscore("run", "--dry-run").output
    assert "900 leads, 90 of them converted; nothing was written" in shown
    assert "60 are too young" in shown
    assert json.loads(leadscore("run", "--dry-run", "--json").output)["rows"] == 900


def test_too_little_data_is_an_error_of_the_dry_run(monkeypatch: pytest.MonkeyPatch) -> None:
    async def tried(*_: Any) -> Any:
        raise InputError("expected at least 10,000 leads")

    monkeypatch.setattr(module, "tried", tried)
    assert leadscore("run", "--dry-run").exit_code == 2


def test_a_request_prints_its_id(monkeypatch: pytest.MonkeyPatch) -> None:
    async def requested(*_: Any, is_auto: bool | None, dry_run: bool) -> RetrainRequest:
        return RetrainRequest("r7", 1, "anna", is_auto=is_auto)

    monkeypatch.setattr(module, "requested", requested)
    assert leadscore("request").output.startswith("asked for retraining r7\n")
    assert leadscore("request", "--dry-run").output == "would ask for retraining r7\n"


def test_the_list_has_a_line_for_each(monkeypatch: pytest.MonkeyPatch) -> None:
    class Log:
        def __init__(self, _: Any) -> None:
            pass

        async def records(self) -> Any:
            return {"r1": record(plan("r1"), "rejected"), "r2": record(plan("r2"))}

        async def find(self, _: str) -> Any:
            return record(plan("r2"))

    monkeypatch.setattr(module, "RetrainLog", Log)
    lines = leadscore("list").output.splitlines()
    assert "rejected" in lines[1]
    assert "not ended" in lines[2]
    assert [json.loads(line)["state"] for line in leadscore("list", "--json").output.split()] == [
        "ended",
        "planned",
    ]
    assert "State       not ended" in leadscore("show", "r2").output


@pytest.fixture
def approvals(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The options of each approval; every candidate is better."""
    seen: list[dict[str, Any]] = []

    class Log:
        def __init__(self, _: Any) -> None:
            pass

        async def find(self, retrain_id: str) -> Any:
            return record(plan(retrain_id), "passed")

    def approve_candidate(_: Any, found: Any, **given: Any) -> Approval:
        seen.append(given)
        verdict = ShadowVerdict(Decision.BETTER, ("Better: yes.",), 0, 10)
        return Approval("leads", "4", read_steps("10@1d"), verdict, None)

    monkeypatch.setattr(module, "RetrainLog", Log)
    monkeypatch.setattr(module, "approve_candidate", approve_candidate)
    return seen


def test_an_approval_prints_the_verdict_and_the_steps(approvals: list[dict[str, Any]]) -> None:
    result = leadscore("approve", "r7", "--why", "good", "--steps", "5@1h", "--force")
    assert result.exit_code == 0
    assert result.output == "Better: yes.\nleads/4 is the canary: 10 % for 1 day, 100 %.\n"
    [given] = approvals
    assert (given["why"], given["ignores_verdict"], given["is_dry_run"]) == ("good", True, False)
    assert given["steps"] == read_steps("5@1h")
    assert "would be the canary" in leadscore("approve", "r7", "--dry-run").output


def test_json_of_an_approval_has_the_verdict(approvals: list[dict[str, Any]]) -> None:
    said = json.loads(leadscore("approve", "r7", "--json").output)
    assert (said["version"], said["decision"], said["steps"][0]["share"]) == ("4", "better", 10)
