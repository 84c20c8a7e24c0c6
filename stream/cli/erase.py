"""`leadscore erase`: tombstones for leads, and a list of what ages out where and when."""

from __future__ import annotations

import asyncio
import logging
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import click

from schemas.display import counted
from schemas.errors import InputError
from stream.cli.confirmation import confirm
from stream.cli.erase_display import erasure_lines, print_erasure
from stream.cli.output import print_json, search_status
from stream.erasure.erasure import Erasure, plan_erasure
from stream.erasure.sink_rows import databases_of, delete_rows
from stream.erasure.tombstones import write_tombstones
from stream.process.exit_codes import exit_codes
from stream.process.lead_keys import keyed_hash
from stream.settings import Settings, load_settings

__all__ = ["erase"]

EXIT_REST = 1
STANDARD_INPUT = "-"


@click.command()
@click.argument("lead_ids", nargs=-1, metavar="[LEAD_ID]...")
@click.option(
    "--file",
    type=click.Path(path_type=Path, allow_dash=True),
    help="File with one id a line; - for standard input.",
)
@click.option(
    "--sql",
    multiple=True,
    metavar="URL",
    help="Database that `leadscore sink sql` writes to: the leads' rows are deleted.",
)
@click.option("--dry-run", is_flag=True, help="Show what would be done; write nothing.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@click.option("--json", "as_json", is_flag=True, help="Print NDJSON: a line for each record.")
def erase(
    lead_ids: Sequence[str],
    file: Path | None,
    sql: Sequence[str],
    dry_run: bool,
    yes: bool,
    as_json: bool,
) -> None:
    """Erase leads, as far as Kafka allows, and list what remains until when.

    \b
      leadscore erase L-17 --dry-run
      leadscore erase --file erased.txt --yes --json > erasure.jsonl
      leadscore erase L-17 --sql postgresql://leadscore@db/crm

    Reads the topics that hold records of single leads to their ends, and finds those with the
    leads' keys. A topic that is compacted gets a tombstone for each lead; so do ended replays whose
    plan names one. Records of other topics are not removed one by one: the list says when retention
    removes them, by the topic's configuration as the broker has it, and what to do where nothing
    does, and which files of the archive (LEADSCORE_ARCHIVE) and stores of the role outcomes
    (LEADSCORE_OUTCOME_STORE) hold a lead. From databases of the sink
    `sql` (--sql, and LEADSCORE_SINK_TO if LEADSCORE_SINK=sql) the leads' rows are deleted.
    docs/privacy.md says what else holds data of leads.

    The output names no lead but by its place among those that were given, and by its keyed hash if
    LEADSCORE_LOG_ID_KEY is set: keep it as the record of the erasure. It may be run again at any
    time, also after a kill: tombstones that are there are not written again.

    Exit codes: 0 done, 1 something stays until you act (the list says what to do), not confirmed,
    or Kafka or a database failed, 2 an option is invalid, 3 Kafka, a topic, a database's table or a
    right is missing, 130 stopped: run it again.
    """  # noqa: D301
    with exit_codes():
        ids = _ids(lead_ids, file)
        logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # each failed connection
        settings = load_settings()
        now_ms = round(time.time() * 1000)
        databases = databases_of(settings, sql)
        with search_status("reading") as progress:
            found = asyncio.run(plan_erasure(settings, ids, now_ms, progress, databases))
        if not dry_run:
            _confirm(found, yes)
            asyncio.run(write_tombstones(settings, found.tombstones))
            if found.rows:
                delete_rows(databases, ids)
    hashes = _hashes(settings, ids)
    if as_json:
        for line in erasure_lines(found, hashes, now_ms, is_dry_run=dry_run):
            print_json(line)
    else:
        print_erasure(found, hashes, is_dry_run=dry_run)
    raise SystemExit(EXIT_REST if found.has_rest else 0)


def _ids(given: Sequence[str], file: Path | None) -> list[str]:
    ids = [*given]
    if file is not None:
        is_input = str(file) == STANDARD_INPUT
        text = sys.stdin.buffer.read() if is_input else file.read_bytes()
        try:
            # Not splitlines: it also splits at characters that an id may have, such as U+2028.
            ids += [line.removesuffix("\r") for line in text.decode("utf-8-sig").split("\n")]
        except UnicodeDecodeError:
            raise InputError(
                f"expected ids in UTF-8 in {file}, one a line: convert the file"
            ) from None
    ids = [lead_id for lead_id in dict.fromkeys(ids) if lead_id]
    if not ids:
        raise InputError("expected at least one lead's id, as an argument or in --file")
    return ids


def _confirm(found: Erasure, yes: bool) -> None:
    questions = []
    if found.tombstones:
        questions.append(
            f"Write {counted(len(found.tombstones), 'tombstone')} for"
            f" {counted(found.leads, 'lead')}? Compaction then removes their records."
        )
    if rows := sum(held.rows for held in found.rows):
        questions.append(
            f"Delete {counted(rows, 'row')} of {counted(found.leads, 'lead')} from databases?"
        )
    if questions:
        confirm(" ".join(questions), is_given=yes)


def _hashes(settings: Settings, ids: Sequence[str]) -> list[str | None]:
    secret = settings.log_id_key
    if secret is None:
        return [None] * len(ids)
    return [keyed_hash(secret.get_secret_value(), lead_id.encode()) for lead_id in ids]
