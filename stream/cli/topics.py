"""`leadscore topics`: create, check and list the topics."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping

import click
from rich.console import Console
from rich.table import Table

from stream.kafka.access import uses_of
from stream.kafka.requests import DescribedTopic
from stream.kafka.topic_admin import create_topics, listed_topics, verify_topics
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


@click.group()
def topics() -> None:
    """Create, check and list the topics.

    Their names and Kafka's address come from the environment: see docs/settings.md.
    """


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
def create(partitions: int | None, replication_factor: int | None) -> None:
    """Create the missing topics.

    Existing topics are not changed. Exit code 3 if one of them has another number of partitions, or
    the broker can't be reached or refuses.
    """
    with exit_codes():
        made = asyncio.run(create_topics(load_settings(), partitions, replication_factor or -1))
    for topic in made:
        click.echo(f"{topic.state:<8} {topic.name} ({_partitions(topic.partitions)})")


@topics.command()
def check() -> None:
    """Check the topics and rights of a worker.

    Exit codes: 0 all of them are right, 3 some are not (the message says which and what to do).
    """
    with exit_codes():
        settings = load_settings()
        asyncio.run(verify_topics(settings))
    names = [topic.name(settings) for topic in topics_of(uses_of(settings))]
    click.echo(f"OK: all required topics and rights exist: {', '.join(names)}")


@topics.command(name="list")
def list_topics() -> None:
    """List the topics with their partitions and purpose.

    A terminal that is wide enough, a pipe and docs/topics.md also have keys, values and cleanup.
    """
    with exit_codes():
        settings = load_settings()
        found = asyncio.run(listed_topics(settings))
    console = Console(width=None if click.get_text_stream("stdout").isatty() else IN_A_PIPE)
    details = DETAILS if console.width >= WIDE else {"purpose": DETAILS["purpose"]}
    table = Table(box=None)
    table.add_column("topic", no_wrap=True)  # to be copied
    for name in ("partitions", *details):
        table.add_column(name)
    for topic in TOPICS:
        name = topic.name(settings)
        row = [detail(topic) for detail in details.values()]
        table.add_row(name, _state(found[name]), *row)
    console.print(table)


def _state(found: DescribedTopic) -> str:
    if found.operations == frozenset():
        return "no right"
    return str(found.partitions or "missing")


def _partitions(count: int) -> str:
    return "1 partition" if count == 1 else f"{count} partitions"
