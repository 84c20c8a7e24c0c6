"""`leadscore sink`: write scores or leads to a target outside of Kafka."""

from __future__ import annotations

import os

import click

from stream.process.exit_codes import exit_codes
from stream.sinks.kinds import KINDS

__all__ = ["sink"]


@click.command()
@click.argument("kind", type=click.Choice(KINDS), metavar=f"[{'|'.join(KINDS)}]")
@click.option("--to", metavar="WHERE", help="Folder, file, URL, CRM; overrides LEADSCORE_SINK_TO.")
@click.option(
    "--content",
    type=click.Choice(["scores", "leads"]),
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
def sink(
    kind: str,
    to: str | None,
    content: str | None,
    name: str | None,
    http_port: int | None,
    dry_run: bool,
) -> None:
    """Write scored events, or the leads themselves, to a target outside of Kafka.

    \b
      leadscore sink jsonl --to /var/lib/leadscore/scores
      leadscore sink jsonl --to /backup/leads --content leads
      leadscore sink delta --to /lake/scores
      leadscore sink sql --to postgresql://leadscore@db/crm
      leadscore sink sql --to sqlite:///scores.db --dry-run
      leadscore sink webhook --to https://crm.example.com/hooks/scores
      leadscore sink webhook --to targets.toml
      leadscore sink crm --to hubspot

    It runs until SIGTERM or Ctrl-C, as a worker of a consumer group of its own. A record that the
    target refuses becomes a dead letter in the topic leads.sinks.dlq. While the target is away the
    sink waits, and its lag grows; workers that score do not notice. Start it several times to share
    the partitions. What each kind guarantees, and its settings (LEADSCORE_SINK_...): docs/sinks.md.

    Exit codes: 0 stopped cleanly, 1 crashed (what was not committed is written again), 3 not
    started (the message says what is missing), 128 + signal stopped at once.
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
    if dry_run:
        _print_plan()
        return
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
