"""`leadscore produce`: send leads to Kafka, as a CRM would."""

from __future__ import annotations

import asyncio
import logging
import secrets
from collections.abc import Awaitable
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console

from schemas.display import for_terminal
from schemas.errors import InputError
from schemas.store import SchemaStore
from schemas.wire import WireFormat
from stream.cli.options import DURATION, RATE, SHARE, SPEED, encoding_option, reading_options
from stream.process.exit_codes import EXIT_STOPPED, exit_codes
from stream.settings import Settings, load_settings
from stream.simulator.connection import connected_producer, stop_on_signals
from stream.simulator.dry_run import rehearse
from stream.simulator.events import EventMaker
from stream.simulator.outcomes import Delayed, OutcomeMaker
from stream.simulator.playing import AsRecorded, AtOnce, Pace, Steady
from stream.simulator.playlist import DEFAULT_COUNT, Playlist, Wanted, make_playlist
from stream.simulator.progress import PlayProgress
from stream.simulator.run import Played, play
from stream.simulator.shift import Span
from stream.simulator.summary import (
    rehearsal_record,
    rehearsal_summary,
    summary,
    summary_record,
)

__all__ = ["produce"]

FORMATS = {"avro": WireFormat.AVRO, "json": WireFormat.JSON}
EXIT_UNDELIVERED = 1


@click.command()
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--schema",
    metavar="NAME|FILE.avsc",
    help="The leads' contract. Default: the largest known contract whose fields are all in FILE.",
)
@click.option(
    "--id",
    "id_column",
    metavar="COLUMN",
    default="lead_id",
    show_default=True,
    help="FILE's column of lead ids.",
)
@click.option(
    "--time",
    "time_column",
    metavar="COLUMN",
    default="created_at",
    show_default=True,
    help="FILE's column of creation times.",
)
@encoding_option
@reading_options
@click.option("--now", is_flag=True, help="Use the time of sending as the time of creation.")
@click.option(
    "--count",
    type=click.IntRange(min=0),
    metavar="N",
    help=f"At most N leads; default: the whole FILE, or {DEFAULT_COUNT:,} synthetic "
    "leads. 0: unlimited.",
)
@click.option("--rate", type=RATE, help="Leads per second, such as 50/s; default: no limit.")
@click.option(
    "--speed", type=SPEED, help="Follow FILE's timestamps, accelerated by a factor such as 1000x."
)
@click.option(
    "--format",
    "wire",
    type=click.Choice(list(FORMATS)),
    default="avro",
    show_default=True,
    help="Avro single-object or JSON.",
)
@click.option(
    "--bad",
    type=SHARE,
    default=0.0,
    help="Break this share of the leads with a mix of defects, such as 1%.",
)
@click.option(
    "--drift",
    "shifts",
    multiple=True,
    metavar="FIELD=CHANGE",
    help="Shift a field: age=+10, age=*1.5, age=40, industry=retail, or age= for "
    "missing. May be repeated.",
)
@click.option(
    "--drift-from", type=SHARE, default=0.0, help="Start the shifts at this share of the run."
)
@click.option(
    "--drift-over",
    type=SHARE,
    default=0.0,
    help="Phase the shifts in over this share of the run; default: at once.",
)
@click.option(
    "--outcomes",
    metavar="COLUMN=VALUE",
    help="Also send outcomes: converted where FILE's COLUMN has VALUE, else lost.",
)
@click.option(
    "--outcome-after",
    type=DURATION,
    default="1m",
    show_default=True,
    help="Time from a lead to its outcome, accelerated by --speed.",
)
@click.option("--topic", help="Destination. Default: the topic that workers read.")
@click.option(
    "--bootstrap-servers", metavar="HOST:PORT[,...]", help="Kafka; overrides the setting."
)
@click.option(
    "--seed",
    type=click.IntRange(min=0),
    help="Random seed, to repeat a run; default: a new one each time.",
)
@click.option(
    "--dry-run", is_flag=True, help="Make and count the events; send nothing, and ask no broker."
)
@click.option("--json", "as_json", is_flag=True, help="Print the summary as NDJSON: one line.")
def produce(**options: Any) -> None:
    """Send leads to Kafka, as a CRM would: from FILE (CSV, JSON or Parquet), or synthetic.

    \b
      leadscore produce --count 1000                      synthetic leads
      leadscore produce contacts.csv --rate 200/s         a file, evenly paced
      leadscore produce contacts.csv --speed 1000x --now  as recorded, faster
      leadscore produce contacts.csv --dry-run            what would be sent
      leadscore produce contacts.csv --outcomes y=yes     with their outcomes
      leadscore produce --count 10000 --bad 1%            some events broken
      leadscore produce --count 10000 --drift 'company_size=*3' --drift-from 50%

    Ctrl-C stops it cleanly: leads in flight are delivered and counted. A second one exits at once.

    Exit codes: 0 everything was delivered (or --dry-run), 1 something was not (see the summary), 2
    an option or the file is invalid, 3 Kafka or the topic is missing, 130 stopped by Ctrl-C.
    """  # noqa: D301 - click reads the backspace itself as "do not wrap"
    with exit_codes():
        code = _produce(options)
    raise SystemExit(code)


def _produce(options: dict[str, Any]) -> int:
    if options["rate"] and options["speed"]:
        raise InputError("--rate and --speed exclude each other: give one of them")
    settings = load_settings(**_given_settings(options))
    seed = secrets.randbelow(2**31) if options["seed"] is None else options["seed"]
    folders = [settings.schema_dir] if settings.schema_dir else []
    playlist = make_playlist(_wanted(options, seed), SchemaStore.load(*folders))
    for remark in playlist.remarks:
        click.echo(for_terminal(remark), err=True)
    as_event = EventMaker(
        playlist.contract,
        FORMATS[options["wire"]],
        bad_share=options["bad"],
        max_bytes=settings.max_event_bytes,
        seed=seed,
        created_now=options["now"],
    )
    topic = settings.leads_created
    if options["dry_run"]:
        if playlist.total is None:
            raise InputError("--dry-run needs an end: give a --count above 0")
        found = rehearse(playlist.leads, as_event)
        make = rehearsal_record if options["as_json"] else rehearsal_summary
        _print(make(found, playlist, topic, seed))
        return 0
    outcomes = OutcomeMaker(
        FORMATS[options["wire"]],
        options["outcome_after"] // timedelta(milliseconds=1),
        created_now=options["now"],
    )
    # aiokafka warns many times a second about an unreachable broker; failures are in the summary.
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)
    try:
        pace = _pace(options)
        delay = options["outcome_after"].total_seconds() / (options["speed"] or 1.0)
        paces = pace, Delayed(pace, delay, playlist.outcome_places)
        played, ended = asyncio.run(_play(playlist, (as_event, outcomes), paces, settings))
    except asyncio.CancelledError:
        click.echo("stopped at once: leads in flight may or may not be in Kafka", err=True)
        return EXIT_STOPPED
    make_one = summary_record if options["as_json"] else summary
    _print(make_one(played, playlist, topic, seed, ended))
    if not (played.complete and ended.complete):
        return EXIT_UNDELIVERED
    return EXIT_STOPPED if played.stopped or ended.stopped else 0


def _print(shown: str | dict[str, Any]) -> None:
    """Print lines, or a record as a line of JSON."""
    click.echo(shown if isinstance(shown, str) else orjson.dumps(shown))


async def _play(
    playlist: Playlist,
    makers: tuple[EventMaker, OutcomeMaker],
    paces: tuple[Pace, Pace],
    settings: Settings,
) -> tuple[Played, Played]:
    """Send leads and, beside them, their outcomes; return the counts of both."""
    topic, console = settings.leads_created, Console(stderr=True)
    has_outcomes = bool(playlist.outcomes)
    async with connected_producer(settings, with_outcomes=has_outcomes) as producer:
        with (
            stop_on_signals() as stop,
            PlayProgress(topic, playlist.total, console) as progress,
        ):
            send = partial(play, producer=producer, stop=stop)
            leads = send(
                playlist.leads,
                topic=topic,
                as_event=makers[0],
                pace=paces[0],
                on_progress=progress,
            )
            if not has_outcomes:
                return await leads, Played()
            outcomes = send(
                playlist.outcomes,
                topic=settings.leads_outcomes,
                as_event=makers[1],
                pace=paces[1],
            )
            return await _together(stop, leads, outcomes)


async def _together(
    stop: asyncio.Event, leads: Awaitable[Played], outcomes: Awaitable[Played]
) -> tuple[Played, Played]:
    """Return both results; if one fails, the other is stopped first."""
    tasks = [asyncio.ensure_future(leads), asyncio.ensure_future(outcomes)]
    try:
        both = await asyncio.gather(*tasks)
        return both[0], both[1]
    except BaseException:
        stop.set()
        await asyncio.wait(tasks)
        raise


def _given_settings(options: dict[str, Any]) -> dict[str, str]:
    given = {
        "leads_created": options["topic"],
        "kafka_bootstrap_servers": options["bootstrap_servers"],
    }
    return {name: value for name, value in given.items() if value}


def _outcomes(given: str | None) -> tuple[str, str] | None:
    if given is None:
        return None
    column, equals, value = given.rpartition("=")
    if not (column and equals and value):
        raise InputError(f"expected --outcomes COLUMN=VALUE, such as y=yes, not {given!r}")
    return column, value


def _wanted(options: dict[str, Any], seed: int) -> Wanted:
    return Wanted(
        file=options["file"],
        encoding=options["encoding"],
        decimal=options["decimal"],
        dates=options["dates"],
        missing=options["missing"],
        contract=options["schema"],
        id_column=options["id_column"],
        time_column=options["time_column"],
        created_now=options["now"],
        in_order=options["speed"] is not None,
        count=options["count"],
        outcomes=_outcomes(options["outcomes"]),
        shifts=options["shifts"],
        span=Span(options["drift_from"], options["drift_over"]),
        seed=seed,
    )


def _pace(options: dict[str, Any]) -> Pace:
    if options["rate"]:
        return Steady(options["rate"])
    return AsRecorded(options["speed"]) if options["speed"] else AtOnce()
