"""The exporter of quality: exposes figures as metrics, and stays up when the broker does not."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from agents.quality.error_change import STREAMS
from agents.quality.reported_quality import ReportedQuality
from agents.quality.shown_quality import shown_models
from monitoring.telemetry.quality_gauges import QualityGauges
from schemas.errors import StartupError
from stream.quality.quality_log import QualityLog

__all__ = ["export_quality", "show_quality"]

log = logging.getLogger(__name__)


async def export_quality(
    logs: Mapping[str, QualityLog], gauges: QualityGauges, interval: float
) -> None:
    """Set the gauges at an interval, without end; cancel it to end.

    After a failure the gauges keep their values.

    Parameters
    ----------
    logs
        Reads the reports, by channel: live, shadow.
    gauges
        Exposes the figures.
    interval
        Seconds from one reading to the next.
    """
    while True:
        try:
            for found in logs.values():
                await found.read()
        except StartupError as error:
            log.warning("quality can't be read, the last figures stay exposed: %s", error)
        else:
            reported = {channel: found.reported for channel, found in logs.items()}
            show_quality(reported, gauges)
        await asyncio.sleep(interval)


def show_quality(reported: Mapping[str, ReportedQuality], gauges: QualityGauges) -> None:
    """Replace all gauges by the figures of what was reported, by channel."""
    gauges.clear()
    for channel, found in reported.items():
        for shown in shown_models(found):
            version = shown.model.version
            gauges.show(channel, version, "latest", shown.latest)
            if shown.before is not None:
                gauges.show(channel, version, "before", shown.before)
            worse = shown.worse
            gauges.show_changes(channel, version, {name: worse[name] for name in STREAMS})
