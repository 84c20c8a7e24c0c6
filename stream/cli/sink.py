"""`leadscore sink`: write scores or leads to a target outside Kafka."""

from __future__ import annotations

import os
from datetime import datetime
from typing import get_args

import click

from stream.cli.options import PAST
from stream.process.exit_codes import exit_codes
from stream.sinks.kinds import KINDS
from stream.sinks.reading import Content

__all__ = ["sink"]


@click.command()
@click.argument("kind", type=click.Choice(KINDS), metavar=f"[{'|'.join(KINDS)}]")
@click.option("--to", metavar="WHERE", help="Folder, file, URL, CRM; overrides LEADSCORE_SINK_TO.")
@click.option(
    "--content",
    type=click.Choice(get_args(Content)),
    help="What is written; overrides LEADSCORE_SINK_CONTENT.  [default: scores]",
)
@click.option(
    "--name",
    help="Name of the sink; overrides LEADSCORE_SINK_NAME.  [default: KIND-CONTENT]",
)
@click.option(
    "--http-port",
    type=click.IntRange(0, 65535),
    help="Port of health and metrics; overrides LEADSCORE_HTTP_PORT.",
)
@click.option(
    "--dry-run",
    is_flag=True,
    help="Print what would be created at the target and end; connects to nothing.",
)
@click.option(
    "--redrive",
    "is_redrive",
    is_flag=True,
    help="Write the sink's dead letters to the target again, and end.",
)
@click.option(
    "--since", type=PAST, help="With --redrive: only letters since this time: 6h, 7d, a date."
)
def sink(
    kind: str,
    to: str | None,
    content: str | None,
    name: str | None,
    http_port: int | None,
    dry_run: bool,
    is_redrive: bool,
    since: datetime | None,
) -> None:
    """Write scored events, leads or overdue leads to a target outside Kafka.

    \b
      leadscore sink jsonl --to /var/lib/leadscore/scores
      leadscore sink jsonl --to /backup/leads --content leads
      leadscore sink delta --to /lake/scores
      leadscore sink sql --to postgresql://leadscore@db/crm
      leadscore sink sql --to sqlite:///scores.db --dry-run
      leadscore sink webhook --to https://crm.example.com/hooks/scores
      leadscore sink webhook --to targets.toml
      leadscore sink webhook --to targets.toml --content overdue
      leadscore sink crm --to hubspot
      leadscore sink sql --to postgresql://leadscore@db/crm --redrive --since 1d

    It runs until SIGTERM or Ctrl-C, as a worker of a consumer group of its own. While the target is
    unavailable the sink waits, and its lag grows; workers that score do not notice. Start it
    several times to share the partitions. What each kind guarantees, and its settings
    (LEADSCORE_SINK_...): docs/sinks.md.

    A record that the target refuses becomes a dead letter in the topic leads.sinks.dlq. Once the
    target is fixed, --redrive writes the dead letters of this sink, up to where the topic ends now.

    Exit codes: 0 stopped cleanly, or the target has all dead letters, 1 crashed (what was not
    committed is written again), 2 an option is invalid, 3 not started (the message says what is
    missing), 4 some dead letters remain, 130 a re-drive was stopped, 128 + signal stopped at once.
    """  # noqa: D301
    given = {
        "ROLE": "sink",
        "SINK": kind,
        "SINK_TO": to,
        "SINK_CONTENT": content,
        "SINK_NAME": name,
        "HTTP_PORT": None if http_port is None else str(http_port),
    }
    os.environ.update({f"LEADSCORE_{key}": value for key, value in given.items() if value})
    if since and not is_redrive:
        raise click.UsageError("--since belongs to --redrive: add that")
    if dry_run:
        _print_plan()
        return
    if is_redrive:
        from stream.cli.sink_redrive import redrive

        raise SystemExit(redrive(since))
    from stream.app import run

    run()


def _print_plan() -> None:
    from stream.settings import load_settings
    from stream.sinks.kinds import make_sink

    with exit_codes():
        settings = load_settings()
        plan = make_sink(settings).plan()
        click.echo(f"-- reads {settings.sink_topic} as group {settings.sink_group}")
        click.echo(plan)
