"""`leadscore dlq redrive`: send dead letters to the source topic again, each exactly once."""

from __future__ import annotations

import asyncio
from typing import Any

import click
from rich.console import Console

from schemas.display import for_terminal
from schemas.errors import InputError
from stream.cli.dlq_options import json_option, selected, selection_options
from stream.cli.output import print_json
from stream.dead_letters.account import Account
from stream.dead_letters.dead_letter_log import DeadLetterLog
from stream.dead_letters.ledger import Plan
from stream.dead_letters.redriving import plan_redrive, try_plan
from stream.dead_letters.redriving import redrive as run_redrive
from stream.process.exit_codes import EXIT_STOPPED, EXIT_UNBALANCED, exit_codes
from stream.settings import Settings, load_settings
from stream.simulator.connection import stop_on_signals

__all__ = ["redrive"]

READS_UNCOMMITTED = (
    "note: if this is killed, workers with LEADSCORE_ISOLATION_LEVEL=read_uncommitted may score up"
    " to 2,000 leads twice; with read_committed they do not (docs/dead-letters.md)"
)


@click.command()
@selection_options
@click.option("--limit", type=click.IntRange(1), help="Maximum number of letters to send.")
@click.option(
    "--max-attempts",
    type=click.IntRange(1),
    help="Letters with this many attempts stay.  [default: LEADSCORE_MAX_ATTEMPTS]",
)
@click.option("--again", "is_again", is_flag=True, help="Also letters that were sent before.")
@click.option("--dry-run", is_flag=True, help="Count what would be sent; send nothing.")
@click.option("--resume", metavar="ID", help="Continue a re-drive that was stopped or killed.")
@json_option
def redrive(
    limit: int | None,
    max_attempts: int | None,
    is_again: bool,
    dry_run: bool,
    resume: str | None,
    as_json: bool,
    **options: Any,
) -> None:
    """Send dead letters to the source topic again, each exactly once.

    \b
      leadscore dlq redrive --code TYPE --dry-run
      leadscore dlq redrive --code TYPE --since 1d
      leadscore dlq redrive --resume 20260531T093000-1f2e3d

    Key, value, time stamp and headers are those of the lead's record, without headers of
    replication, tracing and errors. The ends of the topic are fixed at the start. A letter that was
    sent before is not sent again, whichever re-drive sent it; a lead that fails again becomes a new
    letter with one more attempt.

    Exit codes: 0 all letters are accounted for, 1 failed, 2 an option is invalid, 3 Kafka, a topic
    or a right is missing, 4 letters expired before they were read, 130 stopped: resume it.
    """  # noqa: D301
    with exit_codes():
        wanted = selected(options)
        is_resumed = resume is not None  # also by an empty id, as of a variable that is not set
        if is_resumed and (
            dry_run or is_again or limit or max_attempts or wanted != type(wanted)()
        ):
            raise InputError(
                "--resume continues by the plan that was written at the start: give it alone"
            )
        settings = load_settings()
        log = DeadLetterLog(settings)
        if resume is not None:
            code = asyncio.run(_redrive(settings, log, resume, as_json))
        else:
            plan = asyncio.run(
                plan_redrive(
                    settings,
                    log,
                    wanted,
                    limit=limit,
                    max_attempts=max_attempts,
                    is_again=is_again,
                )
            )
            _warn_of_attempts(plan, settings)
            if dry_run:
                account = asyncio.run(try_plan(settings, plan, log))
                _print(account, settings, None, as_json)
                code = 0
            else:
                code = asyncio.run(_redrive(settings, log, plan, as_json))
    raise SystemExit(code)


async def _redrive(settings: Settings, log: DeadLetterLog, plan: Plan | str, as_json: bool) -> int:
    redrive_id = plan if isinstance(plan, str) else plan.redrive
    if redrive_id is not plan:
        click.echo(
            f"re-drive {redrive_id}; if it is stopped: leadscore dlq redrive --resume {redrive_id}",
            err=True,
        )
    if settings.isolation_level != "read_committed":
        click.echo(READS_UNCOMMITTED, err=True)
    console = Console(stderr=True)
    with stop_on_signals() as stop, console.status("") as status:

        def on_progress(account: Account) -> None:
            if console.is_terminal:
                status.update(f"{account.read:,} letters read, {account.sent:,} sent")

        account = await run_redrive(settings, log, plan, stop=stop, on_progress=on_progress)
    _print(account, settings, redrive_id, as_json)
    if not account.is_complete:
        return EXIT_STOPPED
    return 0 if account.is_balanced else EXIT_UNBALANCED


def _print(account: Account, settings: Settings, redrive_id: str | None, as_json: bool) -> None:
    """Print an account; without an id it is that of a dry run."""
    if as_json:
        record = {
            "redrive": redrive_id,
            "is_dry_run": redrive_id is None,
            "is_complete": account.is_complete,
            "read": account.read,
            "sent": account.sent,
            "left": {str(reason): count for reason, count in sorted(account.left.items())},
            "expired": account.expired,
            "outlived": account.outlived,
        }
        print_json(record)
        _warn_outlived(account, settings, is_dry_run=redrive_id is None)
        return
    lines = [
        ("Read", f"{account.read:,} dead letters of {settings.leads_created_dlq}"),
        (
            "To send" if redrive_id is None else "Sent",
            f"{account.sent:,} to {settings.leads_created}",
        ),
        *(
            ("Left", f"{count:,} {reason.replace('_', ' ')}")
            for reason, count in sorted(account.left.items())
        ),
    ]
    if account.expired:
        lines.append(("Expired", f"{account.expired:,} offsets before they were read"))
    if not account.is_complete:
        lines.append(("Stopped", f"before the end: leadscore dlq redrive --resume {redrive_id}"))
    for name, text in lines:
        click.echo(f"{name:<8} {for_terminal(text)}")
    if redrive_id is None:
        click.echo("Nothing was sent")
    _warn_outlived(account, settings, is_dry_run=redrive_id is None)


def _warn_of_attempts(plan: Plan, settings: Settings) -> None:
    """Warn on standard error of leads that workers refuse for their attempts."""
    if plan.max_attempts > settings.max_attempts:
        click.echo(
            f"warning: workers with LEADSCORE_MAX_ATTEMPTS={settings.max_attempts} score no lead"
            f" that was processed {settings.max_attempts} times or more: it comes back with the"
            " code ATTEMPTS. Raise the setting of the workers first",
            err=True,
        )


def _warn_outlived(account: Account, settings: Settings, *, is_dry_run: bool) -> None:
    """Warn on standard error of leads that Kafka removes as soon as it looks at their age."""
    if account.outlived:
        verb = "would be sent with" if is_dry_run else "were sent with"
        click.echo(
            f"warning: {account.outlived:,} leads {verb} a time stamp that is older than the"
            f" retention of {settings.leads_created}: Kafka removes them within minutes, unless"
            " its retention.ms is raised: run the workers meanwhile (docs/dead-letters.md)",
            err=True,
        )
