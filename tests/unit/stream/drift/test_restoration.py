"""The state of the drift role, restored from reports and partials."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

from prometheus_client import CollectorRegistry

from agents.drift_reports import Report
from agents.drift_watch import DriftWatch
from features.counts import CountLayout
from monitoring.drift.assessment import Assessor
from monitoring.telemetry.drift_gauges import DriftMetrics
from stream.drift.records import DriftRecords
from stream.drift.restoration import Restoration
from stream.drift.watched_models import WatchedModels
from stream.drift.window_table import Windows
from stream.settings import load_settings
from testing.fake_app import FakeTrials
from testing.jumping_time import in_jumping_time
from tests.unit.small_model import SmallModel


class Record(NamedTuple):
    value: bytes | None


@dataclass
class FakeReader:
    """The latest records of topics."""

    records: dict[str, list[Record]]

    async def last(self, partition: Any, count: int, **limits: int | None) -> list[Record]:
        return self.records[partition.topic]


async def nothing_committed(_: Any) -> None:
    return None


async def restored(model: SmallModel, records: list[Record]) -> DriftWatch:
    """Restore a drift role from these reports, and no partials."""
    settings = load_settings(registry=str(model.registry))
    table: Any = {}
    reader: Any = FakeReader({settings.leads_drift: records})
    models = WatchedModels(settings, FakeTrials(), DriftMetrics(CollectorRegistry()))
    restoration = Restoration(settings, reader, nothing_committed, models, DriftRecords(settings))
    return await restoration.restore(Windows(table))


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
