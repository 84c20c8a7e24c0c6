"""`leadscore score` and `leadscore explain`: a model on a file of leads, without Kafka."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table as ScreenTable
from rich.text import Text

from agents.offline import Explanation, FileLeads, OfflineScorer
from features.reason_sentence import reason_sentence
from model.bundle import Bundle, BundleError, load_bundle
from model.registry import Registry
from model.serving.predictor import open_predictor
from schemas.display import for_spreadsheet, for_terminal
from schemas.errors import InputError
from schemas.scored_event import scored_event
from stream.cli.file_leads import ID, complain, read_content, read_leads
from stream.cli.options import encoding_option
from stream.process.exit_codes import exit_codes
from stream.process.model_trial import Trials

__all__ = ["explain", "score"]

EXIT_SOME_BAD = 1
SHOWN_ROWS = 20
BAR = 12
WIDTH_IN_A_PIPE = 100_000
"""More than any row has: nothing is cut off."""

file_argument = click.argument("file", type=click.Path(path_type=Path, allow_dash=True))
model_option = click.option(
    "--model",
    envvar="LEADSCORE_MODEL",
    default="leads",
    show_default=True,
    help="name, name@alias, name/version, or a bundle's folder.",
)
registry_option = click.option(
    "--registry",
    envvar="LEADSCORE_REGISTRY",
    default="models",
    show_default=True,
    help="Where the models are.",
)
id_option = click.option(
    "--id",
    "id_column",
    metavar="COLUMN",
    default=ID,
    show_default=True,
    help="Column of the leads' ids.",
)


@click.command()
@file_argument
@model_option
@registry_option
@id_option
@encoding_option
@click.option(
    "--format",
    "shape",
    type=click.Choice(["auto", "table", "jsonl", "csv"]),
    default="auto",
    show_default=True,
    help="auto: a table on a terminal, else JSON lines. csv is for spreadsheets: text that begins"
    " like a formula gets an apostrophe in front. Programs should read jsonl.",
)
def score(
    file: Path, model: str, registry: str, id_column: str, encoding: str | None, shape: str
) -> None:
    """Score FILE, or standard input (-), without Kafka: CSV, Parquet, or events as JSON.

    The scores are those of the worker, to the bit.

    \b
      leadscore score leads.csv --model bank
      head -n 100 events.jsonl | leadscore score - --format csv

    Exit codes: 0 every lead has a score, 1 some lines or rows are no leads (standard error says
    which and why), 2 the file, an option or the model is unusable.
    """  # noqa: D301
    with exit_codes():
        bundle = _load(registry, model)
        leads = read_leads(*read_content(file), bundle, id_column, encoding)
        scorer = OfflineScorer(bundle, open_predictor(bundle))
        rows = (
            {ID: lead_id, **row}
            for lead_id, row in zip(
                leads.ids, scorer.score(leads.columns, len(leads.ids)), strict=True
            )
        )
        if shape == "auto":
            shape = "table" if sys.stdout.isatty() else "jsonl"
        WRITERS[shape](rows)
    complain(leads.wrong)
    raise SystemExit(EXIT_SOME_BAD if leads.wrong else 0)


@click.command()
@file_argument
@model_option
@registry_option
@id_option
@encoding_option
@click.option("--lead", metavar="ID", help="Lead to explain; default: the first.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def explain(
    file: Path,
    model: str,
    registry: str,
    id_column: str,
    encoding: str | None,
    lead: str | None,
    as_json: bool,
) -> None:
    """Show why a lead of FILE, or of standard input (-), gets its score.

    Lists what each field adds to the logit, strongest first, and below a field that is a date or a
    text what its aspects (hour, weekday; length, keyword) add to that, in brackets. The base, the
    fields and the calibration add up to the logit of the score: score = 1 / (1 + exp(-logit)).

    Exit codes: 0, or 2 when the file, an option or the model is unusable.
    """
    with exit_codes():
        bundle = _load(registry, model)
        leads = read_leads(*read_content(file), bundle, id_column, encoding)
        complain(leads.wrong)
        at = _position(leads, lead)
        columns = {name: values[at : at + 1] for name, values in leads.columns.items()}
        explanation = OfflineScorer(bundle, open_predictor(bundle)).explain(columns)
    if as_json:
        click.echo(_as_json(leads.ids[at], explanation))
    else:
        _show(leads.ids[at], explanation, f"{bundle.name}/{bundle.version}")


def _load(registry: str, model: str) -> Bundle:
    try:
        return load_bundle(Registry(registry).resolve(model), Trials())
    except BundleError as error:
        raise InputError(str(error)) from None


def _position(leads: FileLeads, lead: str | None) -> int:
    if not leads.ids:
        raise InputError("expected at least one lead, there is none: " + "; ".join(leads.wrong))
    if lead is None:
        return 0
    if lead not in leads.ids:
        raise InputError(f"there is no lead {lead!r}: name another, or its column with --id")
    return leads.ids.index(lead)


def _write_json_lines(rows: Iterable[dict[str, Any]]) -> None:
    out = sys.stdout.buffer
    for row in rows:
        out.write(orjson.dumps(row, option=orjson.OPT_APPEND_NEWLINE))
    out.flush()


def _write_csv(rows: Iterable[dict[str, Any]]) -> None:
    names = [ID, *scored_event().names_of_scores]
    writer = csv.DictWriter(sys.stdout, names)
    writer.writeheader()
    writer.writerows(
        {
            name: for_spreadsheet(cell) if isinstance(cell, str) else cell
            for name, cell in {**row, "reasons": reason_sentence(row["reasons"])}.items()
        }
        for row in rows
    )


def _write_table(rows: Iterator[dict[str, Any]]) -> None:
    table = ScreenTable(box=None, pad_edge=False, expand=True)
    for name, width in ((ID, 16), ("score", 6), ("category", 8)):
        table.add_column(
            name, justify="right" if name == "score" else "left", no_wrap=True, min_width=width
        )
    table.add_column("because", overflow="ellipsis", no_wrap=True, ratio=1)
    count = 0
    for count, row in enumerate(rows, 1):
        if count <= SHOWN_ROWS:
            table.add_row(
                Text(for_terminal(row[ID])),
                f"{row['score']:.4f}",
                row["category"],
                Text(for_terminal(reason_sentence(row["reasons"]))),
            )
    console = Console()
    console.print(table)
    if count > SHOWN_ROWS:
        console.print(
            f"and {count - SHOWN_ROWS:,} more: --format jsonl or csv gives them all",
            highlight=False,
        )


WRITERS: dict[str, Callable[[Iterator[dict[str, Any]]], None]] = {
    "jsonl": _write_json_lines,
    "csv": _write_csv,
    "table": _write_table,
}


def _as_json(lead_id: str, explanation: Explanation) -> str:
    return orjson.dumps(
        {
            ID: lead_id,
            "score": explanation.score,
            "logit": explanation.logit,
            "base": explanation.base,
            "contributions": [
                {
                    "feature": field.name,
                    "value": field.value,
                    "contribution": field.contribution,
                    "aspects": [asdict(aspect) for aspect in field.aspects],
                }
                for field in explanation.fields
            ],
            "calibration": {
                "slope": explanation.slope,
                "intercept": explanation.intercept,
                "contribution": explanation.calibration,
            },
        }
    ).decode()


def _show(lead_id: str, explanation: Explanation, model: str) -> None:
    largest = max((abs(field.contribution) for field in explanation.fields), default=0.0) or 1.0
    table = ScreenTable(box=None, pad_edge=False)
    table.add_column("field", overflow="fold")
    table.add_column("value", overflow="fold")
    table.add_column("adds to logit", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_row("(base)", "", f"{explanation.base:+.3f}")
    for field in explanation.fields:
        bar = "█" * max(
            round(abs(field.contribution) / largest * BAR), int(field.contribution != 0)
        )
        style = "green" if field.contribution > 0 else "red"
        shown = Text(for_terminal(field.name)), Text(for_terminal(field.value))
        table.add_row(*shown, f"{field.contribution:+.3f}", Text(bar, style))
        for aspect in field.aspects:
            if aspect.contribution:
                part = Text(f"  {aspect.aspect}"), Text(for_terminal(aspect.value))
                table.add_row(*part, f"({aspect.contribution:+.3f})", style="dim")
    table.add_row("(calibration)", "", f"{explanation.calibration:+.3f}")
    table.add_row("logit", "", f"{explanation.logit:+.3f}")
    in_terminal = click.get_text_stream("stdout").isatty()
    console = Console(width=None if in_terminal else WIDTH_IN_A_PIPE)
    said = f" scores {explanation.score:.4f} by {for_terminal(model)}"
    console.print(Text.assemble((for_terminal(lead_id), "bold"), said))
    console.print(table)
