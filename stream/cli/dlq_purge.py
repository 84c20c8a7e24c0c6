"""`leadscore dlq purge`: delete dead letters up to a time."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Mapping
from datetime import datetime

import click
from rich.console import Console

from agents.records import SourceRecord
from schemas.display import for_terminal
from stream.cli.confirmation import confirm
from stream.cli.dlq_options import json_option
from stream.cli.options import PAST
from stream.cli.output import print_json
from stream.dead_letters.dead_letter_log import DeadLetterLog, Span
from stream.dead_letters.letter import DeadLetter
from stream.dead_letters.purge import delete_letters
from stream.fetch.raw_records import UnreadableRecord
from stream.kafka.access import Use
from stream.process.exit_codes import exit_codes
from stream.settings import load_settings

__all__ = ["purge"]

FOREIGN, UNREADABLE = "of another program", "unreadable"


@click.command()
@click.option(
    "--until", type=PAST, help="Only letters before this time, or this long ago.  [default: all]"
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--dry-run", is_flag=True, help="Count the letters; delete nothing.")
@json_option
def purge(until: datetime | None, yes: bool, dry_run: bool, as_json: bool) -> None:
    """Delete dead letters for good, all or those before a time.

    \b
      leadscore dlq purge --until 30d --dry-run
      leadscore dlq purge --until 30d --yes

    Kafka deletes the beginning of a partition, so letters can't be selected by code. A topic that
    is compacted only gets a tombstone for each key instead.

    Exit codes: 0 deleted, 1 failed or not confirmed, 2 an option is invalid, 3 Kafka, the topic or
    a right is missing.
    """  # noqa: D301
    with exit_codes():
        settings = load_settings()
        log = DeadLetterLog(settings)
        until_ms = None if until is None else round(until.timestamp() * 1000)
        spans = asyncio.run(log.spans(Use.PURGE, until_ms=until_ms))
        found = asyncio.run(_count(log, spans))
        if not dry_run:
            confirm(
                f"Delete {found.total():,} dead letters of {log.topic}? They can't be restored.",
                is_given=yes,
            )
            asyncio.run(delete_letters(settings, log, spans))
    if as_json:
        record = {"letters": found.total(), "codes": dict(found), "is_dry_run": dry_run}
        print_json(record)
        return
    verb = "would be deleted" if dry_run else "deleted"
    listed = ", ".join(f"{count:,} {code}" for code, count in sorted(found.items()))
    click.echo(
        for_terminal(
            f"{found.total():,} dead letters of {log.topic} {verb}"
            + (f" ({listed})" if listed else "")
        )
    )


async def _count(log: DeadLetterLog, spans: Mapping[int, Span]) -> Counter[str]:
    found: Counter[str] = Counter()
    total = sum(span.end - span.start for span in spans.values())
    console = Console(stderr=True)
    with console.status("") as status:
        async for record in log.read_all(spans):
            found[_kind(record)] += 1
            if console.is_terminal and found.total() % 1000 == 0:
                status.update(f"{found.total():,} of {total:,} dead letters read")
    return found


def _kind(record: SourceRecord) -> str:
    """Return the error code of a letter, or what kind of other record it is."""
    if isinstance(record, UnreadableRecord):
        return UNREADABLE
    letter = DeadLetter.from_record(record)
    return FOREIGN if letter is None else letter.code
