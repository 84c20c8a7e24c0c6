"""`leadscore diff`: what a candidate model would change, over past leads."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
import numpy as np
from rich.console import Console

from agents.comparison.report import Comparison
from agents.offline import FileLeads
from features.table_file import parse_table, read_table
from schemas.display import for_terminal
from schemas.errors import InputError
from stream.cli.diff_screen import show_comparison
from stream.cli.file_leads import ID, complain, read_content, read_leads, say
from stream.cli.options import DURATION, MOMENT, encoding_option
from stream.cli.output import print_json
from stream.comparison.file_leads import FileSource, JoinedOutcomes, compare_file, wanted_by_id
from stream.comparison.live_scores import LiveScores, by_lead_id, read_live
from stream.comparison.models import load_model
from stream.comparison.outcomes import OutcomeColumn
from stream.comparison.page import write_page
from stream.comparison.request import LIVE, OutcomeFile, Request, TopicOutcomes
from stream.comparison.topic_leads import Progress, compare_topic
from stream.comparison.topic_outcomes import join_outcomes, notes_on, read_outcomes
from stream.process.exit_codes import exit_codes
from stream.settings import Settings, load_settings
from stream.snapshot.record_sample import TimeRange

__all__ = ["diff"]

WEEK = timedelta(days=7)
OUTCOME = "outcome"
"""Column of a file of outcomes."""


@click.command()
@click.argument("before")
@click.argument("after")
@click.argument("file", type=click.Path(path_type=Path, allow_dash=True), required=False)
@click.option(
    "--since", type=DURATION, help="Length of the topic's range until now.  [default: 7d]"
)
@click.option("--from", "start", type=MOMENT, help="Start of the range, in Kafka timestamps.")
@click.option("--to", "end", type=MOMENT, help="End of the range.  [default: now]")
@click.option(
    "--sample",
    type=click.IntRange(min=1),
    default=50_000,
    show_default=True,
    help="Maximum number of leads to score: a random sample. Memory grows with it, not with the"
    " range.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Seed of the sample.")
@click.option(
    "--by",
    "fields",
    metavar="FIELD",
    multiple=True,
    help="Compare by the values of this field; may be repeated. Default: the three fields of AFTER"
    " that the change depends on most.",
)
@click.option(
    "--movers",
    type=click.IntRange(min=0, max=1000),
    default=10,
    show_default=True,
    help="Number of leads to show whose score changes most.",
)
@click.option("--show-ids", "has_ids", is_flag=True, help="Show the ids of these leads.")
@click.option("--target", metavar="COLUMN", help="Column of outcomes, in FILE or in --outcomes.")
@click.option("--positive", metavar="VALUE", multiple=True, help="Value that is success.")
@click.option("--negative", metavar="VALUE", multiple=True, help="Value that is failure.")
@click.option(
    "--outcomes",
    type=click.Path(path_type=Path, dir_okay=False),
    help="File of outcomes: a column of lead ids (--id) and one of outcomes (--target, default:"
    " outcome).",
)
@click.option(
    "--with-outcomes",
    is_flag=True,
    help="Use the outcomes in the topic of outcomes, as `leadscore quality` counts them.",
)
@click.option(
    "--id", "id_column", metavar="COLUMN", default=ID, show_default=True, help="Lead ids."
)
@encoding_option
@click.option(
    "--registry",
    envvar="LEADSCORE_REGISTRY",
    default="models",
    show_default=True,
    help="Where the models are.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the comparison as NDJSON: one line.")
@click.option(
    "--html",
    "page",
    type=click.Path(path_type=Path, dir_okay=False),
    help="Write a page with plots to this file; it needs no network.",
)
def diff(**options: Any) -> None:
    """Show what would change if model AFTER scored the leads instead of BEFORE.

    \b
      leadscore diff live bank/2 --since 7d --html diff.html
      leadscore diff bank@production bank/2 --from 2026-05-01 --to 2026-06-01
      leadscore diff bank/1 bank/2 leads.csv --target won --by industry
      leadscore diff live bank/2 --from 2026-03-01 --with-outcomes

    BEFORE and AFTER are models (name, name@alias, name/version, or a bundle's folder); BEFORE may
    be `live`: the scores that workers have written to the topic of scored leads. The leads are
    those of the topic in a range of time, or those of FILE (- is standard input). Nothing is
    written to Kafka, and no consumer group is joined.

    It shows the shift of the scores, the leads that change their band, how many leads each band
    would have a day, the leads that change most with the reasons of both scores, and the same by
    field. Where outcomes are known, also AUC, lift and calibration of both, with 95 % intervals
    from a paired bootstrap.

    Exit codes: 0 compared, 1 no lead has both scores (or Kafka stopped answering), 2 a file, an
    option or a model is unusable, 3 Kafka or a topic is missing, 130 stopped.
    """  # noqa: D301
    with exit_codes():
        _check(options)
        comparison = _compare(options)
        if options["page"]:
            write_page(options["page"], comparison)
    if options["as_json"]:
        print_json(comparison.as_dict())
    else:
        show_comparison(comparison)
    if options["page"]:
        say(f"page written to {options['page']}")


def _check(options: dict[str, Any]) -> None:
    has_range = options["since"] or options["start"] or options["end"]
    if options["since"] and (options["start"] or options["end"]):
        raise InputError("--since and --from or --to exclude each other: give one of them")
    if options["end"] and not options["start"]:
        raise InputError("--to needs the start of the range: give --from too")
    if options["start"] and options["end"] and options["start"] >= options["end"]:
        raise InputError("--from must be before --to: swap them")
    if options["after"] == LIVE:
        raise InputError("AFTER is a model: give the live scores first, as in `diff live bank/2`")
    if options["file"] and has_range and options["before"] != LIVE:
        raise InputError("--since, --from and --to are of the topic: leave them out, or FILE")
    if options["with_outcomes"] and (options["target"] or options["outcomes"]):
        raise InputError(
            "--with-outcomes excludes --target and --outcomes: outcomes are in the topic or in a"
            " file"
        )
    if options["target"] and not (options["file"] or options["outcomes"]):
        raise InputError("--target names a column of FILE or of --outcomes: give one of them")


def _compare(options: dict[str, Any]) -> Comparison:
    request = _request(options)
    with _progress() as progress:
        if options["file"]:
            return _compare_file(options, request, progress)
        return asyncio.run(compare_topic(load_settings(), request, _range(options), progress))


def _request(options: dict[str, Any]) -> Request:
    before, registry = options["before"], options["registry"]
    return Request(
        before=None if before == LIVE else load_model(registry, before),
        after=load_model(registry, options["after"]),
        sample=options["sample"],
        movers=options["movers"],
        fields=options["fields"],
        has_ids=options["has_ids"],
        outcomes=_outcomes(options),
        seed=options["seed"],
    )


def _outcomes(options: dict[str, Any]) -> OutcomeFile | TopicOutcomes | None:
    if options["with_outcomes"]:
        return TopicOutcomes(round(time.time() * 1000))
    if not options["outcomes"]:
        return None
    table = read_table(options["outcomes"], options["encoding"])
    return OutcomeFile(table, _column(options, options["target"] or OUTCOME), options["id_column"])


def _column(options: dict[str, Any], target: str) -> OutcomeColumn:
    return OutcomeColumn(target, options["positive"], options["negative"])


def _compare_file(options: dict[str, Any], request: Request, progress: Progress) -> Comparison:
    content, name = read_content(options["file"])
    id_column, encoding = options["id_column"], options["encoding"]
    after = read_leads(content, name, request.after, id_column, encoding)
    complain(after.wrong)
    before = None
    if request.before is not None:
        before = read_leads(content, name, request.before, id_column, encoding)
    target = options["target"]
    source = FileSource(
        table=parse_table(content, name, encoding),
        target=_column(options, target) if target and not options["outcomes"] else None,
        before=before,
        after=after,
    )
    live = None
    if request.before is None:
        live = LiveScores(wanted_by_id(after), after.total, by_lead_id)
        settings = load_settings()
        asyncio.run(_read_live(settings, live, _range(options), progress))
    joined = None
    if isinstance(request.outcomes, TopicOutcomes):
        joined = asyncio.run(_read_outcomes(after, request.outcomes, progress))
    return compare_file(request, source, live, joined)


async def _read_outcomes(
    leads: FileLeads, asked: TopicOutcomes, progress: Progress
) -> JoinedOutcomes:
    settings = load_settings()
    topic, known = settings.leads_outcomes, leads.created_at[~np.isnan(leads.created_at)]
    since = float(known.min()) if len(known) else 0.0
    found = await read_outcomes(settings, since, lambda count: progress(topic, count))
    return JoinedOutcomes(
        lambda ids, times: join_outcomes(settings, found, ids, times, asked.now_ms),
        notes_on(settings, found),
    )


async def _read_live(
    settings: Settings, live: LiveScores, within: TimeRange, progress: Progress
) -> None:
    await read_live(settings, live, within, lambda count: progress(settings.leads_scored, count))


def _range(options: dict[str, Any]) -> TimeRange:
    end = options["end"] or datetime.now(UTC)
    start = options["start"] or end - (options["since"] or WEEK)
    return TimeRange(round(start.timestamp() * 1000), round(end.timestamp() * 1000))


@contextmanager
def _progress() -> Iterator[Progress]:
    """Show on standard error how far the reading is, on a terminal only."""
    console = Console(stderr=True)
    if not console.is_terminal:
        yield lambda _topic, _count: None
        return
    with console.status("loading …") as status:

        def show(topic: str, count: int) -> None:
            status.update(f"reading {for_terminal(topic)}: {count:,} records")

        yield show
