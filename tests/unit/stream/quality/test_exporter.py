"""The exporter of quality: its figures are those of the reports, and it outlives the broker."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
from prometheus_client import CollectorRegistry

from agents.quality.reported_quality import ReportedQuality
from monitoring.telemetry.quality_gauges import QualityGauges
from schemas.errors import StartupError
from stream.quality.exporter import export_quality, show_quality
from testing.jumping_time import in_jumping_time
from tests.unit.agents.quality.quality_reports import CHANGE, OTHER, report

LEADS = "leadscore_quality_leads"
OF = {"channel": "live", "version": "7", "window": "latest", "outcome": "unknown"}


@dataclass
class FakeLog:
    """A log whose broker may be unavailable."""

    reported: ReportedQuality = field(default_factory=lambda: ReportedQuality("leads.scored"))
    is_up: bool = True

    async def read(self) -> None:
        if not self.is_up:
            raise StartupError("expected Kafka, it is unavailable")


@pytest.fixture
def registry() -> CollectorRegistry:
    return CollectorRegistry()


@in_jumping_time
async def test_figures_stay_while_the_broker_is_unavailable(
    caplog: pytest.LogCaptureFixture,
) -> None:
    registry, log = CollectorRegistry(), FakeLog()
    log.reported.take(report(leads=100, unknown=1.0))
    logs = {"live": log}
    exporting = asyncio.ensure_future(
        export_quality(logs, QualityGauges(registry), 60.0)  # type: ignore[arg-type]
    )
    await asyncio.sleep(1)
    assert registry.get_sample_value(LEADS, OF) == 100
    log.is_up = False
    log.reported.take(report(leads=300, unknown=1.0))
    await asyncio.sleep(60)
    assert registry.get_sample_value(LEADS, OF) == 100
    assert "the last figures stay exposed: expected Kafka, it is unavailable" in caplog.text
    log.is_up = True
    await asyncio.sleep(60)
    assert registry.get_sample_value(LEADS, OF) == 300
    exporting.cancel()
    with suppress(asyncio.CancelledError):
        await exporting


def test_live_and_shadow_models_have_series_of_their_own(registry: CollectorRegistry) -> None:
    live, shadow = ReportedQuality("leads.scored"), ReportedQuality("leads.scored.shadow")
    live.take(report(leads=80, unknown=1.0))
    shadow.take(report(leads=30, unknown=1.0, model=OTHER, topic="leads.scored.shadow"))
    show_quality({"live": live, "shadow": shadow}, QualityGauges(registry))
    assert registry.get_sample_value(LEADS, OF) == 80
    other = OF | {"channel": "shadow", "version": "8"}
    assert registry.get_sample_value(LEADS, other) == 30


def test_weeks_before_and_changes_are_shown(registry: CollectorRegistry) -> None:
    live = ReportedQuality("leads.scored")
    for week in range(8):
        live.take(report(week=week, leads=100))
    live.take(report(week=7, change=CHANGE))
    show_quality({"live": live}, QualityGauges(registry))
    auc = "leadscore_quality_auc_ratio"
    for window in ("latest", "before"):
        labels = {"channel": "live", "version": "7", "window": window, "bound": "value"}
        assert registry.get_sample_value(auc, labels) is not None
    numbers = {
        stream: registry.get_sample_value(
            "leadscore_quality_changes", {"channel": "live", "version": "7", "stream": stream}
        )
        for stream in ("bias", "calibration", "label")
    }
    assert numbers == {"bias": 1, "calibration": 0, "label": 0}
