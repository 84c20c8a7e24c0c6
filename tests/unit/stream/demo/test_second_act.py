"""The second act: a trigger, a candidate, its verdict, its canary; or why there is none."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import pytest

from features.table_file import parse_table
from model.alias import Alias
from model.alias_entry import Action, AliasEntry, Made, next_entry
from model.rollout_plan import RolloutPlan, read_steps
from schemas.errors import FatalError
from stream.demo import second_act as module
from stream.demo.acts import LOWERED
from stream.demo.second_act import SecondAct
from stream.retraining.plan import RetrainAccount, RetrainRecord
from stream.settings import load_settings
from tests.unit.stream.retraining.records import NOW, plan

CONTACTS = parse_table(b"lead_id,y\n" + b"L-1,yes\nL-2,no\n" * 500, "contacts")
STEPS = "20@2s,50@2s"


class Stage:
    """Kafka, the registry, the screen and the workers, as far as the second act uses them.

    The workers' changes of the aliases are in ``script``: one for each sending of leads.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.sent: list[tuple[str, int]] = []
        self.lines: list[tuple[str, str]] = []
        self.left = 250
        self.outcome = "passed"
        self.is_running = False
        self.looks = 0
        self.entries: list[AliasEntry] = []
        self.change(Action.SET, Alias.PRODUCTION, "1", "leadscore demo", "the demo begins")
        self.script: list[Callable[[], None]] = [
            lambda: self.start_canary(),
            lambda: None,
            lambda: self.step_canary(),
            lambda: self.promote(),
            lambda: self.withdraw(),
        ]
        monkeypatch.setattr(module, "RetrainLog", lambda _: self)
        monkeypatch.setattr(module, "Registry", lambda _: self)
        monkeypatch.setattr(
            module, "_auc", lambda _registry, name, *_: 0.55 if name == "bank/1" else 0.67
        )

    # The chain of workers

    @contextmanager
    def running(self) -> Iterator[None]:
        self.is_running = True
        yield
        self.is_running = False

    async def until(
        self, by: str, what: str, find: Callable[[], Awaitable[Any]], within: float
    ) -> Any:
        for _ in range(20):
            if (found := await find()) is not None:
                return found
        raise FatalError(f"no {what} by {by} within {within:g} s")

    # The topic of plans

    async def records(self) -> dict[str, RetrainRecord]:
        """Return no plan at first, then one, then its end."""
        self.looks += 1
        if self.looks == 1:
            return {}
        own = plan(model="bank", production="1", trigger="drift", reason="drift is critical")
        account = None
        if self.looks > 3:
            version = None if self.outcome == "refused" else "2"
            account = RetrainAccount.model_validate(
                {"outcome": self.outcome, "sentence": "AUC so.", "version": version, "rows": 60}
            )
        state = "planned" if account is None else "ended"
        return {"r1": RetrainRecord(state=state, plan=own, account=account, written_at=NOW)}

    # The registry

    def history(self, _: str) -> tuple[AliasEntry, ...]:
        return tuple(self.entries)

    def change(self, action: Action, alias: Alias, to: str | None, by: str, why: str) -> None:
        share = {Action.SET: 0, Action.STEP: 1}.get(action, 0)
        rollout = RolloutPlan(salt="a1", steps=read_steps(STEPS), step=share)
        made = Made(by, NOW + timedelta(seconds=len(self.entries)), why)
        last = self.entries[-1] if self.entries else None
        given = rollout if alias is Alias.CANARY and to is not None else None
        self.entries.append(next_entry(last, action, made, alias=alias, to=to, rollout=given))

    def start_canary(self) -> None:
        self.change(Action.SET, Alias.SHADOW, "2", "leadscore retrain", "passed")
        why = "retraining r1: Better with 95 %: yes."
        self.change(Action.SET, Alias.CANARY, "2", "trainer", why)

    def step_canary(self) -> None:
        self.change(Action.STEP, Alias.CANARY, "2", "rollout", "20 % for 2 s, no harm found")

    def promote(self) -> None:
        self.change(Action.SET, Alias.PRODUCTION, "2", "rollout", "50 % for 2 s, no harm found")

    def roll_back(self) -> None:
        self.change(Action.REMOVE, Alias.CANARY, None, "rollout", "it failed to score 9 leads")

    def withdraw(self) -> None:
        self.change(Action.REMOVE, Alias.CANARY, None, "rollout", "it is in production")
        self.change(Action.REMOVE, Alias.SHADOW, None, "trainer", "it is in production")

    # The screen

    def say(self, what: str, text: str, style: str = "bold") -> None:
        self.lines.append((what, text))

    @contextmanager
    def busy(self, _: str) -> Iterator[None]:
        yield

    # What is sent

    async def send(self, count: int, rate: float | None = None) -> None:
        if rate is None:
            self.sent.append(("outcomes", count))
            return
        self.sent.append(("leads", count))
        self.left -= min(count, self.left)
        if self.script:
            self.script.pop(0)()

    async def play(self) -> dict[str, str]:
        given: Any = self
        act = SecondAct(load_settings(model="bank"), given, self, self, given, 1500.0)
        await act.play(CONTACTS)
        return dict(self.lines)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch) -> Stage:
    return Stage(monkeypatch)


async def test_the_candidate_goes_into_production_step_by_step(stage: Stage) -> None:
    await stage.play()
    assert stage.lines == [
        ("Trigger", "drift is critical: the trainer retrains bank/1"),
        ("Retrain", stage.lines[1][1]),
        ("Gate", "AUC so."),
        ("Shadow", "bank/2 scores the next 120 leads beside bank/1"),
        ("Verdict", "Better with 95 %: yes."),
        ("Canary", "bank/2 scores 20 % of the leads"),
        ("Canary", "bank/2 scores 50 % of the leads, after 20 % for 2 s, no harm found"),
        ("Live", "bank/2 scores all leads, after 50 % for 2 s, no harm found"),
        (
            "AUC",
            "0.550 before, 0.670 retrained, on the 250 leads after those that bank/2 has learnt"
            " from",
        ),
        ("Note", LOWERED),
    ]
    assert stage.lines[1][1].startswith("bank/2, from 60 of these leads as they were")
    assert not stage.is_running


async def test_outcomes_are_sent_before_the_leads_that_wait_for_them(stage: Stage) -> None:
    await stage.play()
    assert stage.sent == [
        ("outcomes", 750),
        ("outcomes", 120),
        ("leads", 120),
        *[("leads", 50)] * 3,
        ("leads", 0),
    ]


@pytest.mark.parametrize("outcome", ["rejected", "refused"])
async def test_a_candidate_that_fails_the_gate_goes_no_further(stage: Stage, outcome: str) -> None:
    stage.outcome = outcome
    await stage.play()
    assert stage.lines[-2:] == [("Gate", "AUC so."), ("", "bank/1 stays in production.")]
    assert stage.sent == [("outcomes", 750)]


async def test_a_failed_retraining_is_an_error(stage: Stage) -> None:
    stage.outcome = "failed"
    with pytest.raises(FatalError, match="the retraining failed: AUC so"):
        await stage.play()


async def test_a_worse_candidate_does_not_become_the_canary(stage: Stage) -> None:
    def withdraw() -> None:
        stage.change(Action.SET, Alias.SHADOW, "2", "leadscore retrain", "passed")
        stage.change(Action.REMOVE, Alias.SHADOW, None, "trainer", "retraining r1: it is worse.")

    stage.script = [withdraw]
    await stage.play()
    assert stage.lines[-2:] == [
        ("Verdict", "it is worse."),
        ("", "bank/1 stays in production."),
    ]


async def test_a_canary_that_does_harm_is_shown_with_its_reason(stage: Stage) -> None:
    stage.script[2:] = [stage.roll_back]
    await stage.play()
    assert stage.lines[-2:] == [
        ("Canary", "removed: it failed to score 9 leads"),
        ("", "bank/1 stays in production."),
    ]


async def test_without_a_verdict_no_canary_is_shown(stage: Stage) -> None:
    stage.script = []
    with pytest.raises(FatalError, match="no a clear verdict by trainer within 120 s"):
        await stage.play()
    assert stage.lines[-1][0] == "Shadow"


async def test_a_rollout_without_leads_ends(stage: Stage) -> None:
    stage.script[2:] = []
    with pytest.raises(FatalError, match="no its end by rollout within 120 s"):
        await stage.play()
    assert stage.left == 0


async def test_changes_of_an_earlier_demo_are_not_shown(stage: Stage) -> None:
    stage.start_canary()
    stage.roll_back()
    assert "AUC" in await stage.play()
    assert [what for what, _ in stage.lines].count("Canary") == 2


async def test_aliases_that_stay_do_not_keep_the_demo_from_ending(stage: Stage) -> None:
    stage.script.pop()
    assert "AUC" in await stage.play()
