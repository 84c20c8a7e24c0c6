"""`leadscore snapshot`: an Evidently report of recent leads against training leads."""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click

from schemas.display import for_terminal
from schemas.errors import InputError
from stream.cli.options import DURATION, MEMORY, MOMENT
from stream.cli.output import print_json
from stream.process.exit_codes import exit_codes
from stream.settings import load_settings
from stream.simulator.connection import stop_on_signals
from stream.snapshot.dry_run import plan_snapshot
from stream.snapshot.metrics import SnapshotOutcomes
from stream.snapshot.request import Order
from stream.snapshot.runner import Ended, run_snapshot
from stream.snapshot.summary import SnapshotSummary

__all__ = ["snapshot"]

HOUR = timedelta(hours=1)


@click.command()
@click.option(
    "--since", type=DURATION, help="Length of the range until now.  [default: --every, else 1h]"
)
@click.option("--from", "start", type=MOMENT, help="Start of the range, in Kafka timestamps.")
@click.option("--to", "end", type=MOMENT, help="End of the range.  [default: now]")
@click.option("--every", type=DURATION, help="Keep running, and write a snapshot each period.")
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Maximum number of leads to compare: a random sample of the range.",
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=48,
    show_default=True,
    help="Number of snapshots to keep.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default="reports",
    show_default=True,
    help="Folder of the snapshots.",
)
@click.option(
    "--workspace",
    type=click.Path(path_type=Path, file_okay=False),
    help="Evidently's workspace, for `evidently ui`.  [default: workspace in --output]",
)
@click.option(
    "--textfile",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File for the job's metrics, for node_exporter's textfile collector.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="With --every: expose the job's metrics on this port; 0 picks a free one.",
)
@click.option(
    "--memory-limit",
    type=MEMORY,
    default="2GiB",
    show_default=True,
    help="Memory limit of a snapshot.",
)
@click.option("--dry-run", is_flag=True, help="Say what would be read and written; write nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print NDJSON: a line for each snapshot.")
def snapshot(**options: Any) -> None:
    """Write an Evidently report of recent leads against the model's training leads.

    \b
      leadscore snapshot --since 1h
      leadscore snapshot --since 7d --dry-run
      leadscore snapshot --from 2026-05-01 --to 2026-06-01 --sample 50000
      leadscore snapshot --every 1h --port 9101
      evidently ui --workspace reports/workspace

    It reads leads by timestamp without joining the workers' group, scores a sample with the serving
    model, and writes report.html, report.json and summary.json. Drift is judged as for the alerts:
    see docs/drift.md. Other settings are environment variables.

    Exit codes: 0 written (or there was no lead to compare), 1 failed, 2 an option is invalid or
    the model does not exist, 3 Kafka, the topic or the model's sample of training leads is missing,
    or another snapshot is being written, 130 stopped (0 with --every).
    """  # noqa: D301
    with exit_codes():
        _check(options)
        if options["dry_run"]:
            code = asyncio.run(_plan(options))
        else:
            code = asyncio.run(_stay(options) if options["every"] else _once(options))
    raise SystemExit(code)


def _check(options: dict[str, Any]) -> None:
    if options["since"] and (options["start"] or options["end"]):
        raise InputError("--since and --from or --to exclude each other: give one of them")
    if options["end"] and not options["start"]:
        raise InputError("--to needs the start of the range: give --from too")
    if options["every"] and options["start"]:
        raise InputError("--every uses a range until now: give --since, not --from and --to")
    if options["port"] is not None and not options["every"]:
        raise InputError("--port needs a job that keeps running: give --every too, or --textfile")
    if options["dry_run"] and options["every"]:
        raise InputError("--dry-run is for one snapshot: leave --every out")
    if options["start"] and options["end"] and options["start"] >= options["end"]:
        raise InputError("--from must be before --to: swap them")


def _range(options: dict[str, Any]) -> tuple[datetime, datetime]:
    """Return the start and the end of one snapshot's range."""
    end = options["end"] or datetime.now(UTC)
    return options["start"] or end - (options["since"] or HOUR), end


async def _plan(options: dict[str, Any]) -> int:
    """Print what a snapshot would do."""
    order, settings = _order(options, *_range(options)), load_settings()
    plan = await plan_snapshot(settings, order)
    if options["as_json"]:
        record = {
            "is_dry_run": True,
            "topic": settings.leads_created,
            "start": order.start,
            "end": order.end,
            "model": plan.model,
            "offsets": plan.offsets,
            "sample": order.sample,
            "report": str(plan.report),
            "removed": [str(path) for path in plan.removed],
        }
        print_json(record)
        return 0
    lines = (
        ("Reads", f"up to {plan.offsets:,} records of {settings.leads_created}"),
        ("Scores", f"at most {order.sample:,} of them with {plan.model}"),
        ("Writes", f"{plan.report} and Evidently's workspace {order.workspace}"),
        *(("Removes", str(path)) for path in plan.removed),
    )
    for name, text in lines:
        click.echo(f"{name:<8} {for_terminal(text)}")
    click.echo("Nothing was written (--dry-run)")
    return 0


async def _once(options: dict[str, Any]) -> int:
    start, end = _range(options)
    outcomes = _outcomes(options, period=end - start)
    with stop_on_signals() as stop:
        ended = await run_snapshot(
            _order(options, start, end).model_dump_json(),
            memory_limit=options["memory_limit"],
            stop=stop,
        )
    _record(ended, outcomes)
    if ended.summary:
        _say(ended.summary, as_json=options["as_json"])
    return ended.code


async def _stay(options: dict[str, Any]) -> int:
    every = options["every"]
    outcomes = _outcomes(options, period=every)
    async with AsyncExitStack() as stack:
        if options["port"] is not None:
            server = outcomes.server(load_settings().http_host, options["port"])
            await stack.enter_async_context(server)
            click.echo(f"metrics on port {server.port}", err=True)
        stop = stack.enter_context(stop_on_signals())
        due = datetime.now(UTC)
        while not stop.is_set():
            end, due = datetime.now(UTC), due + every
            ended = await run_snapshot(
                _order(options, end - (options["since"] or every), end).model_dump_json(),
                memory_limit=options["memory_limit"],
                stop=stop,
                time_limit=every.total_seconds(),
            )
            if not stop.is_set():
                _record(ended, outcomes)
                if ended.summary:
                    _say(ended.summary, as_json=options["as_json"])
            with suppress(TimeoutError):
                async with asyncio.timeout((due - datetime.now(UTC)).total_seconds()):
                    await stop.wait()
    return 0


def _order(options: dict[str, Any], start: datetime, end: datetime) -> Order:
    return Order(
        start=start,
        end=end,
        sample=options["sample"],
        keep=options["keep"],
        output=options["output"],
        workspace=options["workspace"] or options["output"] / "workspace",
    )


def _outcomes(options: dict[str, Any], period: timedelta) -> SnapshotOutcomes:
    return SnapshotOutcomes(
        period=period.total_seconds(), output=options["output"], textfile=options["textfile"]
    )


def _record(ended: Ended, outcomes: SnapshotOutcomes) -> None:
    if ended.reason:
        click.echo(f"Error: {for_terminal(ended.reason)}", err=True)
    if ended.summary:
        outcomes.success(ended.summary)
    else:
        outcomes.failure()


def _say(summary: SnapshotSummary, *, as_json: bool) -> None:
    if as_json:
        click.echo(summary.model_dump_json())
        return
    click.echo(for_terminal(summary.sentence))
    if summary.report:
        click.echo(for_terminal(str(summary.report)))
