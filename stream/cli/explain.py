"""`leadscore explain`: why a lead has its score, from a worker or in a file."""

from __future__ import annotations

import asyncio
import logging
import os.path
from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from schemas.display import for_terminal
from schemas.errors import InputError
from stream.cli.explain_file import explain_lead_of_file
from stream.cli.explain_lines import change_line, explanation_line, score_line
from stream.cli.explain_screen import show_explanation, show_history
from stream.cli.file_leads import id_option, model_option, registry_option, say
from stream.cli.options import DURATION, encoding_option
from stream.cli.output import print_json, search_status
from stream.explanation.explaining import ExplainedScore, explain_score, history_of
from stream.explanation.lead_records import open_records
from stream.explanation.outcome import NoScore, NoScoreError
from stream.explanation.subject import LeadId, Subject, parse_subject
from stream.process.exit_codes import EXIT_UNBALANCED, exit_codes
from stream.replay.plan import isolated_topic
from stream.replay.ranges import AtTime, Point, parse_point
from stream.settings import Settings, load_settings

__all__ = ["explain"]

WEEK = timedelta(days=7)
STANDARD_INPUT = "-"
TABLES = (".csv", ".tsv", ".txt", ".json", ".jsonl", ".ndjson", ".parquet", ".gz")
"""Ends of names that are of a file, whether it exists or not."""
OF_FILES = {"model": "--model", "id_column": "--id", "encoding": "--encoding"}
OF_THE_RECORD = {"start": "--from", "end": "--to", "last": "--last", "history": "--history"}


@click.command()
@click.argument("what", metavar="[LEAD_ID|TOPIC/PARTITION/OFFSET|FILE]", required=False)
@click.option("--lead", metavar="ID", help="Lead to explain; of a FILE, default: the first.")
@click.option("--history", is_flag=True, help="Show all scores of the lead, and what changed.")
@click.option("--from", "start", metavar="POINT", help="Search scored events from here on.")
@click.option("--to", "end", metavar="POINT", help="Search scored events up to here.")
@click.option("--last", type=DURATION, help="Instead of --from: the time until now.  [default: 7d]")
@model_option
@registry_option
@id_option
@encoding_option
@click.option("--json", "as_json", is_flag=True, help="Print NDJSON: a line for each record.")
@click.pass_context
def explain(ctx: click.Context, /, what: str | None, **options: Any) -> None:
    """Show why a lead has its score.

    \b
      leadscore explain L-17
      leadscore explain L-17 --history --last 30d
      leadscore explain leads.created/2/4711 --json
      leadscore explain leads.csv --lead L-17 --model bank@production

    A score that a worker gave: finds the newest scored event of the lead, its record, and in
    the registry the model that scored it, and computes the score again with the worker's own
    steps. It shows whether the score is the same to the bit, the exact Shapley value of each
    field beside the reasons that were emitted, and the typical values of the training leads.
    TOPIC/PARTITION/OFFSET is a record in the topic of leads, of scored leads, of the shadow's
    scores, of a replay's (leads.rescored.ID) or of dead letters. POINT is as for `leadscore
    replay start`. With --history, the difference of two scores is split in log odds: fields of
    the lead, the time of its creation, the model; the parts add up to it.

    A lead of a file: the argument names an existing file, or is - for standard input. Lists what
    each field adds to the logit. --lead alone always means a lead that a worker scored.

    Exit codes: 0 explained, 1 Kafka stopped answering, 2 a file, an option or the model is
    unusable, 3 Kafka, a topic or a right is missing, 4 the score that is computed again differs
    from the emitted one, 5 the lead is not found, 6 it became a dead letter, 7 retention has
    removed its record, 8 it has no score in the range, 130 stopped.
    """  # noqa: D301
    with exit_codes():
        if what is not None and _is_file(what):
            _refuse(
                ctx, OF_THE_RECORD, "are of a score that a worker gave: leave them out, or FILE"
            )
            names = ("lead", "model", "registry", "id_column", "encoding", "as_json")
            explain_lead_of_file(Path(what), **{name: options[name] for name in names})
            return
        _refuse(ctx, OF_FILES, "is of a file of leads: a scored event names its model and its lead")
        code = _explain_on_record(what, options)
    raise SystemExit(code)


def _is_file(what: str) -> bool:
    return what == STANDARD_INPUT or what.lower().endswith(TABLES) or os.path.isfile(what)


def _refuse(ctx: click.Context, names: Mapping[str, str], why: str) -> None:
    given = [
        option
        for name, option in names.items()
        if ctx.get_parameter_source(name) is ParameterSource.COMMANDLINE
    ]
    if given:
        raise InputError(f"{', '.join(given)} {why}")


def _explain_on_record(what: str | None, options: Mapping[str, Any]) -> int:
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # it logs each failed connection
    settings = load_settings(registry=options["registry"])
    subject = _subject(what, options["lead"], settings)
    show = _show_history if options["history"] else _show_newest
    try:
        return asyncio.run(show(settings, subject, *_range(options), as_json=options["as_json"]))
    except NoScoreError as error:
        failure = click.ClickException(for_terminal(str(error)))
        failure.exit_code = error.reason
        raise failure from None


def _subject(what: str | None, lead: str | None, settings: Settings) -> Subject:
    if what is None and lead is None:
        raise InputError("expected a lead's id, a place such as leads.created/2/4711, or a file")
    if what is None:
        return LeadId(str(lead))
    if lead is not None:
        raise InputError(
            f"--lead is of a file, and there is no file {what!r}: leave out one of the two"
        )
    topics = (
        *(settings.leads_created, settings.leads_scored, settings.leads_created_dlq),
        settings.leads_scored_shadow,
    )
    return parse_subject(what, topics, isolated_topic(settings, ""))


def _range(options: Mapping[str, Any]) -> tuple[Point, Point]:
    if options["start"] and options["last"]:
        raise InputError("--from and --last exclude each other: give one of them")
    now = datetime.now(UTC)
    end = parse_point(options["end"] or "end", now)
    if options["start"]:
        return parse_point(options["start"], now), end
    first = now - (options["last"] or WEEK)
    return AtTime(round(first.timestamp() * 1000)), end


async def _show_newest(
    settings: Settings, subject: Subject, start: Point, end: Point, *, as_json: bool
) -> int:
    with search_status("searching") as progress:
        records = await open_records(settings, subject, start, end, progress)
        found = await explain_score(settings, records, subject)
    if as_json:
        print_json(explanation_line(found))
    else:
        show_explanation(found)
    return _code(found)


async def _show_history(
    settings: Settings, subject: Subject, start: Point, end: Point, *, as_json: bool
) -> int:
    with search_status("searching") as progress:
        records = await open_records(settings, subject, start, end, progress)
        scores, changes = await history_of(settings, records, subject)
    if as_json:
        for i, score in enumerate(scores):
            if i:
                print_json(change_line(changes[i - 1]))
            print_json(score_line(score))
    else:
        show_history(scores, changes)
    wrong = [each for each in scores if each.recomputed and not each.is_reproduced]
    return EXIT_UNBALANCED if wrong else 0


def _code(found: ExplainedScore) -> int:
    if found.recomputed is None:
        why = (
            "retention has removed it"
            if found.source.is_expired
            else "it is not there any more, or it can't be read"
        )
        say(
            f"expected the lead's record {found.emission.source}, but {why}: only what was emitted"
            " can be shown"
        )
        return NoScore.EXPIRED
    return 0 if found.is_reproduced else EXIT_UNBALANCED
