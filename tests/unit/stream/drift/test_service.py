"""The drift service: what it shows in health, and how a turn ends."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any

import pytest

from monitoring.telemetry.health import Condition, Health
from stream.drift.records import DriftRecords
from stream.drift.service import DriftService
from stream.settings import load_settings
from stream.topology import ROLES
from testing.jumping_time import in_jumping_time


def service_of(table: Any, app: Any, health: Any = None) -> Any:
    """Make a drift service that is not started."""
    parts: Any = dict.fromkeys(("emitter", "clock", "restoration", "observer"))
    records = DriftRecords(app.settings)
    return DriftService(app, table, health=health, records=records, **parts)


@pytest.mark.parametrize("role", ["drift", "all"])
def test_a_recovered_table_does_not_count_as_assigned_partitions_of_leads(role: str) -> None:
    """Seen once: a worker of both roles said that it was ready, and had no leads to score yet."""
    health = Health(0.0, conditions=ROLES[role].ready)
    app: Any = SimpleNamespace(
        settings=load_settings(), consumer=SimpleNamespace(assignment=frozenset)
    )
    service = service_of({}, app, health)
    service.recovered()
    health.meet(Condition.MODEL_LOADED)
    assert health.ready()[0] == (role == "drift")
    health.meet(Condition.PARTITIONS_ASSIGNED)
    assert health.ready()[0]


class NeverWritten(dict[bytes, bytes]):
    """A table whose changelog answers nothing."""

    async def written(self) -> None:
        await asyncio.Event().wait()


class IdleWatch:
    """A watch that has nothing to close."""

    late = closed_early = 0

    def take(self, partials: object, now: float) -> None: ...


@in_jumping_time
async def test_a_turn_ends_when_the_worker_crashes_as_nothing_is_written_any_more() -> None:
    acknowledged: list[int] = []
    event = SimpleNamespace(message=SimpleNamespace(value=None), ack=lambda: acknowledged.append(1))
    service = service_of(NeverWritten(), SimpleNamespace(settings=load_settings()))
    service._pending = [event]
    turn = asyncio.create_task(service._turn(IdleWatch()))
    await asyncio.sleep(1)
    assert not turn.done()
    await service.crash(RuntimeError("another part of the app"))
    await asyncio.wait_for(turn, 1)
    assert acknowledged == []
