"""Leads of a run of `leadscore produce`: from a file or synthetic, shifted if requested."""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Literal

from features.table import Table
from features.table_file import read_table
from schemas.errors import InputError
from schemas.store import Schema, SchemaStore
from stream.simulator.lead_fields import lead_fields
from stream.simulator.lead_file import (
    contract_of,
    lacking_fields,
    leads_of,
    reading_remarks,
    under_field_names,
    unused_columns,
    with_settled_numbers,
)
from stream.simulator.outcomes import outcomes_of
from stream.simulator.playing import Lead
from stream.simulator.shift import AT_ONCE, Span, parse_shift, shifted
from stream.simulator.synthetic import synthetic_leads

__all__ = ["DEFAULT_COUNT", "Playlist", "Wanted", "make_playlist"]

DEFAULT_CONTRACT = "lead_created"
ID_COLUMN = "lead_id"
DEFAULT_COUNT = 1000
"""Default number of synthetic leads."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Options of a run."""

    file: Path | None = None
    """None: synthetic leads."""
    encoding: str | None = None
    """Encoding of the file; None: detected."""
    decimal: Literal[".", ","] | None = None
    """Decimal separator of the file; None: detected."""
    dates: Literal["day", "month"] | None = None
    """First part of the file's dates such as 3/4/2024; None: detected."""
    missing: Sequence[str] = ()
    """Words of the file that mean missing, besides the usual ones."""
    contract: str | None = None
    """Name of a contract, or path of its .avsc file; None: detected from the file's columns."""
    id_column: str = ID_COLUMN
    time_column: str = "created_at"
    created_now: bool = False
    """The time of creation is the time of sending; the time column is read only if ``in_order``."""
    in_order: bool = False
    """Leads are sent in the order of their times."""
    count: int | None = None
    """Most leads; 0: synthetic leads without end; None: all, or ``DEFAULT_COUNT``."""
    outcomes: tuple[str, str] | None = None
    """Column of the file with the outcomes, and the value that is a success; None: no outcomes."""
    shifts: Sequence[str] = ()
    span: Span = AT_ONCE
    seed: int = 0


@dataclass(frozen=True, slots=True)
class Playlist:
    """Leads of a run."""

    leads: Iterable[Lead]
    total: int | None
    """Number of leads; None if endless."""
    contract: Schema
    unused: Sequence[str] = ()
    """Columns of the file without a field in the contract; they are not sent."""
    remarks: Sequence[str] = ()
    """Remarks on how the file was read."""
    outcomes: Sequence[Lead] = ()
    """Outcomes of the leads, in their order."""
    outcome_places: Sequence[int] = ()
    """The index of each outcome's lead."""


def make_playlist(wanted: Wanted, store: SchemaStore) -> Playlist:
    """Read or generate the leads of a run.

    Raises
    ------
    InputError
        An option does not fit the file or the contract.
    """
    playlist = _synthetic(wanted, store) if wanted.file is None else _of_file(wanted, store)
    if not wanted.shifts:
        return playlist
    if playlist.total is None and wanted.span != AT_ONCE:
        raise InputError("--drift-from and --drift-over are shares of the run: give it a --count")
    fields = lead_fields(playlist.contract.avro)
    leads = shifted(
        playlist.leads,
        [parse_shift(text, fields) for text in wanted.shifts],
        wanted.span,
        playlist.total,
        random.Random(wanted.seed),
    )
    return replace(playlist, leads=leads)


def _synthetic(wanted: Wanted, store: SchemaStore) -> Playlist:
    if wanted.contract not in (None, DEFAULT_CONTRACT):
        raise InputError(
            f"synthetic leads have the contract {DEFAULT_CONTRACT}; to send leads of "
            f"{wanted.contract} give a FILE"
        )
    if wanted.outcomes is not None:
        raise InputError("--outcomes needs a column of outcomes: give a FILE")
    if wanted.in_order:
        raise InputError("--speed needs a file's own timestamps: give a FILE, or use --rate")
    total = DEFAULT_COUNT if wanted.count is None else wanted.count or None
    leads = islice(synthetic_leads(wanted.seed), total)
    return Playlist(leads, total, _contract(DEFAULT_CONTRACT, store))


def _of_file(wanted: Wanted, store: SchemaStore) -> Playlist:
    assert wanted.file is not None
    table = read_table(wanted.file, wanted.encoding).with_hints(
        decimal=wanted.decimal, first=wanted.dates, missing=wanted.missing
    )
    if wanted.id_column != ID_COLUMN:  # report a mistyped name before an unknown contract
        table.find(wanted.id_column, "--id")
    if wanted.contract is None:
        contract = contract_of(table, store.lead_contracts())
    else:
        contract = _contract(wanted.contract, store)
    table = with_settled_numbers(under_field_names(table, contract), contract)
    lead_id, time = table.find(wanted.id_column, "--id"), _time(wanted, table)
    leads = leads_of(table, contract, lead_id=lead_id, time=time)
    outcomes: list[Lead | None] = [None] * len(leads)
    column = None
    if wanted.outcomes is not None:
        column = table.find(wanted.outcomes[0], "--outcomes")
        outcomes = outcomes_of(table, leads, column, wanted.outcomes[1])
    rows = list(zip(leads, outcomes, strict=True))
    if wanted.in_order:
        rows.sort(key=lambda row: row[0].created_at or 0)
    rows = rows[: wanted.count or None]
    leads = [lead for lead, _ in rows]
    # With --now the time of sending takes the place of the file's own.
    unused = unused_columns(table, contract, lead_id, time or wanted.time_column, column)
    return Playlist(
        leads,
        len(leads),
        contract,
        unused,
        [*_remarks(table, contract, time)],
        [outcome for _, outcome in rows if outcome is not None],
        [place for place, (_, outcome) in enumerate(rows) if outcome is not None],
    )


def _remarks(table: Table, contract: Schema, time: str | None) -> Iterator[str]:
    """Yield what may surprise in how a file is sent."""
    yield from table.remarks
    yield from reading_remarks(table, contract, time)
    for column, why in table.unusable.items():
        yield f"column {column!r} is not sent: {why}"
    if lacking := lacking_fields(table, contract):
        yield (
            f"{table.source} has no column for {', '.join(lacking)} of {contract.name}: sent as"
            " null, or as the contract's default"
        )


def _time(wanted: Wanted, table: Table) -> str | None:
    if wanted.created_now and not wanted.in_order:
        return None
    return table.find(wanted.time_column, "--time; or --now to send the time of playing")


def _contract(name: str, store: SchemaStore) -> Schema:
    contract = store.add_file(name) if name.endswith(".avsc") else store.by_name(name)
    if contract is None:
        known = ", ".join(sorted(contract.name for contract in store.lead_contracts()))
        raise InputError(
            f"no contract is called {name!r} (known: {known}): name one of these or a FILE.avsc"
        )
    contract.require_lead()
    return contract
