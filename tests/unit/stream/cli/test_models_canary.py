"""The canary by the commands: started with a plan, shown, aborted, promoted."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from model.alias_entry import Action
from model.bundle import Artefacts
from model.registry import Alias, Registry
from stream.cli.models import models
from testing.made import MADE

Run = Callable[..., Result]


@pytest.fixture
def registry(tmp_path: Path, artefacts: Artefacts) -> Registry:
    registry = Registry(tmp_path / "models")
    for _ in range(3):
        registry.publish("bank", artefacts)
    registry.set_alias("bank", Alias.PRODUCTION, "1", MADE)
    return registry


@pytest.fixture
def canary(registry: Registry) -> Run:
    def run(*arguments: str, **environment: str) -> Result:
        return CliRunner().invoke(
            models, ["canary", *arguments, "--registry", registry.root], env=environment
        )

    return run


def test_a_canary_is_started_with_its_plan(canary: Run, registry: Registry) -> None:
    done = canary("start", "bank/2", "--steps", "5@10m,50@2h", "--by", "anna", "--why", "better")
    assert done.exit_code == 0, done.output
    assert done.output == ("bank/2 is the canary: 5 % for 10 minutes, 50 % for 2 hours, 100 %.\n")
    entry = registry.history("bank")[-1]
    assert (entry.by, entry.why, entry.alias, entry.to) == ("anna", "better", Alias.CANARY, "2")
    assert entry.rollout is not None
    assert entry.rollout.share == 5
    assert registry.aliases("bank") == {Alias.PRODUCTION: "1", Alias.CANARY: "2"}


def test_the_steps_of_the_settings_are_the_default(canary: Run, registry: Registry) -> None:
    assert canary("start", "bank/2", LEADSCORE_ROLLOUT_STEPS="20@1h").exit_code == 0
    plan = registry.aliases_now("bank").rollout
    assert plan is not None
    assert plan.summary == "20 % for 1 hour, 100 %"
    canary("abort", "bank")
    assert canary("start", "bank/2").exit_code == 0
    other = registry.aliases_now("bank").rollout
    assert other is not None
    assert other.summary == "10 % for 1 day, 50 % for 2 days, 100 %"
    assert other.salt != plan.salt, "the next rollout has other leads"


def test_a_dry_run_changes_nothing(canary: Run, registry: Registry) -> None:
    before = registry.history("bank")
    done = canary("start", "bank/2", "--dry-run")
    assert (done.exit_code, done.output.split(":")[0]) == (0, "bank/2 would be the canary")
    assert registry.history("bank") == before
    canary("start", "bank/2")
    before = registry.history("bank")
    for command in ("abort", "promote"):
        assert canary(command, "bank", "--dry-run").exit_code == 0
    assert registry.history("bank") == before


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("start", "bank"), "expected NAME/VERSION"),
        (("start", "bank/9"), "bank/9"),
        (("start", "bank/1"), "is in production"),
        (("start", "other/1"), "should have a model 'other'"),
        (("start", "bank/2", "--steps", "100@1d"), "such as 10@1d,50@2d"),
        (("abort", "bank"), "should have a canary"),
        (("promote", "bank"), "should have a canary"),
        (("status", "other"), "should have a model 'other', but it has bank"),
    ],
)
def test_a_command_that_makes_no_sense_is_refused(
    canary: Run, arguments: tuple[str, ...], says: str
) -> None:
    done = canary(*arguments)
    assert done.exit_code == 2
    assert says in done.output


def test_without_production_there_is_no_canary(canary: Run, registry: Registry) -> None:
    now = registry.aliases_now("bank")
    registry.change(now, Action.REMOVE, MADE, alias=Alias.PRODUCTION)
    done = canary("start", "bank/2")
    assert (done.exit_code, "should have the alias production" in done.output) == (2, True)


def test_one_canary_is_under_way_at_a_time(canary: Run) -> None:
    canary("start", "bank/2")
    done = canary("start", "bank/3")
    assert (done.exit_code, "has the canary 2" in done.output) == (2, True)


def test_a_canary_is_promoted_and_gone(canary: Run, registry: Registry) -> None:
    canary("start", "bank/2")
    done = canary("promote", "bank", "--why", "good for a week")
    assert (done.exit_code, done.output) == (0, "bank/2 is in production.\n")
    assert registry.aliases("bank") == {Alias.PRODUCTION: "2"}
    assert [entry.why for entry in registry.history("bank")[-2:]] == ["good for a week"] * 2
    assert registry.version_before("bank", Alias.PRODUCTION) == "1"
    assert "bank has no canary: 2 went into production at " in canary("status", "bank").output


def test_the_status_says_step_and_end(canary: Run, registry: Registry) -> None:
    assert canary("status", "bank").output == "bank has no canary, and never had one.\n"
    canary("start", "bank/2", "--steps", "10@1d,50@2d")
    shown = canary("status", "bank").output
    assert "bank/2 scores 10 % of the leads, step 1 of 2" in shown
    assert " at the earliest, with enough leads and no harm." in shown
    now = registry.aliases_now("bank")
    assert now.rollout is not None
    long_ago = replace(MADE, at=datetime.now(UTC) - timedelta(days=5))
    registry.change(
        now, Action.STEP, long_ago, alias=Alias.CANARY, to="2", rollout=now.rollout.following()
    )
    shown = canary("status", "bank").output
    assert "scores 50 % of the leads, step 2 of 2" in shown
    assert "it goes into production with enough leads and no harm." in shown
    aborted = canary("abort", "bank", "--by", "anna", "--why", "complaints")
    assert aborted.output == "bank/2 is no longer the canary.\n"
    shown = canary("status", "bank").output
    assert "bank has no canary: 2 was removed by anna at" in shown
    assert shown.endswith("complaints\n")


def test_json_has_the_plan_and_the_change(canary: Run) -> None:
    change = json.loads(canary("start", "bank/2", "--steps", "10@1d", "--json").output)
    assert change == {
        "model": "bank",
        "version": "2",
        "was": None,
        "share": 10.0,
        "is_dry_run": False,
        "number": 2,
    }
    status = json.loads(canary("status", "bank", "--json").output)
    assert (status["production"], status["canary"], status["share"]) == ("1", "2", 10.0)
    assert status["steps"] == [{"share": 10.0, "seconds": 86_400.0}]
    aborted = json.loads(canary("abort", "bank", "--json").output)
    assert (aborted["version"], aborted["was"], aborted["number"]) == (None, "2", 3)
