"""From a table to labelled leads: target, order, columns; unfit input is refused here."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.contract import derive_contract, is_boolean
from features.field_spec import MISSING_WORDS
from features.infer import (
    Inferred,
    infer_fields,
    with_creation,
    with_settled_readings,
    without_fields,
    without_levels_of_few,
)
from features.spec import CREATED_AT
from features.table import Table
from model.group_counts import GroupCounts
from model.label_counts import LabelCounts
from model.training.column_uses import ColumnUses, column_uses
from model.training.creation import (
    SAME_DATES,
    creation_hint,
    creation_times,
    dates_without_parts,
    no_ages_warning,
)
from model.training.folds import split_latest
from model.training.groups import GroupColumn, Groups, find_groups, numbers_by_columns
from model.training.labels import Labels, read_labels
from model.training.maturity import immature, immature_warning
from model.training.named_columns import NamedColumns
from model.training.options import TrainOptions
from model.training.specify import Leads
from model.training.sufficiency import check_sufficient, few_warnings
from schemas.errors import InputError
from schemas.fields import FieldKind

__all__ = ["Prepared", "prepare"]

LEAD_ID = "lead_id"
SHOWN = 8
"""Number of ignored values that a warning lists."""


@dataclass(frozen=True)
class Prepared:
    """Labelled leads and the decisions about them.

    Attributes
    ----------
    table
        The labelled rows, in the order of time where there is one.
    leads
        The same, by column, with their labels.
    inferred
        What the columns are, and which are dropped.
    target, positive
        The target's name in the file, and its values that count as success.
    labels
        Number of rows by what their target says, those that were left out among them.
    groups
        Which rows belong together.
    order
        The column of time, "the file", or None where the order says nothing.
    window
        The days (UTC) of the first and the last lead, ``2026-05-03``; None where there are no
        times.
    contract
        Avro schema of the leads.
    warnings
        Sentences.
    """

    table: Table
    leads: Leads
    inferred: Inferred
    target: str
    positive: str
    labels: LabelCounts
    groups: GroupCounts
    order: str | None
    window: tuple[str, str] | None
    contract: Mapping[str, Any]
    warnings: tuple[str, ...]


def prepare(table: Table, options: TrainOptions) -> Prepared:
    """Check a table and the options against each other, and read the leads.

    Raises
    ------
    InputError
        A column that is named is not there, the target is not usable, there are too few leads, or
        the table does not fit the contract.
    """
    _check_time_options(options)
    table = table.with_hints(decimal=options.decimal, first=options.dates, missing=options.missing)
    columns = NamedColumns(table, options)
    table, uses = column_uses(columns.with_creation_named(), columns, options)
    rows = _labelled_rows(table, columns, uses, options)
    table, positive, order = rows.table, rows.positive, rows.order
    inferred = _inferred(table, uses)
    hint = creation_hint(table, inferred) if order is None else ()
    leads = Leads.of(
        inferred.kinds,
        table.columns_for(inferred.kinds, inferred.readings, inferred.forced),
        positive,
        inferred.readings,
        {*MISSING_WORDS, *table.missing},
    )
    no_ages = [] if CREATED_AT in uses.left_out else no_ages_warning(table, leads, inferred)
    same = dates_without_parts(leads)
    leads = leads.without(same)
    group_columns = _group_columns(table, columns, options)
    groups = find_groups(
        leads, group_columns, options.seed, apart=(CREATED_AT,), missing=table.missing
    )
    inferred = without_levels_of_few(inferred, table, groups.numbers)
    leads = leads.without(leads.kinds.keys() - inferred.kinds.keys())
    warnings = [*rows.warnings, *few_warnings(len(leads), int(positive.sum()), groups.counts)]
    warnings += [*groups.warnings, *(_known_before(groups) if order else ())]
    warnings += [*hint, *no_ages] if CREATED_AT in table.names else hint or no_ages
    return Prepared(
        table=table,
        leads=replace(leads.withholding(inferred.withheld), groups=groups.numbers),
        inferred=without_fields(inferred, dict.fromkeys(same, SAME_DATES), table),
        target=table.originals[uses.target],
        positive=", ".join(rows.labels.success),
        labels=rows.counts,
        groups=groups.counts,
        order=order,
        window=rows.window,
        contract=options.schema or _derived(table, inferred, options.name),
        warnings=tuple(warnings),
    )


def _check_time_options(options: TrainOptions) -> None:
    if options.time and options.ordered:
        raise InputError("--time and --ordered exclude each other: give one of them.")
    if options.matured is not None and not options.time:
        raise InputError(
            "--matured needs --time COLUMN: a lead's age counts from the time of its creation."
        )


@dataclass(frozen=True, slots=True)
class _Rows:
    """The rows with an outcome, in the order of time where there is one."""

    table: Table
    positive: NDArray[np.bool_]
    labels: Labels
    counts: LabelCounts
    order: str | None
    window: tuple[str, str] | None
    warnings: Sequence[str]


def _labelled_rows(
    table: Table, columns: NamedColumns, uses: ColumnUses, options: TrainOptions
) -> _Rows:
    warnings = [f"{remark}." for remark in table.remarks]
    labels = read_labels(table, uses.target, options.positive, options.negative, options.ignore)
    creation = {CREATED_AT} if options.time else uses.creation
    table = with_settled_readings(table, reserved=uses.reserved.keys() - creation, **uses.features)
    times = creation_times(table) if options.time else None
    counts, kept, without_outcome = _outcomes(table, columns, labels, options, times)
    if not kept.all():
        table = table.take(np.flatnonzero(kept))
    positive = labels.positive[kept]
    check_sufficient(table.source, positive, without_outcome)
    order, window = "the file" if options.ordered else None, None
    if times is not None:
        window = _window(times[kept])
        rows = _in_order(table, times[kept], np.flatnonzero(kept))
        order = table.originals[CREATED_AT]
        if (np.diff(rows) < 0).any():
            table, positive = table.take(rows), positive[rows]
    warnings += without_outcome
    return _Rows(table, positive, labels, counts, order, window, warnings)


def _inferred(table: Table, uses: ColumnUses) -> Inferred:
    """Return what the columns are, with the creation as a feature where it is one."""
    inferred = infer_fields(table, reserved=uses.reserved, **uses.features)
    if CREATED_AT in table.names and uses.creation:
        return with_creation(inferred, table)
    return inferred


def _derived(table: Table, inferred: Inferred, name: str) -> Mapping[str, Any]:
    # Every contract has the time of creation, feature or not.
    kinds = {field: kind for field, kind in inferred.kinds.items() if field != CREATED_AT}
    categories = [field for field, kind in kinds.items() if kind is FieldKind.CATEGORY]
    booleans = {field for field in categories if is_boolean(table, field)}
    return derive_contract(name, kinds, booleans, table.originals)


def _outcomes(
    table: Table,
    columns: NamedColumns,
    labels: Labels,
    options: TrainOptions,
    times: NDArray[np.float64] | None,
) -> tuple[LabelCounts, NDArray[np.bool_], list[str]]:
    """Return counts of all rows, which rows have an outcome, and sentences on the others."""
    young = np.zeros(table.rows, dtype=bool)
    too_young = []
    if times is not None and options.matured is not None:
        young = immature(times, options.matured)
        if left_out := int((labels.known & young).sum()):
            too_young.append(immature_warning(left_out, times, options.matured))
    leads = numbers_by_columns(_group_columns(table, columns, options), table.missing)
    counts = labels.counts(young, leads)
    return counts, labels.known & ~young, [*_without_outcome(counts, options), *too_young]


def _without_outcome(counts: LabelCounts, options: TrainOptions) -> Iterable[str]:
    if counts.missing:
        yield f"{counts.missing:,} rows without a target were left out."
    if counts.ignored and not options.ignore:
        values = [f"{value!r} ({rows:,})" for value, rows in counts.ignored.items()]
        yield (
            f"{sum(counts.ignored.values()):,} rows were left out, as neither --positive nor "
            f"--negative names what their target says: {', '.join(values[:SHOWN])}"
            f"{', …' if len(values) > SHOWN else '.'}"
        )


def _group_columns(table: Table, columns: NamedColumns, options: TrainOptions) -> list[GroupColumn]:
    """Return the columns whose values put rows together: that of --group, and the leads' ids."""
    named = [
        *([columns.find(options.group, "--group")] if options.group else []),
        *([columns.find(options.id, "--id")] if options.id else []),
        *([LEAD_ID] if LEAD_ID in table.columns and not options.id else []),
    ]
    return [
        GroupColumn(table.originals[name], table.columns[name].strings())
        for name in dict.fromkeys(named)
    ]


def _known_before(groups: Groups) -> Iterable[str]:
    if groups.numbers is None:
        return
    rows = len(groups.numbers)
    left_out = rows - sum(map(len, split_latest(rows, groups.numbers)))
    if left_out:
        yield (
            f"{left_out:,} of the latest 20 % of the rows belong together with an earlier row: the "
            "figures of the latest 20 % are without them."
        )


def _window(times: NDArray[np.float64]) -> tuple[str, str] | None:
    """Return the days of the first and the last time, in milliseconds since 1970."""
    known = times[~np.isnan(times)]
    if not len(known):
        return None
    first, last = np.array([known.min(), known.max()]).astype("datetime64[ms]").astype(str)
    return first[:10], last[:10]


def _in_order(
    table: Table, times: NDArray[np.float64], rows_of_file: NDArray[np.intp]
) -> NDArray[np.intp]:
    """Return the rows by their time; a missing one is named by its row of the file."""
    missing = np.flatnonzero(np.isnan(times))
    if len(missing):
        raise InputError(
            f"{table.source}: the time {table.originals[CREATED_AT]!r} is missing in "
            f"{len(missing):,} rows (the first is row {rows_of_file[missing[0]] + 1}). Fill them "
            "in, or leave --time out."
        )
    return np.argsort(times, kind="stable")
