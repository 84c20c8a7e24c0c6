"""State that the drift role restores at start-up."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any, NamedTuple

import pytest
from prometheus_client import CollectorRegistry

from agents.drift_reports import Report
from agents.drift_watch import DriftWatch
from features.counts import CountLayout
from monitoring.drift.assessment import Assessor
from monitoring.telemetry.health import Condition, Health
from stream.drift.service import DriftService
from stream.drift.window_table import Windows
from stream.settings import load_settings
from stream.topology import READY
from testing.fakes import FakeTrials, in_jumping_time
from tests.unit.small_model import SmallModel


class Record(NamedTuple):
    value: bytes | None


@dataclass
class FakeReader:
    """The latest records of topics."""

    records: dict[str, list[Record]]

    async def last(self, partition: Any, count: int, **limits: Any | None) -> list[Record]:
        return self.records[partition.topic]


async def nothing_committed(_: Any) -> None:
    return None


def service_of(model: SmallModel, table: Any) -> Any:
    """Make a drift service that is not started."""
    settings = load_settings(registry=str(model.registry))
    app: Any = SimpleNamespace(settings=settings, trials=FakeTrials())
    vitals: Any = SimpleNamespace(registry=CollectorRegistry(), health=None)
    return DriftService(app, table, vitals)


async def restored(model: SmallModel, records: list[Record]) -> DriftWatch:
    """Start a drift role with these reports, and no partials."""
    settings = load_settings(registry=str(model.registry))
    table: Any = {}
    service = service_of(model, table)
    service._reader = FakeReader({settings.leads_drift: records})
    service._read_committed = nothing_committed
    watch: DriftWatch = await service._restored(Windows(table))
    return watch


def report(model: SmallModel, start: int, topic: str = "leads.created") -> Record:
    bundle = model.bundle
    layout = CountLayout(bundle.metadata.reference)
    assessor = Assessor(layout, importance={}, engagement=(0.15, 0.4))
    horizon = assessor.assess(layout.none(), name="5m", start=start, end=start + 300_000)
    identity = bundle.identity
    end = start + 300_000
    return Record(Report(end, topic, identity, start, end, layout.none(), (horizon,)).encode())


@in_jumping_time
async def test_closed_windows_are_found_again_in_their_reports(model: SmallModel) -> None:
    watch = await restored(model, [report(model, 0), report(model, 300_000)])
    assert watch.latest is not None
    assert list(watch.latest.windows) == [0, 300_000]
    assert watch.latest.closed_through == 600_000


@in_jumping_time
async def test_a_record_that_is_no_report_is_left_out(model: SmallModel) -> None:
    """A worker that ended for it would end again whenever it is started."""
    records = [Record(None), report(model, 0), Record(b"of somebody else")]
    watch = await restored(model, records)
    assert watch.latest is not None
    assert list(watch.latest.windows) == [0]


@in_jumping_time
async def test_reports_of_another_topic_are_left_out(model: SmallModel) -> None:
    watch = await restored(model, [report(model, 0, topic="staging.leads.created")])
    assert watch.latest is None


@pytest.mark.parametrize("role", ["drift", "all"])
def test_a_recovered_table_is_not_taken_for_the_partitions_of_leads(role: str) -> None:
    """Seen once: a worker of both roles said that it was ready, and had no leads to score yet."""
    health = Health(0.0, conditions=READY[role])
    app: Any = SimpleNamespace(
        settings=load_settings(), consumer=SimpleNamespace(assignment=frozenset)
    )
    vitals: Any = SimpleNamespace(registry=CollectorRegistry(), health=health)
    table: Any = {}
    service = DriftService(app, table, vitals)
    service.recovered()
    health.meet(Condition.MODEL_LOADED)
    assert health.ready()[0] == (role == "drift")
    health.meet(Condition.PARTITIONS_ASSIGNED)
    assert health.ready()[0]


class NeverWritten(dict[bytes, bytes]):
    """A table whose changelog answers nothing."""

    async def written(self) -> None:
        await asyncio.Event().wait()


@in_jumping_time
async def test_a_turn_ends_when_the_worker_crashes_as_nothing_is_written_any_more(
    model: SmallModel,
) -> None:
    acknowledged: list[int] = []
    event = SimpleNamespace(message=SimpleNamespace(value=None), ack=lambda: acknowledged.append(1))
    service = service_of(model, NeverWritten())
    service._pending = [event]
    watch = await restored(model, [])
    turn = asyncio.create_task(service._turn(watch))
    await asyncio.sleep(1)
    assert not turn.done()
    await service.crash(RuntimeError("another part of the app"))
    await asyncio.wait_for(turn, 1)
    assert acknowledged == []
