"""`leadscore score` and `leadscore explain`: a model on a file of leads, without Kafka."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import click
import numpy as np
import orjson
from numpy.typing import NDArray
from rich.console import Console
from rich.table import Table as ScreenTable
from rich.text import Text

from agents.offline import Explanation, OfflineScorer
from features.contract import conform
from features.json_file import JsonLead
from features.matrix import Columns
from features.reason_sentence import reason_sentence
from features.remarks import differs, remark_on
from features.spec import CREATED_AT, FeatureSpec
from features.table import Table, find_json, parse_table, read_file
from model.bundle import Bundle, BundleError, load_bundle
from model.registry import Registry
from model.serving.predictor import open_predictor
from schemas.decode import LeadDecoder
from schemas.display import for_spreadsheet, for_terminal
from schemas.errors import ErrorCode, InputError, InvalidEventError
from schemas.fields import FieldKind
from schemas.plausible_times import PlausibleTimes
from schemas.scored_event import scored_event
from schemas.store import SchemaStore
from stream.cli.found_fields import check_found
from stream.cli.options import encoding_option
from stream.process.exit_codes import exit_codes
from stream.process.model_trial import Trials
from stream.settings import load_settings

__all__ = ["explain", "score"]

ID = "lead_id"
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


@dataclass(frozen=True, slots=True)
class _Leads:
    """Leads that were read, and errors of the lines that were not."""

    ids: list[str]
    columns: Columns
    wrong: list[str]


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
        leads = _read(file, bundle, id_column, encoding)
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
    _complain(leads)
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
        leads = _read(file, bundle, id_column, encoding)
        _complain(leads)
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


def _read(file: Path, bundle: Bundle, id_column: str, encoding: str | None) -> _Leads:
    if str(file) == "-":
        content, source = sys.stdin.buffer.read(), "standard input"
    else:
        content, source = read_file(file), str(file)
    if (leads := find_json(content, source, encoding)) is not None:
        return _of_json(leads, source, bundle)
    return _of_table(parse_table(content, source, encoding), bundle, id_column)


def _of_table(table: Table, bundle: Bundle, id_column: str) -> _Leads:
    for remark in table.remarks:
        _say(remark)
    spec = bundle.metadata.spec
    kinds, readings = spec.kinds, spec.file_readings
    ids = _ids(table, id_column)
    table = table.with_fields_of(spec.file_names)
    check_found(bundle.metadata, {*kinds} & {*table.names}, table.source, "column", _say)
    known = conform(table, bundle.metadata.contract, readings=readings)
    columns = known.columns_for(kinds, readings)
    verdicts: dict[int, InvalidEventError] = {}
    for name, decision in known.decisions(kinds, readings).items():
        if differs(decision.reading, readings[name]):
            said = remark_on(decision, options=False) or "read as plain numbers or times"
            _say(f"column {known.originals[name]!r}: {said}, other than in the training data")
        verdict = InvalidEventError(
            ErrorCode.TYPE, f"column {known.originals[name]!r}: expected a {kinds[name]}"
        )
        verdicts |= dict.fromkeys(known.misfits(name, decision), verdict)
    created = columns.get(CREATED_AT)
    created_at = created if isinstance(created, np.ndarray) else None
    verdicts |= _plausible(spec).verdicts(columns, _now(table.rows), created_at)
    wrong = [f"row {row + 1}: {error.code}: {error}" for row, error in sorted(verdicts.items())]
    kept = [row for row in range(table.rows) if row not in verdicts]
    return _Leads([ids[row] for row in kept], _rows_of(columns, kept), wrong)


def _ids(table: Table, column: str) -> list[str]:
    """Return the leads' ids; the number of the row where there is none.

    The column is looked up by the file's names: a model's field may have the same name.
    """
    if column == ID and ID not in table.names:
        return [f"row-{row}" for row in range(1, table.rows + 1)]
    name = table.find(column, "--id")
    found = table.columns_for({name: FieldKind.TEXT})[name]
    return [str(value or f"row-{row}") for row, value in enumerate(found, 1)]


def _rows_of(columns: Columns, rows: list[int]) -> Columns:
    return {
        name: values[rows] if isinstance(values, np.ndarray) else [values[row] for row in rows]
        for name, values in columns.items()
    }


def _of_json(leads: list[JsonLead], source: str, bundle: Bundle) -> _Leads:
    spec = bundle.metadata.spec
    decoder = LeadDecoder(SchemaStore.load(), spec.kinds, readings=spec.readings, names=spec.names)
    decoded = decoder.decode([lead.text.encode() for lead in leads])
    if decoded.lead_ids:
        check_found(bundle.metadata, _found_in(decoded.columns), source, "key", _say)
    decoded = decoded.without(
        _plausible(spec).verdicts(decoded.columns, _now(len(decoded.lead_ids)), decoded.created_at)
    )
    wrong = [f"line {leads[i].line}: {error.code}: {error}" for i, error in decoded.errors]
    return _Leads([lead_id.decode() for lead_id in decoded.lead_ids], decoded.columns, wrong)


def _found_in(columns: Columns) -> set[str]:
    """Return the fields of which some lead has a value."""
    return {
        name
        for name, values in columns.items()
        if (
            not np.isnan(values).all()
            if isinstance(values, np.ndarray)
            else any(value is not None for value in values)
        )
    }


def _plausible(spec: FeatureSpec) -> PlausibleTimes:
    settings = load_settings()
    return PlausibleTimes(spec.readings, settings.earliest_ms, settings.times_ahead_ms)


def _now(n: int) -> NDArray[np.int64]:
    return np.full(n, time.time_ns() // 1_000_000)


def _say(sentence: str) -> None:
    click.echo(for_terminal(sentence), err=True)


def _complain(leads: _Leads) -> None:
    for wrong in leads.wrong:
        click.echo(for_terminal(wrong), err=True)


def _position(leads: _Leads, lead: str | None) -> int:
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
