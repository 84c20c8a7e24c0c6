"""`leadscore sink --redrive`: write the dead letters of a sink to its target again."""

from __future__ import annotations

import asyncio
from datetime import datetime

import click
from rich.console import Console

from stream.dead_letters.sink_redrive import SinkAccount
from stream.dead_letters.sink_redriving import redrive_sink
from stream.process.exit_codes import EXIT_STOPPED, EXIT_UNBALANCED, exit_codes
from stream.settings import Settings, load_settings
from stream.simulator.connection import stop_on_signals

__all__ = ["redrive"]


def redrive(since: datetime | None) -> int:
    """Write the dead letters of the environment's sink, print the account, return the exit code.

    Parameters
    ----------
    since
        Only letters of this time or later; None: all.
    """
    with exit_codes():
        settings = load_settings()
        account = asyncio.run(_redrive(settings, since))
    _print(account, settings)
    if not account.is_complete:
        return EXIT_STOPPED
    return EXIT_UNBALANCED if account.remain else 0


async def _redrive(settings: Settings, since: datetime | None) -> SinkAccount:
    console = Console(stderr=True)
    with stop_on_signals() as stop, console.status("") as status:

        def on_progress(account: SinkAccount) -> None:
            if console.is_terminal:
                status.update(f"{account.read:,} letters read, {account.written:,} written")

        since_ms = None if since is None else round(since.timestamp() * 1000)
        return await redrive_sink(settings, since_ms=since_ms, stop=stop, on_progress=on_progress)


def _print(account: SinkAccount, settings: Settings) -> None:
    lines = [
        ("Read", f"{account.read:,} dead letters of {settings.leads_sinks_dlq}"),
        ("Others", f"{account.of_others:,} of other sinks"),
        ("Written", f"{account.written:,} by {settings.sink_label}"),
        ("Skipped", f"{account.skipped:,} by its filters"),
        *(("Refused", f"{count:,}: {reason}") for reason, count in account.refused.most_common()),
        *(("Unread", f"{count:,} {code}") for code, count in account.unreadable.most_common()),
    ]
    if account.left_out:
        lines.append(("Left out", f"{account.left_out:,} whose value was too large for the topic"))
    if not account.is_complete:
        lines.append(("Stopped", "before the end; run it again: repeats are harmless"))
    for name, text in lines:
        click.echo(f"{name:<9}{text}")
