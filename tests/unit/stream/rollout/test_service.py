"""A rollout by a real registry and given outputs: on by evidence, back by harm, resumed by plan."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from agents.canary_mark import Arm, CanaryMark
from agents.rollout.evidence import Seen
from agents.rollout.triggers import Trigger
from model.alias_entry import Action, AliasEntry, Made
from model.bundle import Artefacts
from model.registry import Alias, Registry
from model.rollout_plan import RolloutPlan, read_steps
from monitoring.telemetry.health import Condition, Health
from monitoring.telemetry.rollout_metrics import RolloutMetrics
from schemas.record_codec import RecordCodec
from stream.rollout.change_log import ChangeLog
from stream.rollout.outputs import NewOutputs
from stream.rollout.service import RolloutService
from stream.settings import load_settings

PLAN = RolloutPlan(salt="5ba2", steps=read_steps("10@1s,50@1s"))


class FakeTail:
    """Outputs that a test gives."""

    def __init__(self) -> None:
        self.starts: list[int] = []
        self.next: list[Seen] = []

    async def start_at(self, since_ms: int) -> None:
        self.starts.append(since_ms)

    async def read(self) -> NewOutputs:
        seen, self.next = self.next, []
        return NewOutputs(seen)

    async def stop(self) -> None:
        pass


class FakeEmitter:
    """The topic of changes."""

    def __init__(self) -> None:
        self.rows: list[tuple[bytes, bytes]] = []

    async def send(self, topic: str, partition: int, rows: Sequence[Any]) -> list[Any]:
        assert (topic, partition) == ("leads.models", 0)
        self.rows += [(key, value) for key, value, _ in rows]
        done: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        done.set_result(None)
        return [done] if rows else []

    async def last(self, _: Any, count: int) -> list[Any]:
        return [type("Record", (), {"value": value}) for _, value in self.rows[-count:]]


class Place:
    """A registry with a canary that began some minutes ago, and the service that rolls it out."""

    def __init__(self, registry: Registry) -> None:
        self.registry = registry
        self.emitter: Any = FakeEmitter()
        self.crashes: list[BaseException] = []
        self.take_over()

    def take_over(self) -> None:
        """Begin with another process."""
        self.tail = FakeTail()
        self.metrics = CollectorRegistry()
        tail: Any = self.tail
        settings = load_settings(
            registry=self.registry.root, model="bank", rollout_min_leads=100, role="rollout"
        )
        self.health = Health(0, conditions=(Condition.RECOVERED,), stall_limit=60)
        self.service = RolloutService(
            "bank",
            settings,
            tail=tail,
            changes=ChangeLog("bank", "leads.models", self.emitter, self.emitter),
            emitter=self.emitter,
            metrics=RolloutMetrics(self.metrics, [*Trigger]),
            health=self.health,
            is_ours=lambda: True,
            crash=self.crash,
        )
        self.service.assigned()

    async def crash(self, error: BaseException) -> None:
        self.crashes.append(error)

    def made(self) -> Made:
        return Made("anna", datetime.now(UTC) - timedelta(minutes=5))

    def start(self) -> None:
        self.registry.set_alias("bank", Alias.PRODUCTION, "1", self.made())
        now = self.registry.aliases_now("bank")
        self.registry.change(now, Action.SET, self.made(), alias=Alias.CANARY, to="2", rollout=PLAN)

    async def turn(self, outputs: Iterable[Seen] = ()) -> AliasEntry:
        """Give the service outputs for a turn; return the last entry of the history."""
        self.tail.next = [*outputs]
        await self.service.turn()
        return self.registry.history("bank")[-1]

    def changes(self) -> list[tuple[str, str | None, float | None, str]]:
        """Return the published changes: action, canary, share, who."""
        decoded = [RecordCodec("model_change").decode(value) for _, value in self.emitter.rows]
        return [
            (it["action"], it["canary"], it["canary_share"], it["changed_by"]) for it in decoded
        ]


def outputs(leads: int, share: float, *, failing: bool = False) -> list[Seen]:
    at = round(datetime.now(UTC).timestamp() * 1000)
    arms = [Arm.CANARY if number % 100 < share else Arm.PRODUCTION for number in range(leads)]
    failed = {Arm.CANARY: Arm.FALLBACK, Arm.PRODUCTION: Arm.PRODUCTION}
    return [
        Seen(
            at,
            b"%d" % number,
            CanaryMark(failed[arm] if failing else arm, share, 900, PLAN.salt),
            number % 89 / 100,
        )
        for number, arm in enumerate(arms)
    ]


@pytest.fixture
def place(tmp_path: Path, artefacts: Artefacts) -> Place:
    registry = Registry(tmp_path / "models")
    for _ in range(2):
        registry.publish("bank", artefacts)
    return Place(registry)


async def test_a_healthy_canary_goes_step_by_step_into_production(place: Place) -> None:
    place.start()
    assert (await place.turn()).number == 2, "without traffic nothing continues"
    step = await place.turn(outputs(2000, 10))
    assert step.action is Action.STEP
    assert (step.by, step.rollout and step.rollout.share) == ("rollout", 50)
    assert "no harm found" in step.why
    await place.turn()
    await asyncio.sleep(1.1)
    promoted = await place.turn(outputs(2000, 50))
    assert (promoted.alias, promoted.to) == (Alias.PRODUCTION, "2")
    removed = await place.turn()
    assert (removed.action, removed.alias) == (Action.REMOVE, Alias.CANARY)
    await place.turn()
    assert place.registry.aliases("bank") == {Alias.PRODUCTION: "2"}
    assert place.changes() == [
        ("set", None, None, "anna"),
        ("set", "2", 10, "anna"),
        ("step", "2", 50, "rollout"),
        ("set", "2", 50, "rollout"),
        ("remove", None, None, "rollout"),
    ]
    assert place.metrics.get_sample_value("leadscore_rollout_promotions_total") == 1
    assert not place.crashes


async def test_a_canary_that_does_harm_is_removed_with_the_reason(place: Place) -> None:
    place.start()
    await place.turn()
    removed = await place.turn(outputs(200, 10, failing=True))
    assert (removed.action, removed.by, removed.was) == (Action.REMOVE, "rollout", "2")
    assert "failed to score 20 of 20 leads" in removed.why
    await place.turn()
    assert place.changes()[-1] == ("remove", None, None, "rollout")
    assert (
        place.metrics.get_sample_value("leadscore_rollout_rollbacks_total", {"trigger": "errors"})
        == 1
    )
    assert place.metrics.get_sample_value("leadscore_rollout_share") == 0


async def test_a_process_that_takes_over_continues_by_the_plan(place: Place) -> None:
    place.start()
    began = round(place.registry.history("bank")[-1].at.timestamp() * 1000)
    await place.turn(outputs(500, 10))
    assert place.tail.starts == [began]
    place.take_over()
    await place.turn()
    assert place.tail.starts == [began], "the step's outputs are read again"
    assert len(place.changes()) == 2, "changes are published once"
    assert (await place.turn(outputs(2000, 10))).action is Action.STEP


async def test_a_change_by_somebody_else_is_read_before_the_next_decision(place: Place) -> None:
    place.start()
    await place.turn()
    now = place.registry.aliases_now("bank")
    place.registry.change(now, Action.REMOVE, place.made(), alias=Alias.CANARY)
    with pytest.raises(Exception, match="somebody else changed them"):
        await place.turn(outputs(200, 10, failing=True))
    place.service._look_at = 0
    assert (await place.turn()).number == 3


async def test_without_a_canary_nothing_is_read(place: Place) -> None:
    place.registry.set_alias("bank", Alias.PRODUCTION, "1", place.made())
    await place.turn()
    assert place.tail.starts == []


def test_a_process_without_the_partition_is_on_standby(place: Place) -> None:
    assert place.health.ready()[0]
    assert place.metrics.get_sample_value("leadscore_rollout_active") == 1
    place.service.revoked()
    assert place.metrics.get_sample_value("leadscore_rollout_active") == 0
