"""`leadscore quality`: how good the scores are, by the outcomes of their leads."""

from __future__ import annotations

import asyncio
import logging
from datetime import timedelta

import click
from prometheus_client import CollectorRegistry

from monitoring.telemetry.quality_gauges import QualityGauges
from schemas.errors import InputError
from stream.cli.options import DURATION
from stream.cli.output import console, print_json
from stream.cli.quality_options import ShownQuality, chosen_quality
from stream.cli.quality_screen import quality_screen
from stream.cli.until_signal import expose_until_signal
from stream.process.exit_codes import exit_codes
from stream.quality.exporter import export_quality
from stream.quality.quality_log import QualityLog, leads_diagnosis
from stream.settings import Settings, load_settings

__all__ = ["quality"]

WIDTH_IN_A_PIPE = 120


@click.command()
@click.option(
    "--model",
    "version",
    metavar="VERSION",
    help="Version of the model.  [default: the one with the newest scores]",
)
@click.option(
    "--weeks",
    type=click.IntRange(min=1),
    default=12,
    show_default=True,
    help="Number of its latest weeks to show one by one.",
)
@click.option("--segment", "field", metavar="FIELD", help="Compare the segments of this field.")
@click.option("--shadow", is_flag=True, help="Show the scores of the shadow instead.")
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="Run as an exporter: metrics for Prometheus on this port; 0: any free port.",
)
@click.option(
    "--interval",
    type=DURATION,
    metavar="SPAN",
    default="1m",
    show_default=True,
    help="Time between two readings with --port.",
)
@click.option(
    "--json", "as_json", is_flag=True, help="Print NDJSON: a line for the model, week, segment."
)
def quality(
    version: str | None,
    weeks: int,
    field: str | None,
    shadow: bool,
    port: int | None,
    interval: timedelta,
    as_json: bool,
) -> None:
    """Show how good the scores are, by the outcomes of their leads.

    \b
      leadscore quality
      leadscore quality --model 3 --weeks 26
      leadscore quality --segment country
      leadscore quality --json | jq 'select(.kind == "week") | .auc.value'
      leadscore quality --port 9103

    It reads the reports of `leadscore worker --role outcomes`, and for the kind of drift the latest
    report of `leadscore worker --role drift`. Weeks are those of the scores, UTC; a lead counts
    once its horizon has passed. The estimated AUC needs no outcomes, but assumes that calibration
    holds. Intervals are of 95 %. See docs/quality.md.

    With --port it shows live and shadow scores as metrics until it is stopped, also while Kafka is
    unavailable: the metrics then keep their last values.

    Exit codes: 0 shown, or there is no report yet; 2 an option is invalid, or there is no such
    model or field; 3 Kafka or the topic is missing.
    """  # noqa: D301
    with exit_codes():
        if port is not None and (as_json or shadow or version or field):
            raise InputError("--port shows all models: it excludes the other options")
        settings = load_settings()
        if port is not None:
            asyncio.run(_export(settings, port, interval.total_seconds()))
            return
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
        topic = settings.leads_scored_shadow if shadow else settings.leads_scored
        found = asyncio.run(_read(settings, topic, version=version, weeks=weeks, field=field))
        _show(found, topic, settings, as_json=as_json)


async def _read(
    settings: Settings, topic: str, *, version: str | None, weeks: int, field: str | None
) -> ShownQuality | None:
    log = QualityLog(settings, topic)
    await log.read()
    leads = await leads_diagnosis(settings)
    return chosen_quality(log.reported, leads, version=version, weeks=weeks, field=field)


def _show(found: ShownQuality | None, topic: str, settings: Settings, *, as_json: bool) -> None:
    if as_json:
        for record in found.records() if found is not None else ():
            print_json(record)
        return
    screen = console(WIDTH_IN_A_PIPE)
    if found is None:
        screen.print(
            f"{settings.leads_quality} has no report on {topic} yet. `leadscore worker --role"
            " outcomes` writes one for each week with scores.",
            markup=False,
        )
        return
    screen.print(quality_screen(found, topic))


async def _export(settings: Settings, port: int, interval: float) -> None:
    """Expose the quality as metrics until a signal."""
    registry = CollectorRegistry()
    gauges = QualityGauges(registry)
    topics = {"live": settings.leads_scored, "shadow": settings.leads_scored_shadow}
    logs = {channel: QualityLog(settings, topic) for channel, topic in topics.items()}
    work = export_quality(logs, gauges, interval)
    await expose_until_signal(settings, registry, port, work)
