"""`leadscore retrain`: retrain the model on leads with outcomes, and judge the candidate."""

from __future__ import annotations

import asyncio
from datetime import datetime
from typing import Any

import click
from rich.console import Console

from agents.retraining.approval import stage_of
from model.registry import Registry
from model.rollout_plan import RolloutPlan, RolloutStep
from schemas.display import for_terminal
from stream.cli.models_canary import STEPS
from stream.cli.options import MOMENT
from stream.cli.output import print_json, print_records
from stream.cli.retrain_approval import Approval, approve_candidate
from stream.cli.retrain_display import account_json, print_account, print_retrainings
from stream.cli.retrain_run import RunOptions, operator, requested, run_plan, start, tried
from stream.process.exit_codes import exit_codes
from stream.retraining.plan import RetrainRecord
from stream.retraining.plan_log import RetrainLog
from stream.settings import Settings, load_settings

__all__ = ["retrain"]

WHY = click.option("--why", default="", metavar="TEXT", help="The reason, for the records.")
AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print NDJSON.")
AUTO = click.option(
    "--auto/--approve",
    "is_auto",
    default=None,
    help="Make a candidate that passes the canary once the verdict on the shadow says that it is"
    " better, or wait for an approval.  [default: LEADSCORE_RETRAIN_AUTO]",
)


@click.group()
def retrain() -> None:
    """Retrain the model on leads with outcomes, and evaluate the candidate.

    \b
      leadscore retrain run --dry-run
      leadscore retrain run
      leadscore retrain request --why "new price list"
      leadscore retrain list
      leadscore retrain approve 20260531-093000-1f2e

    A candidate learns from leads as they were when they were scored, and from outcomes that are
    known by now. It is compared with the model in production on the latest leads; only a better one
    becomes the shadow, and after an approval the canary. `leadscore worker --role trainer` retrains
    automatically when a trigger fires: see docs/retraining.md.
    """  # noqa: D301


@retrain.command()
@click.option("--id", "retrain_id", metavar="ID", help="Continue the retraining with this id.")
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
    right or the model is missing, 130 stopped: continue with --id.
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
    """Show the plan, the account and the candidate of a retraining.

    \b
      leadscore retrain show 20260531-093000-1f2e

    Exit codes: 0 shown, 2 there is no such retraining, 3 Kafka or the topic is missing.
    """  # noqa: D301
    with exit_codes():
        settings = load_settings()
        record = asyncio.run(RetrainLog(settings).find(retrain_id))
        stage = _stage(settings, record)
    if as_json:
        print_json({**_line(record), "stage": stage or None})
    else:
        print_account(record.plan, record.account, stage)


def _stage(settings: Settings, record: RetrainRecord) -> str:
    """Return where a candidate that passed is on its way; empty for other retrainings."""
    account, model = record.account, record.plan.model
    if account is None or account.version is None or account.outcome != "passed":
        return ""
    registry = Registry(settings.registry)
    return stage_of(registry.aliases_now(model), registry.history(model), account.version)


@retrain.command()
@click.argument("retrain_id", metavar="ID")
@STEPS
@click.option(
    "--force", is_flag=True, help="Approve it without a verdict on the shadow, or against it."
)
@WHY
@click.option(
    "--dry-run", is_flag=True, help="Check everything, say what would be; change nothing."
)
@AS_JSON
def approve(
    retrain_id: str,
    steps: tuple[RolloutStep, ...] | None,
    *,
    force: bool,
    why: str,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Make the candidate of a retraining the canary.

    \b
      leadscore retrain approve 20260531-093000-1f2e --dry-run
      leadscore retrain approve 20260531-093000-1f2e --why "better in shadow"

    Look at `leadscore models verdict` first. The verdict is read again: a candidate that is worse,
    or can't score leads that production scores, is refused, one that is not known to be better is
    not. The role rollout (`leadscore worker --role rollout`) steps the canary into production, or
    removes it if it does harm.

    Exit codes: 0 it is the canary (with --dry-run: it could be), 1 the verdict is against it, there
    is none, or somebody else changed an alias at the same time, 2 there is no such retraining, it
    was rejected, its candidate is not the shadow any more, or another canary is under way, 3 Kafka
    or a topic is missing.
    """  # noqa: D301
    with exit_codes():
        settings = load_settings()
        record = asyncio.run(RetrainLog(settings).find(retrain_id))
        found = approve_candidate(
            settings,
            record,
            by=operator(settings),
            why=why,
            steps=steps,
            ignores_verdict=force,
            is_dry_run=dry_run,
        )
    if as_json:
        print_json(_approval_json(found, is_dry_run=dry_run))
        return
    if found.verdict is not None:
        click.echo(for_terminal(found.verdict.sentence))
    plan, verb = RolloutPlan(salt="a", steps=found.steps), "would be" if dry_run else "is"
    click.echo(for_terminal(f"{found.model}/{found.version} {verb} the canary: {plan.summary}."))


def _approval_json(found: Approval, *, is_dry_run: bool) -> dict[str, Any]:
    verdict = found.verdict
    return {
        "model": found.model,
        "version": found.version,
        "decision": None if verdict is None else str(verdict.decision),
        "verdict": None if verdict is None else verdict.sentence,
        "steps": [step.model_dump() for step in found.steps],
        "is_dry_run": is_dry_run,
        "number": None if found.entry is None else found.entry.number,
    }
