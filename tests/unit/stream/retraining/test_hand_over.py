"""A candidate goes from the shadow to the canary by its verdict, whoever is killed between two."""

from __future__ import annotations

import shutil
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from agents.retraining.approval import ShadowVerdict
from agents.verdict.verdict import Decision
from model.alias_entry import Action, AliasEntry, Made
from model.alias_history import AliasConflictError
from model.registry import Alias, Registry
from model.rollout_plan import read_steps
from schemas.errors import FatalError
from stream.retraining.hand_over import HandOver, find_candidate, make_canary
from stream.retraining.plan import RetrainAccount, RetrainRecord
from stream.retraining.shadow_judge import Question
from stream.settings import load_settings
from tests.unit.stream.retraining.records import NOW, plan
from tests.unit.two_models import TwoModels

MADE = Made("anna", NOW)
HOUR, DAY = timedelta(hours=1), timedelta(days=1)


class Stage:
    """A registry whose version 2 is in shadow, made by a retraining."""

    def __init__(self, root: Path, *, is_auto: bool = True) -> None:
        self.registry = Registry(root)
        self.settings = load_settings(registry=str(root), model="leads")
        account = RetrainAccount(outcome="passed", sentence="passed", version="2")
        own = plan(model="leads", production="1", is_auto=is_auto)
        self.records = [
            RetrainRecord(state="ended", plan=own, account=account, written_at=NOW),
        ]
        self.verdict: ShadowVerdict | FatalError = said(Decision.UNDECIDED)
        self.questions: list[Question] = []
        for alias, version in ((Alias.PRODUCTION, "1"), (Alias.STAGING, "2"), (Alias.SHADOW, "2")):
            self.registry.set_alias("leads", alias, version, MADE)
        self.at = NOW
        self.hand_over = HandOver(self.settings, self._judge)

    async def _judge(self, question: Question) -> ShadowVerdict:
        self.questions.append(question)
        if isinstance(self.verdict, FatalError):
            raise self.verdict
        return self.verdict

    async def step(self, after: timedelta = HOUR) -> AliasEntry | None:
        self.at += after
        return await self.hand_over.step(self.records, self.at)

    def restart(self) -> None:
        self.hand_over = HandOver(self.settings, self._judge)

    def remove_canary(self, why: str = "it fails") -> None:
        made = Made("rollout", NOW, why)
        self.registry.change(
            self.registry.aliases_now("leads"), Action.REMOVE, made, alias=Alias.CANARY
        )

    @property
    def aliases(self) -> dict[Alias, str]:
        return self.registry.aliases("leads")


def said(decision: Decision) -> ShadowVerdict:
    return ShadowVerdict(decision, (f"It is {decision}.",), 0, 100)


@pytest.fixture
def root(two: TwoModels, tmp_path: Path) -> Path:
    return Path(shutil.copytree(two.registry, tmp_path / "models"))


@pytest.fixture
def stage(root: Path) -> Stage:
    return Stage(root)


async def test_it_waits_until_the_verdict_says_better_and_is_the_canary_then(stage: Stage) -> None:
    assert await stage.step() is None
    stage.verdict = said(Decision.BETTER)
    entry = await stage.step()
    assert entry is not None
    assert (entry.by, entry.alias, entry.to) == ("trainer", Alias.CANARY, "2")
    assert entry.why == "retraining r1: It is better."
    assert entry.rollout is not None
    assert entry.rollout.summary == "10 % for 1 day, 50 % for 2 days, 100 %"
    assert stage.questions[0] == ("leads", "1", "2", NOW - HOUR)


async def test_the_canary_begins_when_the_verdict_has_been_read(stage: Stage) -> None:
    seconds = iter([7.0, 307.0])

    async def judge(_: Question) -> ShadowVerdict:
        return said(Decision.BETTER)

    stage.hand_over = HandOver(stage.settings, judge, lambda: next(seconds))
    entry = await stage.step()
    assert entry is not None
    assert entry.at == stage.at + timedelta(minutes=5)


async def test_a_verdict_is_read_at_its_interval_alone(stage: Stage) -> None:
    await stage.step()
    await stage.step(after=HOUR / 2)
    assert len(stage.questions) == 1
    await stage.step(after=HOUR / 2)
    assert len(stage.questions) == 2


async def test_without_a_verdict_it_waits_and_the_log_says_why_once(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.verdict = FatalError("no lead has both")
    caplog.set_level("INFO")
    for _ in range(3):
        assert await stage.step() is None
    assert caplog.messages == ["retraining r1: leads/2 waits: no lead has both"]


async def test_a_worse_one_is_no_candidate_any_more(stage: Stage) -> None:
    stage.verdict = said(Decision.WORSE)
    await stage.step()
    assert stage.aliases == {Alias.PRODUCTION: "1"}
    assert stage.registry.history("leads")[-1].why == "retraining r1: It is worse."
    assert await stage.step() is None


async def test_another_process_continues_where_the_first_one_was_killed(stage: Stage) -> None:
    stage.verdict = said(Decision.BETTER)
    await stage.step()
    stage.restart()
    before = len(stage.registry.history("leads"))
    assert await stage.step() is None, "it is the canary, the rollout continues"
    assert len(stage.registry.history("leads")) == before


async def test_one_that_was_killed_between_two_aliases_removes_the_other(stage: Stage) -> None:
    stage.registry.set_alias("leads", Alias.PRODUCTION, "2", MADE)
    stage.registry.remove_alias("leads", Alias.STAGING, MADE)
    stage.restart()
    await stage.step()
    assert stage.aliases == {Alias.PRODUCTION: "2"}


async def test_a_removed_canary_is_not_started_again(stage: Stage) -> None:
    stage.verdict = said(Decision.BETTER)
    await stage.step()
    stage.remove_canary()
    await stage.step()
    assert stage.aliases == {Alias.PRODUCTION: "1"}
    why = stage.registry.history("leads")[-1].why
    assert why == "retraining r1: its canary was removed by rollout: it fails"


async def test_in_production_it_is_the_shadow_no_more(stage: Stage) -> None:
    stage.registry.set_alias("leads", Alias.PRODUCTION, "2", MADE)
    await stage.step()
    assert stage.aliases == {Alias.PRODUCTION: "2"}


async def test_one_that_a_person_approves_is_left_to_the_person(root: Path) -> None:
    stage = Stage(root, is_auto=False)
    stage.verdict = said(Decision.BETTER)
    assert await stage.step() is None
    assert stage.questions == []


async def test_one_that_a_person_approves_waits_until_it_is_the_canary(root: Path) -> None:
    stage = Stage(root, is_auto=False)
    assert await stage.hand_over.waits_since(stage.records) == NOW
    assert await stage.hand_over.waits_since([]) is None
    made = replace(MADE, at=NOW + HOUR)
    steps = read_steps("10@1d")
    make_canary(stage.registry, stage.registry.aliases_now("leads"), "2", steps, made)
    assert await stage.hand_over.waits_since(stage.records) is None


async def test_one_that_the_trainer_hands_on_waits_for_nobody(stage: Stage) -> None:
    assert await stage.hand_over.waits_since(stage.records) is None


async def test_a_shadow_that_no_retraining_made_is_left_alone(stage: Stage) -> None:
    stage.records = []
    assert await stage.step() is None


async def test_somebody_else_who_is_faster_is_not_overwritten(stage: Stage) -> None:
    async def judge(_: Question) -> ShadowVerdict:
        stage.registry.set_alias("leads", Alias.SHADOW, "1", MADE)
        return said(Decision.BETTER)

    stage.hand_over = HandOver(stage.settings, judge)
    with pytest.raises(AliasConflictError):
        await stage.step()
    assert Alias.CANARY not in stage.aliases


def under_way(stage: Stage, after: timedelta) -> Any:
    found = find_candidate(stage.registry, "leads", stage.records)
    return found and found.is_under_way(NOW + after, 5 * DAY)


async def test_it_is_under_way_for_some_time_and_as_long_as_it_is_the_canary(stage: Stage) -> None:
    assert under_way(stage, 4 * DAY)
    assert not under_way(stage, 6 * DAY)
    stage.verdict = said(Decision.BETTER)
    await stage.step()
    assert under_way(stage, 60 * DAY)
    stage.remove_canary()
    assert not under_way(stage, DAY)
