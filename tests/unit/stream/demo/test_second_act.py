"""The second act: a trigger, a candidate, its verdict, its canary; or why there is none."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator, Mapping
from contextlib import asynccontextmanager, contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from features.table_file import parse_table
from model.alias import Alias
from model.alias_entry import Action, AliasEntry, Made, next_entry
from model.rollout_plan import RolloutPlan, read_steps
from schemas.errors import StartupError
from schemas.lead_outcome import OutcomeReader
from schemas.store import SchemaStore
from stream.demo import second_act as module
from stream.demo.acts import LOWERED
from stream.demo.second_act import SecondAct, StoppedError
from stream.retraining.plan import RetrainAccount, RetrainRecord
from stream.settings import Settings, load_settings
from tests.unit.stream.retraining.records import NOW, plan

CONTACTS = parse_table(
    b"lead_id,created_at,y\n"
    + b"".join(
        b"L-%d,2008-05-%02d,%s\n" % (i, i // 5 + 1, b"yes" if i % 2 else b"no") for i in range(100)
    ),
    "contacts",
)


class Stage:
    """Kafka, the registry, the screen and the workers, as far as the second act uses them."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path) -> None:
        self.outcomes: list[bytes] = []
        self.sent: list[tuple[int | None, float | None]] = []
        self.lines: list[tuple[str, str]] = []
        self.workers: list[str] = []
        self.ended: list[str] = []
        self.outcome = "passed"
        self.entries: list[AliasEntry] = []
        self.looks = 0
        self.stop = asyncio.Event()
        self.problem: StartupError | None = None
        stage = self

        class Worker:
            def __init__(self, environment: Mapping[str, str], _: Path, *, name: str) -> None:
                assert environment["LEADSCORE_ROLE"] == name
                stage.workers.append(name)
                self.log, self._name = folder / name, name

            def check(self) -> None:
                if stage.problem is not None:
                    raise stage.problem

            def end(self) -> None:
                stage.ended.append(self._name)

        monkeypatch.setattr(module, "DemoWorker", Worker)
        monkeypatch.setattr(module, "connected_producer", self._producer)
        monkeypatch.setattr(module, "RetrainLog", lambda _: self)
        monkeypatch.setattr(module, "Registry", lambda _: self)
        monkeypatch.setattr(module, "LOOK", 0.0)
        monkeypatch.setattr(
            module, "_auc", lambda _registry, name, *_: 0.55 if name == "bank/1" else 0.67
        )
        settings = load_settings(model="bank")
        self.act = SecondAct(settings, {}, folder, self, self.stop)

    # Kafka

    @asynccontextmanager
    async def _producer(self, _: Settings) -> AsyncIterator[Any]:
        yield self

    async def send(self, _topic: str, value: bytes, _key: bytes) -> None:
        self.outcomes.append(value)

    async def flush(self) -> None:
        pass

    async def records(self) -> dict[str, RetrainRecord]:
        """Return no plan at first, then one, then its end."""
        self.looks += 1
        if self.looks == 1:
            return {}
        own = plan(model="bank", production="1", trigger="drift", reason="drift is critical")
        account = None
        if self.looks > 3:
            account = RetrainAccount.model_validate(
                {"outcome": self.outcome, "sentence": "AUC so.", "version": "2", "rows": 60}
            )
        state = "planned" if account is None else "ended"
        return {"r1": RetrainRecord(state=state, plan=own, account=account, written_at=NOW)}

    async def queue(self, count: int | None, rate: float | None) -> None:
        self.sent.append((count, rate))
        if len(self.sent) == 1:
            self._add("trainer", Alias.CANARY, "retraining r1: Better with 95 %: yes.")
        if len(self.sent) == 3:
            self._add("rollout", Alias.PRODUCTION, "50 % for 2 s, no harm found")

    # The registry

    def history(self, _: str) -> tuple[AliasEntry, ...]:
        return tuple(self.entries)

    def _add(self, by: str, alias: Alias, why: str) -> None:
        rollout = RolloutPlan(salt="a1", steps=read_steps("20@2s,50@2s"))
        made = Made(by, NOW + timedelta(seconds=len(self.entries)), why)
        last = self.entries[-1] if self.entries else None
        given = rollout if alias is Alias.CANARY else None
        self.entries.append(next_entry(last, Action.SET, made, alias=alias, to="2", rollout=given))

    # The screen

    def say(self, what: str, text: str, style: str = "bold") -> None:
        self.lines.append((what, text))

    @contextmanager
    def busy(self, _: str) -> Iterator[None]:
        yield

    async def play(self) -> dict[str, str]:
        await self.act.play(CONTACTS, self.queue)
        return dict(self.lines)


@pytest.fixture
def stage(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Stage:
    return Stage(monkeypatch, tmp_path)


async def test_the_candidate_goes_into_production_step_by_step(stage: Stage) -> None:
    said = await stage.play()
    assert [what for what, _ in stage.lines] == [
        *("Trigger", "Retrain", "Gate", "Verdict", "Canary", "Live", "AUC", "Lowered"),
    ]
    assert said["Trigger"] == "drift: drift is critical"
    assert said["Verdict"] == "Better with 95 %: yes."
    assert said["Canary"].startswith("canary none → 2 at 20 %, by trainer")
    assert "production none → 2, by rollout: 50 % for 2 s" in said["Live"]
    assert said["AUC"] == "on the 36 leads after that: 0.550 before, 0.670 retrained"
    assert said["Lowered"] == LOWERED
    assert stage.sent == [(21, None), (50, 200.0), (50, 200.0), (None, None)]
    assert stage.workers == stage.ended == ["trainer", "shadow", "rollout"]


async def test_outcomes_are_those_of_leads_of_the_past_and_of_the_shadow(stage: Stage) -> None:
    await stage.play()
    read = OutcomeReader(SchemaStore.load()).read
    outcomes = [read(value, 2**41) for value in stage.outcomes]
    assert [each.lead_id for each in outcomes] == [f"L-{i}" for i in range(85)]
    assert {each.outcome for each in outcomes} == {"lost", "converted"}


async def test_a_rejected_candidate_goes_no_further(stage: Stage) -> None:
    stage.outcome = "rejected"
    await stage.play()
    assert [what for what, _ in stage.lines] == ["Trigger", "Retrain", "Gate"]
    assert stage.sent == []
    assert len(stage.ended) == 3


async def test_a_worker_that_ends_is_an_error_and_the_others_are_ended(stage: Stage) -> None:
    stage.problem = StartupError("the worker ended")
    with pytest.raises(StartupError, match="the worker ended"):
        await stage.play()
    assert len(stage.ended) == 3


async def test_ctrl_c_ends_it(stage: Stage) -> None:
    stage.stop.set()
    with pytest.raises(StoppedError):
        await stage.play()
    assert len(stage.ended) == 3


async def test_a_step_that_takes_too_long_names_the_logs(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(module, "WITHIN", -1.0)
    with pytest.raises(StartupError, match=f"a plan of the trainer within .*{tmp_path}/trainer"):
        await stage.play()
