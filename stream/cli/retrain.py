"""`leadscore retrain`: retrain the model on leads with outcomes, and judge the candidate."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import click
from rich.console import Console

from schemas.display import for_terminal
from stream.cli.options import MOMENT
from stream.cli.output import print_json, print_records
from stream.cli.retrain_display import account_json, print_account, print_retrainings
from stream.cli.retrain_run import RunOptions, requested, run_plan, start, tried
from stream.process.exit_codes import exit_codes
from stream.retraining.plan import RetrainRecord
from stream.retraining.plan_log import RetrainLog
from stream.settings import load_settings

__all__ = ["retrain"]

WHY = click.option("--why", default="", metavar="TEXT", help="The reason, for the records.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print NDJSON.")
AUTO = click.option(
    "--auto/--approve",
    "is_auto",
    default=None,
    help="Put a candidate that passes into production, or wait for an approval.  [default:"
    " LEADSCORE_RETRAIN_AUTO]",
)


@click.group()
def retrain() -> None:
    """Retrain the model on leads with outcomes, and judge the candidate.

    \b
      leadscore retrain run --dry-run
      leadscore retrain run
      leadscore retrain request --why "new price list"
      leadscore retrain list

    A candidate learns from leads as they were when they were scored, and from outcomes that are
    known by now. It is compared with the model in production on the latest leads; only a better one
    becomes the shadow. `leadscore worker --role trainer` does this by itself when something
    triggers it: see docs/retraining.md.
    """  # noqa: D301


@retrain.command()
@click.option("--id", "retrain_id", metavar="ID", help="Go on with the retraining of this id.")
@click.option(
    "--cut",
    type=MOMENT,
    help="Use nothing that happened or became known later.  [default: now]",
)
@AUTO
@WHY
@click.option(
    "--dry-run", is_flag=True, help="Make the data set, say what is in it, and write nothing."
)
@AS_JSON
def run(
    retrain_id: str | None,
    cut: datetime | None,
    *,
    is_auto: bool | None,
    why: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Retrain now, in this process.

    \b
      leadscore retrain run --dry-run
      leadscore retrain run --why "new price list"
      leadscore retrain run --id 20260531-093000-1f2e

    A plan with fixed offsets is written to leads.retrains first; with --id it is executed (again).

    Exit codes: 0 the candidate passed the gate (with --dry-run: the data suffice), 1 it was
    rejected, or it failed, 2 an option is invalid, or the data do not suffice, 3 Kafka, a topic, a
    right or the model is missing, 130 stopped: go on with --id.
    """  # noqa: D301
    with exit_codes():
        settings = load_settings()
        options = RunOptions(
            retrain_id=retrain_id,
            cut_ms=None if cut is None else round(cut.timestamp() * 1000),
            is_auto=is_auto,
            why=why,
        )
        if dry_run:
            plan, data = asyncio.run(tried(settings, options))
            _print_trial(plan.production, data, as_json=as_json)
            return
        plan = asyncio.run(start(settings, options))
        with Console(stderr=True).status("reading outcomes") as status:
            account = asyncio.run(run_plan(settings, plan, status.update))
    if as_json:
        print_json(account_json(plan, account))
    else:
        print_account(plan, account)
    raise SystemExit({"passed": 0, "refused": 2}.get(account.outcome, 1))


def _print_trial(production: str, data: Any, *, as_json: bool) -> None:
    if as_json:
        print_json(
            {
                "event": "dry_run",
                "production": production,
                "rows": data.rows,
                "positives": data.positives,
                "sha256": data.sha256,
                "warnings": list(data.warnings),
                **data.counts.as_dict(),
            }
        )
        return
    counts = data.counts
    click.echo(f"{data.rows:,} leads, {data.positives:,} of them converted; nothing was written")
    click.echo(
        f"of {counts.records:,} records {counts.immature:,} are too young, {counts.too_old:,} too"
        f" old, {counts.superseded:,} superseded by another record of the lead"
    )
    for warning in data.warnings:
        click.echo(for_terminal(warning))


@retrain.command()
@AUTO
@WHY
@click.option("--dry-run", is_flag=True, help="Say what would be asked for; write nothing.")
@AS_JSON
def request(*, is_auto: bool | None, why: str, dry_run: bool, as_json: bool) -> None:
    """Ask a worker of the role trainer to retrain.

    \b
      leadscore retrain request --why "new price list"

    Exit codes: 0 asked, 3 Kafka, the topic or a right is missing.
    """  # noqa: D301
    with exit_codes():
        settings = load_settings()
        asked = asyncio.run(requested(settings, why, is_auto=is_auto, dry_run=dry_run))
    if as_json:
        print_json({"retrain_id": asked.request_id, "is_dry_run": dry_run})
        return
    said = "would ask for" if dry_run else "asked for"
    click.echo(f"{said} retraining {asked.request_id}")
    if not dry_run:
        click.echo(f"see `leadscore retrain show {asked.request_id}` once a trainer has planned it")


@retrain.command(name="list")
@AS_JSON
def list_retrainings(as_json: bool) -> None:
    """List the retrainings, the oldest first.

    \b
      leadscore retrain list

    Exit codes: 0 listed, 3 Kafka or the topic is missing.
    """  # noqa: D301
    with exit_codes():
        found = asyncio.run(RetrainLog(load_settings()).records())
    print_records([*found.values()], _line, print_retrainings, as_json=as_json)


def _line(record: RetrainRecord) -> dict[str, Any]:
    return {"state": record.state, **account_json(record.plan, record.account)}


@retrain.command()
@click.argument("retrain_id", metavar="ID")
@AS_JSON
def show(retrain_id: str, as_json: bool) -> None:
    """Show the plan of a retraining, and its account if it has ended.

    \b
      leadscore retrain show 20260531-093000-1f2e

    Exit codes: 0 shown, 2 there is no such retraining, 3 Kafka or the topic is missing.
    """  # noqa: D301
    with exit_codes():
        record = asyncio.run(RetrainLog(load_settings()).find(retrain_id))
    if as_json:
        print_json(_line(record))
    else:
        print_account(record.plan, record.account)
