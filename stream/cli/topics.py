"""`leadscore topics`: create, check and list the topics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

import click
from rich.table import Table

from schemas.errors import InputError
from stream.cli.options import DURATION, RATE
from stream.cli.output import console, print_json
from stream.cli.retention_estimate import ask_retention, estimate
from stream.kafka.access import uses_of
from stream.kafka.requests import DescribedTopic
from stream.kafka.topic_admin import create_topics, listed_topics, planned, verify_topics
from stream.kafka.topic_catalog import TOPICS, Topic, topics_of
from stream.process.exit_codes import exit_codes
from stream.settings import load_settings

__all__ = ["topics"]

WIDE, IN_A_PIPE = 160, 300
"""Characters: least width for all details, and the width in a pipe."""
DETAILS: Mapping[str, Callable[[Topic], str]] = {
    "key": lambda topic: topic.key,
    "value": lambda topic: topic.value,
    "cleanup": lambda topic: topic.configs["cleanup.policy"],
    "purpose": lambda topic: topic.purpose,
}


AS_JSON = click.option("--json", "as_json", is_flag=True, help="Print NDJSON: a line for each.")


@click.group()
def topics() -> None:
    """Create, check and list the topics.

    \b
      leadscore topics create --partitions 8 --retention 30d
      leadscore topics list --json

    Their names and Kafka's address come from the environment: see docs/settings.md.
    """  # noqa: D301


@topics.command()
@click.option(
    "--partitions",
    type=click.IntRange(1),
    help="Partitions of the source and of the topics that match it.  [default: the source's, or 4]",
)
@click.option(
    "--replication-factor",
    type=click.IntRange(1),
    help="Replication factor of new topics.  [default: the brokers']",
)
@click.option(
    "--retention",
    type=DURATION,
    metavar="SPAN",
    help="How long a new leads topic keeps leads, such as 30d: a replay can go back so far."
    "  [default: asked for on a terminal, else 7d]",
)
@click.option(
    "--rate", type=RATE, default="10/s", show_default=True, help="Leads a second, for the estimate."
)
@click.option(
    "--mean-size",
    type=click.IntRange(1),
    default=500,
    show_default=True,
    metavar="BYTES",
    help="Mean size of a lead with key and headers, as stored, for the estimate.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be created, and create nothing.")
@AS_JSON
def create(
    partitions: int | None,
    replication_factor: int | None,
    retention: timedelta | None,
    rate: float,
    mean_size: int,
    *,
    dry_run: bool,
    as_json: bool,
) -> None:
    """Create the missing topics.

    \b
      leadscore topics create
      leadscore topics create --retention 30d --rate 50/s --mean-size 400

    Existing topics are not changed. The leads topic keeps leads for --retention: it limits how long
    workers may be down, and how far back a replay can go. The disk that this takes is shown, at
    --rate and --mean-size.

    Exit codes: 0 all topics exist, 2 an option is invalid, 3 a topic has another number of
    partitions, or Kafka can't be reached or refuses.
    """  # noqa: D301
    with exit_codes():
        settings = load_settings()
        found = asyncio.run(listed_topics(settings))
        if not found[settings.leads_created].partitions:
            retention = retention or ask_retention(rate, mean_size, asks=not as_json)
            click.echo(estimate(retention, rate, mean_size, replication_factor), err=True)
        elif retention is not None:
            raise InputError(
                f"--retention is for a new topic, but {settings.leads_created} exists: change its"
                " retention.ms with `kafka-configs.sh --alter`"
            )
        if dry_run:
            made = planned(settings, found, partitions)
        else:
            made = asyncio.run(
                create_topics(settings, partitions, replication_factor or -1, retention)
            )
    for topic in made:
        if as_json:
            print_json(topic._asdict())
        else:
            click.echo(f"{topic.state:<8} {topic.name} ({_partitions(topic.partitions)})")


@topics.command()
@AS_JSON
def check(*, as_json: bool) -> None:
    """Check the topics and rights of a worker.

    \b
      leadscore topics check

    Exit codes: 0 all of them are right, 3 some are not (the message says which and what to do).
    """  # noqa: D301
    with exit_codes():
        settings = load_settings()
        asyncio.run(verify_topics(settings))
    names = [topic.name(settings) for topic in topics_of(uses_of(settings))]
    if as_json:
        for name in names:
            print_json({"name": name, "state": "ok"})
        return
    click.echo(f"OK: all required topics and rights exist: {', '.join(names)}")


@topics.command(name="list")
@AS_JSON
def list_topics(*, as_json: bool) -> None:
    """List the topics with their partitions and purpose.

    \b
      leadscore topics list
      leadscore topics list --json | jq -r 'select(.state == "missing").name'

    A terminal that is wide enough, a pipe and docs/topics.md also have keys, values and cleanup.

    Exit codes: 0 listed, 3 Kafka can't be reached.
    """  # noqa: D301
    with exit_codes():
        settings = load_settings()
        found = asyncio.run(listed_topics(settings))
    if as_json:
        for topic in TOPICS:
            declared = {name: detail(topic) for name, detail in DETAILS.items()}
            print_json(_described(topic.name(settings), found) | declared)
        return
    screen = console(IN_A_PIPE)
    details = DETAILS if screen.width >= WIDE else {"purpose": DETAILS["purpose"]}
    table = Table(box=None)
    table.add_column("topic", no_wrap=True)  # to be copied
    for name in ("partitions", *details):
        table.add_column(name)
    for topic in TOPICS:
        name = topic.name(settings)
        row = [detail(topic) for detail in details.values()]
        table.add_row(name, _state(found[name]), *row)
    screen.print(table)


def _described(name: str, found: Mapping[str, DescribedTopic]) -> dict[str, Any]:
    state = _state(found[name])
    return {
        "name": name,
        "partitions": found[name].partitions,
        "state": "exists" if found[name].partitions else state,
    }


def _state(found: DescribedTopic) -> str:
    if found.operations == frozenset():
        return "no right"
    return str(found.partitions or "missing")


def _partitions(count: int) -> str:
    return "1 partition" if count == 1 else f"{count} partitions"
