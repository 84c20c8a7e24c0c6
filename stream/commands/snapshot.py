"""`leadscore snapshot`: an Evidently report of recent leads against the training's."""

from __future__ import annotations

import asyncio
import os
import resource
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from schemas.errors import FatalError, InputError, LeadScoreError
from stream.commands.exit_codes import exit_codes
from stream.commands.options import DURATION, MEMORY, MOMENT

if TYPE_CHECKING:
    from stream.snapshot_account import SnapshotAccount
    from stream.snapshot_summary import SnapshotSummary

__all__ = ["snapshot"]

FRUGAL = {
    "ARROW_DEFAULT_MEMORY_POOL": "system",
    "OMP_NUM_THREADS": "1",
    "OPENBLAS_NUM_THREADS": "1",
    "DO_NOT_TRACK": "1",
}
"""Arrow's own pool would reserve 1 GiB; threads would take processors from the workers; and
Evidently is not to tell anybody."""
HOUR = timedelta(hours=1)
NICENESS = 10
"""How far behind the workers a snapshot stands in the queue for the processors."""


@click.command()
@click.option(
    "--since", type=DURATION, help="The leads of so long until now.  [default: --every, else 1h]"
)
@click.option("--from", "start", type=MOMENT, help="The leads from then on, in Kafka's time.")
@click.option("--to", "end", type=MOMENT, help="Up to then.  [default: now]")
@click.option("--every", type=DURATION, help="Stay, and take a snapshot each period.")
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    default=10_000,
    show_default=True,
    help="Leads to compare at most, uniformly drawn from the range.",
)
@click.option(
    "--keep",
    type=click.IntRange(min=1),
    default=48,
    show_default=True,
    help="How many snapshots to keep.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path, file_okay=False),
    default="reports",
    show_default=True,
    help="Where they go.",
)
@click.option(
    "--workspace",
    type=click.Path(path_type=Path, file_okay=False),
    help="Of Evidently, for `evidently ui`.  [default: workspace in --output]",
)
@click.option(
    "--textfile",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write the job's metrics there, for node_exporter's textfile collector.",
)
@click.option(
    "--port",
    type=click.IntRange(0, 65535),
    help="With --every: show the job's metrics on this port; 0 takes a free one.",
)
@click.option(
    "--memory-limit",
    type=MEMORY,
    default="2GiB",
    show_default=True,
    help="That a snapshot may take.",
)
@click.option("--json", "as_json", is_flag=True, help="Say what it comes to as JSON.")
def snapshot(**options: Any) -> None:
    """Write an Evidently report: recent leads against those that the model was trained on.

    \b
      leadscore snapshot --since 1h
      leadscore snapshot --from 2026-05-01 --to 2026-06-01 --sample 50000
      leadscore snapshot --every 1h --port 9101
      evidently ui --workspace reports/workspace

    Reads the leads by their time stamps without joining the workers' group, scores a sample of them
    with the model that serves, and writes report.html, report.json and summary.json. What counts as
    drift is what the alerts say: see docs/drift.md. Other settings are environment variables.

    Exit codes: 0 written (or there was no lead to compare), 1 it failed, 2 an option is unusable, 3
    Kafka, the topic or the model is missing, or another snapshot is being written, 130 stopped.
    """  # noqa: D301
    with exit_codes():
        _check(options)
        if options["every"]:
            asyncio.run(_stay(options))
        else:
            _once(options)


def _check(options: dict[str, Any]) -> None:
    if options["since"] and (options["start"] or options["end"]):
        raise InputError("--since and --from or --to exclude each other: give one of them")
    if options["end"] and not options["start"]:
        raise InputError("--to needs the beginning of the range: give --from too")
    if options["every"] and options["start"]:
        raise InputError("--every takes the leads until now: give --since, not --from and --to")
    if options["port"] is not None and not options["every"]:
        raise InputError("--port is of a job that stays: give --every too, or --textfile")
    if options["start"] and options["end"] and options["start"] >= options["end"]:
        raise InputError("--from must be before --to: exchange them")


def _once(options: dict[str, Any]) -> None:
    limit = options["memory_limit"]
    os.environ.update({name: value for name, value in FRUGAL.items() if name not in os.environ})
    os.nice(NICENESS)
    resource.setrlimit(resource.RLIMIT_DATA, (limit, limit))
    end = options["end"] or datetime.now(UTC)
    start = options["start"] or end - (options["since"] or HOUR)
    with _bounded(limit):
        account = _account(options, period=end - start)
        try:
            summary = _take(options, start, end)
        except (LeadScoreError, MemoryError):
            account.failure()
            raise
        account.success(summary)
    if options["as_json"]:
        click.echo(summary.model_dump_json())
    else:
        click.echo(summary.sentence + (f"\n{summary.report}" if summary.report else ""))


def _take(options: dict[str, Any], start: datetime, end: datetime) -> SnapshotSummary:
    # Not above: numpy, Arrow and the rest read their variables when they are imported.
    from stream.settings import load_settings
    from stream.snapshot import Order, take_snapshot

    order = Order(
        start=start,
        end=end,
        sample=options["sample"],
        keep=options["keep"],
        output=options["output"],
        workspace=_workspace(options),
    )
    return asyncio.run(take_snapshot(load_settings(), order))


async def _stay(options: dict[str, Any]) -> None:
    from stream.crm.producer import stop_on_signals
    from stream.settings import load_settings
    from stream.snapshot_schedule import SNAPSHOT, take_snapshots

    settings = load_settings()
    account = _account(options, period=options["every"])
    since = options["since"] or options["every"]
    command = [
        *SNAPSHOT,
        *("--since", f"{since.total_seconds():g}s"),
        *("--sample", str(options["sample"])),
        *("--keep", str(options["keep"])),
        *("--output", str(options["output"])),
        *("--workspace", str(_workspace(options))),
        *("--memory-limit", f"{options['memory_limit'] / 2**20:g}MiB"),
    ]

    def success(summary: SnapshotSummary) -> None:
        account.success(summary)
        click.echo(summary.sentence)

    with ExitStack() as stack:
        if options["port"] is not None:
            port = stack.enter_context(account.shown(settings.http_host, options["port"]))
            click.echo(f"metrics on port {port}")
        stop = stack.enter_context(stop_on_signals())
        await take_snapshots(
            command,
            every=options["every"].total_seconds(),
            stop=stop,
            on_success=success,
            on_failure=account.failure,
        )


def _account(options: dict[str, Any], period: timedelta) -> SnapshotAccount:
    from stream.snapshot_account import SnapshotAccount

    return SnapshotAccount(
        period=period.total_seconds(), output=options["output"], textfile=options["textfile"]
    )


def _workspace(options: dict[str, Any]) -> Path:
    workspace: Path = options["workspace"] or options["output"] / "workspace"
    return workspace


@contextmanager
def _bounded(limit: int) -> Iterator[None]:
    try:
        yield
    except MemoryError:
        raise FatalError(
            f"expected a snapshot to fit into {limit / 2**20:,.0f} MiB, it does not: take a smaller"
            " --sample, or raise --memory-limit"
        ) from None
