"""Leads of a file, read as a model needs them, for `leadscore score`, `explain` and `diff`."""

from __future__ import annotations

import sys
import time
from collections.abc import Iterable
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray

from agents.offline import FileLeads
from features.contract import conform
from features.json_file import JsonLead
from features.matrix import Columns
from features.outer_bins import unit_remark
from features.remarks import differs, remark_on
from features.spec import CREATED_AT, FeatureSpec
from features.table import Table
from features.table_file import find_json, parse_table, read_file
from model.bundle import Bundle, BundleError, load_bundle
from model.registry import Registry
from schemas.decode import LeadDecoder
from schemas.display import for_terminal
from schemas.errors import ErrorCode, InputError, InvalidEventError
from schemas.fields import FieldKind
from schemas.plausible_times import PlausibleTimes
from schemas.store import SchemaStore
from stream.cli.found_fields import check_found
from stream.process.model_trial import Trials
from stream.settings import load_settings

__all__ = [
    "ID",
    "complain",
    "id_option",
    "load_model",
    "model_option",
    "read_content",
    "read_leads",
    "registry_option",
    "say",
]

ID = "lead_id"

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


def load_model(registry: str, model: str) -> Bundle:
    """Load a model for a file, and verify it.

    Raises
    ------
    InputError
        There is no such model, or it must not be used.
    """
    try:
        return load_bundle(Registry(registry).resolve(model), Trials())
    except BundleError as error:
        raise InputError(str(error)) from None


def read_content(file: Path) -> tuple[bytes, str]:
    """Return the content of a file, or of standard input (-), and its name for messages."""
    if str(file) == "-":
        return sys.stdin.buffer.read(), "standard input"
    return read_file(file), str(file)


def read_leads(
    content: bytes, source: str, bundle: Bundle, id_column: str, encoding: str | None
) -> FileLeads:
    """Read the leads of a file as a model needs them; a remark on standard error may follow.

    Parameters
    ----------
    content, source
        The file and its name for messages.
    bundle
        The model.
    id_column
        The column of the leads' ids, in a table.
    encoding
        The file's encoding; None: detected.

    Raises
    ------
    InputError
        The file is no table and no JSON, or it has none of the model's fields.
    """
    if (json := find_json(content, source, encoding)) is not None:
        leads = _of_json(json, source, bundle)
    else:
        leads = _of_table(parse_table(content, source, encoding), bundle, id_column)
    _say_units(leads.columns, bundle)
    return leads


def complain(wrong: Iterable[str]) -> None:
    """Write on standard error which rows or lines are no leads."""
    for sentence in wrong:
        say(sentence)


def say(sentence: str) -> None:
    """Write a sentence on standard error."""
    click.echo(for_terminal(sentence), err=True)


def _of_table(table: Table, bundle: Bundle, id_column: str) -> FileLeads:
    for remark in table.remarks:
        say(remark)
    spec = bundle.metadata.spec
    kinds, readings = spec.kinds, spec.file_readings
    ids = _ids(table, id_column)
    unusable = table.unusable
    table = table.with_fields_of(spec.file_names)
    for column, why in table.unusable.items():
        if column not in unusable:
            say(f"column {column!r} is not read: {why}")
    check_found(bundle.metadata, {*kinds} & {*table.names}, table.source, "column", say)
    known = conform(table, bundle.metadata.contract, readings=readings)
    columns = known.columns_for(kinds, readings)
    verdicts: dict[int, InvalidEventError] = {}
    for name, decision in known.decisions(kinds, readings).items():
        if differs(decision.reading, readings[name]):
            said = remark_on(decision, options=False) or "read as plain numbers or times"
            say(f"column {known.originals[name]!r}: {said}, other than in the training data")
        verdict = InvalidEventError(
            ErrorCode.TYPE, f"column {known.originals[name]!r}: expected a {kinds[name]}"
        )
        verdicts |= dict.fromkeys(known.misfits(name, decision), verdict)
    created = columns.get(CREATED_AT)
    created_at = created if isinstance(created, np.ndarray) else None
    verdicts |= _plausible(spec).verdicts(columns, _now(table.rows), created_at)
    wrong = [f"row {row + 1}: {error.code}: {error}" for row, error in sorted(verdicts.items())]
    kept = [row for row in range(table.rows) if row not in verdicts]
    return FileLeads(
        ids=[ids[row] for row in kept],
        rows=np.array(kept, dtype=np.int64),
        columns=_rows_of(columns, kept),
        created_at=np.full(len(kept), np.nan) if created_at is None else created_at[kept],
        wrong=wrong,
        total=table.rows,
    )


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


def _of_json(leads: list[JsonLead], source: str, bundle: Bundle) -> FileLeads:
    spec = bundle.metadata.spec
    decoder = LeadDecoder(SchemaStore.load(), spec.kinds, readings=spec.readings, names=spec.names)
    decoded = decoder.decode([lead.text.encode() for lead in leads])
    if decoded.lead_ids:
        check_found(bundle.metadata, _found_in(decoded.columns), source, "key", say)
    decoded = decoded.without(
        _plausible(spec).verdicts(decoded.columns, _now(len(decoded.lead_ids)), decoded.created_at)
    )
    wrong = [f"line {leads[i].line}: {error.code}: {error}" for i, error in decoded.errors]
    return FileLeads(
        ids=[lead_id.decode() for lead_id in decoded.lead_ids],
        rows=np.array(decoded.positions, dtype=np.int64),
        columns=decoded.columns,
        created_at=decoded.created_at.astype(np.float64),
        wrong=wrong,
        total=len(leads),
    )


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


def _say_units(columns: Columns, bundle: Bundle) -> None:
    """Report numbers that seem to be in another unit than in training."""
    kinds = bundle.metadata.spec.kinds
    for bins in bundle.metadata.reference.fields:
        if kinds[bins.name] is FieldKind.NUMBER:
            remark = unit_remark(bins, np.asarray(columns[bins.name], dtype=np.float64))
            if remark is not None:
                say(f"{bins.name}: {remark}")


def _plausible(spec: FeatureSpec) -> PlausibleTimes:
    settings = load_settings()
    return PlausibleTimes(spec.readings, settings.earliest_ms, settings.times_ahead_ms)


def _now(n: int) -> NDArray[np.int64]:
    return np.full(n, time.time_ns() // 1_000_000)
