"""`leadscore score`: a model on a file of leads, without Kafka."""

from __future__ import annotations

import csv
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import click
import orjson
from rich.console import Console
from rich.table import Table as ScreenTable
from rich.text import Text

from agents.offline import OfflineScorer
from features.reason_sentence import reason_sentence
from model.serving.predictor import open_predictor
from schemas.display import for_spreadsheet, for_terminal
from schemas.errors import InputError
from schemas.scored_event import scored_event
from stream.cli.file_leads import (
    ID,
    complain,
    id_option,
    load_model,
    model_option,
    read_content,
    read_leads,
    registry_option,
)
from stream.cli.options import encoding_option
from stream.cli.score_lake_options import check_without_out, lake_options, score_into_folder
from stream.process.exit_codes import exit_codes

__all__ = ["score"]

EXIT_SOME_BAD = 1
SHOWN_ROWS = 20


@click.command()
@click.argument(
    "files", metavar="FILE...", type=click.Path(allow_dash=True), nargs=-1, required=True
)
@model_option
@registry_option
@id_option
@encoding_option
@click.option(
    "--format",
    "shape",
    type=click.Choice(["auto", "table", "jsonl", "csv", "parquet"]),
    default="auto",
    show_default=True,
    help="auto: a table on a terminal, else JSON lines; with --out Parquet. csv is for"
    " spreadsheets: text that begins like a formula gets an apostrophe in front. Programs should"
    " read jsonl or parquet.",
)
@lake_options
def score(
    files: Sequence[str],
    model: str,
    registry: str,
    id_column: str,
    encoding: str | None,
    shape: str,
    **into: Any,
) -> None:
    """Score FILE, or standard input (-), without Kafka: CSV, Parquet, or events as JSON.

    The scores are those of the worker, to the bit.

    \b
      leadscore score leads.csv --model bank
      head -n 100 events.jsonl | leadscore score - --format csv

    With --out, data sets of any size: files, folders and globs of Parquet, CSV or JSON, with or
    without partitions (country=DE/…), and Delta tables, on a disk or in a store (s3://, gs://, …).
    One process per core writes files that are never replaced; killed at any moment, the same
    command continues where it was. See docs/lake.md.

    \b
      leadscore score lake/leads --model bank --out lake/scores
      leadscore score 's3://lake/leads/*.parquet' --out s3://lake/scores --dry-run
      leadscore score s3://lake/leads --out s3://lake/scores --shard 2/4

    Exit codes: 0 every lead has a score, 1 some lines or rows are no leads (standard error says
    which and why; with --out the folder _rejected, and 1 only above --max-rejected), 2 the file, an
    option or the model is unusable. With --out also: 3 a store can't be reached, a file has changed
    since the plan was made, or a process has ended; 4 the account does not add up; 130 stopped: the
    same command continues.
    """  # noqa: D301
    with exit_codes():
        if into["out"] is not None:
            code = score_into_folder(
                files,
                partial(load_model, registry, model),
                into,
                model=model,
                id_column=id_column,
                encoding=encoding,
                shape=shape,
            )
            raise SystemExit(code)
        check_without_out(into)
        if len(files) > 1 or shape == "parquet":
            raise InputError("several files, and Parquet files, need --out: name a folder")
        file = Path(files[0])
        if "://" in files[0] or file.is_dir():
            raise InputError(f"{files[0]} is a folder or a URL: name one for the scores with --out")
        bundle = load_model(registry, model)
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
