"""The role trainer: one retraining at a time, by a plan, and none twice for one cause."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from agents.retraining.triggers import Evidence, Trigger
from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.retrain_metrics import RetrainMetrics
from schemas.errors import FatalError, InputError
from stream.retraining.ledger import Ledger
from stream.retraining.plan import RetrainAccount, RetrainPlan, RetrainRecord
from stream.retraining.request import RetrainRequest
from stream.retraining.service import ATTEMPTS, RetrainService
from stream.settings import load_settings
from tests.unit.stream.retraining.records import NOW, plan, record

PASSED = RetrainAccount(outcome="passed", sentence="better", version="4")


class FakePlans:
    """The topics of plans and requests, in memory."""

    def __init__(self) -> None:
        self.kept: dict[str, RetrainRecord] = {}
        self.requests: list[bytes] = []
        self.order: list[str] = []

    async def write(self, plan: RetrainPlan, account: RetrainAccount | None = None) -> None:
        self.order.append(f"{'planned' if account is None else 'ended'} {plan.id}")
        self.kept[plan.id] = record(plan, account.outcome if account else None)

    async def request(self, request_id: str, value: bytes) -> None:
        self.requests.append(value)

    async def records(self) -> dict[str, RetrainRecord]:
        return dict(self.kept)


class FakeWork:
    """Plans and executes without data."""

    def __init__(self, plans: FakePlans) -> None:
        self.plans = plans
        self.results: list[RetrainAccount | Exception] = []
        self.known: dict[str, Any] = {}
        self.no_data = False
        self.handed_over: list[datetime] = []
        self.lost: Exception | None = None
        self.waiting: datetime | None = None
        self.started, self.hold = asyncio.Event(), asyncio.Event()
        self.hold.set()

    async def plan(self, request: RetrainRequest, now: datetime) -> RetrainPlan:
        if self.no_data:
            raise InputError("no leads")
        return plan(request.request_id, trigger=request.trigger, cause=request.cause)

    async def execute(self, plan: RetrainPlan, on_step: Callable[[str], None]) -> RetrainAccount:
        self.plans.order.append(f"executed {plan.id}")
        self.started.set()
        await self.hold.wait()
        result = self.results.pop(0) if self.results else PASSED
        if isinstance(result, Exception):
            raise result
        return result

    async def evidence(self, ledger: Ledger, now: int) -> Evidence:
        return Evidence(
            now=now,
            model="leads/3",
            is_running=ledger.open is not None,
            ended_at=ledger.ended_at,
            handled=ledger.handled,
            **self.known,
        )

    async def hand_over(self, ledger: Ledger, now: datetime) -> None:
        if self.lost is not None:
            raise self.lost
        self.handed_over.append(now)

    async def waits_since(self, ledger: Ledger) -> datetime | None:
        return self.waiting


class Event:
    """A request's event in Faust."""

    def __init__(self, value: bytes, order: list[str]) -> None:
        self.message = SimpleNamespace(value=value)
        self._order = order

    def ack(self) -> None:
        self._order.append("acknowledged")


class Stage:
    """A trainer with fakes; its clock is set by hand."""

    def __init__(self) -> None:
        self.plans = FakePlans()
        self.work = FakeWork(self.plans)
        self.now = NOW.timestamp()
        self.crashes: list[BaseException] = []
        self.pauses: list[float] = []
        self.registry = CollectorRegistry()
        self.service = RetrainService(
            load_settings(),
            is_owner=lambda: True,
            plans=self.plans,
            work=self.work,
            metrics=RetrainMetrics(self.registry),
            health=Health(0.0, conditions=[Condition.PARTITIONS_ASSIGNED]),
            crash=self._crash,
            now=lambda: self.now,
            pause=self._pause,
        )

    async def _crash(self, error: BaseException) -> None:
        self.crashes.append(error)

    async def _pause(self, seconds: float) -> None:
        self.pauses.append(seconds)

    async def ask(self, request_id: str, **given: Any) -> None:
        request = RetrainRequest(request_id, round(self.now * 1000), "anna", **given)
        await self.service.accept(Event(request.encode(), self.plans.order))

    async def turns(self, count: int = 6) -> list[str]:
        for _ in range(count):
            await self.service.turn()
        return self.plans.order

    def metric(self, name: str, **labels: str) -> float | None:
        return self.registry.get_sample_value(name, labels)


@pytest.fixture
def stage() -> Stage:
    return Stage()


async def test_a_plan_is_written_before_the_request_is_acknowledged_and_executed(
    stage: Stage,
) -> None:
    await stage.ask("r1")
    assert await stage.turns() == ["planned r1", "acknowledged", "executed r1", "ended r1"]
    assert stage.metric("leadscore_retrainings_total", outcome="passed") == 1


async def test_two_requests_are_executed_one_after_the_other(stage: Stage) -> None:
    await stage.ask("r1")
    await stage.ask("r2")
    order = await stage.turns()
    assert order.index("ended r1") < order.index("planned r2") < order.index("ended r2")


async def test_a_plan_that_was_not_ended_is_executed_by_the_next_owner(stage: Stage) -> None:
    stage.plans.kept["r1"] = record(plan("r1"))
    assert await stage.turns() == ["executed r1", "ended r1"]


async def test_a_plan_of_the_command_is_left_to_it(stage: Stage) -> None:
    stage.plans.kept["r1"] = record(plan("r1", executor="command"))
    assert await stage.turns() == []


async def test_a_request_that_was_planned_is_not_planned_again(stage: Stage) -> None:
    stage.plans.kept["r1"] = record(plan("r1"), "passed")
    await stage.ask("r1")
    assert await stage.turns() == ["acknowledged"]


async def test_an_invalid_request_is_acknowledged_and_ignored(stage: Stage) -> None:
    await stage.service.accept(Event(b"{}", stage.plans.order))
    assert await stage.turns() == ["acknowledged"]


async def test_drift_asks_once_and_the_cause_is_not_repeated(stage: Stage) -> None:
    stage.work.known = {"drift_state": "critical"}
    await stage.turns()
    [value] = stage.plans.requests
    await stage.service.accept(Event(value, stage.plans.order))
    order = await stage.turns()
    assert [entry.split()[0] for entry in order] == ["planned", "acknowledged", "executed", "ended"]
    for _ in range(5):
        stage.now += 600
        await stage.turns(2)
    assert len(stage.plans.requests) == 1
    assert stage.metric("leadscore_retrain_requests_total", trigger="drift") == 1


async def test_the_triggers_are_looked_at_once_an_interval(stage: Stage) -> None:
    await stage.turns()
    stage.work.known = {"drift_state": "critical"}
    await stage.turns()
    assert stage.plans.requests == []
    stage.now += load_settings().retrain_poll_seconds
    await stage.turns()
    assert len(stage.plans.requests) == 1


async def test_a_request_of_a_trigger_within_the_cool_down_is_ignored(stage: Stage) -> None:
    stage.plans.kept["r0"] = record(plan("r0"), "rejected", at=NOW - timedelta(hours=1))
    await stage.ask("r1", trigger=Trigger.DRIFT, cause="drift:leads/3")
    assert await stage.turns() == ["acknowledged"]
    assert stage.metric("leadscore_retrain_requests_ignored_total", trigger="drift") == 1


async def test_a_person_does_not_wait_for_the_cool_down(stage: Stage) -> None:
    stage.plans.kept["r0"] = record(plan("r0"), "rejected", at=NOW - timedelta(hours=1))
    await stage.ask("r1")
    assert (await stage.turns())[-1] == "ended r1"


async def test_a_cause_that_cannot_be_planned_is_not_asked_for_again_at_once(stage: Stage) -> None:
    stage.work.known, stage.work.no_data = {"drift_state": "critical"}, True
    await stage.turns()
    await stage.service.accept(Event(stage.plans.requests[0], stage.plans.order))
    stage.now += 120
    await stage.turns()
    assert len(stage.plans.requests) == 1


async def test_a_failed_attempt_is_repeated(stage: Stage) -> None:
    stage.work.results = [FatalError("Kafka"), PASSED]
    await stage.ask("r1")
    await stage.turns()
    assert stage.plans.kept["r1"].account is not None
    assert stage.plans.kept["r1"].account.outcome == "passed"
    assert len(stage.pauses) == 1


async def test_after_the_last_attempt_it_has_failed(stage: Stage) -> None:
    stage.work.results = [FatalError("Kafka")] * ATTEMPTS
    await stage.ask("r1")
    await stage.turns()
    assert stage.metric("leadscore_retrainings_total", outcome="failed") == 1


async def test_a_partition_that_is_taken_away_stops_what_runs_and_leaves_the_plan_open(
    stage: Stage,
) -> None:
    stage.plans.kept["r1"] = record(plan("r1"))
    stage.work.hold.clear()
    turn = asyncio.ensure_future(stage.service.turn())
    await stage.work.started.wait()
    stage.service.revoked()
    await turn
    assert stage.plans.order == ["executed r1"]
    assert stage.metric("leadscore_retraining_running") == 0


async def test_candidates_are_handed_on_at_the_interval_of_the_triggers(stage: Stage) -> None:
    await stage.turns()
    assert stage.work.handed_over == [NOW]
    stage.now += load_settings().retrain_poll_seconds
    await stage.turns()
    assert len(stage.work.handed_over) == 2


async def test_a_registry_that_does_not_answer_is_asked_again(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    stage.work.lost = OSError("the store is unavailable")
    await stage.turns()
    assert "tries again at its next poll: the store is unavailable" in caplog.text
    stage.work.lost = None
    stage.now += load_settings().retrain_poll_seconds
    await stage.turns()
    assert len(stage.work.handed_over) == 1


async def test_a_candidate_that_waits_is_shown_until_it_is_handled_or_another_trainer_shows_it(
    stage: Stage,
) -> None:
    name = "leadscore_retrain_candidate_waiting_timestamp_seconds"
    poll = load_settings().retrain_poll_seconds
    stage.work.waiting = NOW
    await stage.turns()
    assert stage.metric(name) == NOW.timestamp()
    stage.service.revoked()
    assert stage.metric(name) == 0
    stage.now += poll
    await stage.turns()
    assert stage.metric(name) == NOW.timestamp()
    stage.work.waiting = None
    stage.now += poll
    await stage.turns()
    assert stage.metric(name) == 0
