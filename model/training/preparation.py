"""From a table to labelled leads: target, order, columns; unfit input is refused here."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.contract import conform, contract_kinds, derive_contract, is_boolean
from features.infer import (
    Inferred,
    infer_fields,
    with_creation,
    with_settled_readings,
    without_fields,
    without_levels_of_few,
)
from features.spec import CREATED_AT, MISSING_WORDS
from features.table import Table
from model.group_counts import GroupCounts
from model.label_counts import LabelCounts
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
from schemas.errors import InputError
from schemas.field_names import ENVELOPE
from schemas.fields import FieldKind

__all__ = ["Prepared", "prepare"]

LEAST_OF_A_KIND = 40
FEW_ROWS, FEW_POSITIVES = 1_000, 120
LEAD_ID = "lead_id"
NO_FEATURE, THE_TIME = "part of every lead, no feature", "the time (--time)"
"""Why the time of creation is none of the columns to be judged: it is read by itself."""
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
    if options.time and options.ordered:
        raise InputError("--time and --ordered exclude each other: give one of them.")
    if options.matured is not None and not options.time:
        raise InputError(
            "--matured needs --time COLUMN: a lead's age counts from the time of its creation."
        )
    table = table.with_hints(decimal=options.decimal, first=options.dates, missing=options.missing)
    columns = NamedColumns(table, options)
    table = columns.with_creation_named()
    left_out = _left_out(columns, options)
    reserved = _reserved(columns, options, left_out)
    text = {columns.find(column, "--text") for column in options.text}
    _check_free(table, text, reserved, "--text")
    given = _given(table, columns, options, text, reserved)
    target = columns.find(options.target, "--target")
    if options.schema is not None:
        if given:
            raise InputError(
                "--as and --schema exclude each other: the contract says what each column is."
            )
        table = conform(table, options.schema, skip=reserved)
    warnings = [f"{remark}." for remark in table.remarks]

    labels = read_labels(table, target, options.positive, options.negative, options.ignore)
    kinds = contract_kinds(options.schema) if options.schema is not None else None
    table = with_settled_readings(
        table,
        reserved=reserved.keys() - ({CREATED_AT} if options.time else _creation(reserved)),
        text=text,
        contract=kinds,
        given=given,
    )
    times = creation_times(table) if options.time else None
    counts, kept, without_outcome = _outcomes(table, columns, labels, options, times)
    warnings += without_outcome
    if not kept.all():
        table = table.take(np.flatnonzero(kept))
    positive = labels.positive[kept]
    _check_sufficient(table, positive, without_outcome)

    order, window = "the file" if options.ordered else None, None
    if times is not None:
        window = _window(times[kept])
        rows = _in_order(table, times[kept], np.flatnonzero(kept))
        order = table.originals[CREATED_AT]
        if (np.diff(rows) < 0).any():
            table, positive = table.take(rows), positive[rows]

    inferred = infer_fields(table, reserved=reserved, text=text, contract=kinds, given=given)
    if CREATED_AT in table.names and _creation(reserved):
        inferred = with_creation(inferred, table)
    hint = creation_hint(table, inferred) if order is None else ()
    leads = Leads.of(
        inferred.kinds,
        table.columns_for(inferred.kinds, inferred.readings, inferred.forced),
        positive,
        inferred.readings,
        {*MISSING_WORDS, *table.missing},
    )
    no_ages = [] if CREATED_AT in left_out else no_ages_warning(table, leads, inferred)
    same = dates_without_parts(leads)
    leads = leads.without(same)
    groups = find_groups(
        leads,
        _group_columns(table, columns, options),
        options.seed,
        apart=(CREATED_AT,),
        missing=table.missing,
    )
    inferred = without_levels_of_few(inferred, table, groups.numbers)
    leads = leads.without(leads.kinds.keys() - inferred.kinds.keys())
    contract = options.schema or _derived(table, inferred, options.name)
    warnings += [*_few(len(leads), int(positive.sum()), groups.counts), *groups.warnings]
    if order:
        warnings += _known_before(groups)
    warnings += [*hint, *no_ages] if CREATED_AT in table.names else hint or no_ages
    return Prepared(
        table=table,
        leads=replace(leads.withholding(inferred.withheld), groups=groups.numbers),
        inferred=without_fields(inferred, dict.fromkeys(same, SAME_DATES), table),
        target=table.originals[target],
        positive=", ".join(labels.success),
        labels=counts,
        groups=groups.counts,
        order=order,
        window=window,
        contract=contract,
        warnings=tuple(warnings),
    )


def _derived(table: Table, inferred: Inferred, name: str) -> Mapping[str, Any]:
    # Every contract has the time of creation, feature or not.
    kinds = {field: kind for field, kind in inferred.kinds.items() if field != CREATED_AT}
    categories = [field for field, kind in kinds.items() if kind is FieldKind.CATEGORY]
    booleans = {field for field in categories if is_boolean(table, field)}
    return derive_contract(name, kinds, booleans, table.originals)


def _reserved(
    columns: NamedColumns, options: TrainOptions, left_out: Mapping[str, str]
) -> dict[str, str]:
    """Return the fields that are no features, with the reason."""
    reserved = dict.fromkeys(ENVELOPE, NO_FEATURE)
    if options.time:
        reserved[CREATED_AT] = THE_TIME
    for column, option, use in (
        (options.id, "--id", "the lead's id (--id)"),
        (options.group, "--group", "what groups rows (--group)"),
    ):
        name = columns.find(column, option) if column else None
        if name is None:
            continue
        if reserved.get(name) == THE_TIME:
            raise InputError(
                f"{option} {column!r}: the column is {THE_TIME}, it can be one thing only. Name "
                "another column, or leave one of the two options out."
            )
        if reserved.get(name, NO_FEATURE) == NO_FEATURE:
            reserved[name] = use
    reserved |= left_out
    target = columns.find(options.target, "--target")
    if target in reserved:
        raise InputError(
            f"the target {options.target!r} is also {reserved[target]}: it can be one thing only. "
            "Name another target, or leave the other option out."
        )
    return {**reserved, target: "the target"}


def _creation(reserved: Mapping[str, str]) -> set[str]:
    """Return the field of the creation; nothing where an option makes something else of it."""
    return {CREATED_AT} if reserved[CREATED_AT] in (NO_FEATURE, THE_TIME) else set()


def _left_out(columns: NamedColumns, options: TrainOptions) -> dict[str, str]:
    """Return the fields that an option excludes, with the reason."""
    unwanted = [
        *((column, "--exclude", "excluded") for column in options.exclude),
        *((column, "--as", "ignored (--as)") for column, kind in options.kinds.items() if not kind),
    ]
    found = [(columns.find_if_used(column, option), why) for column, option, why in unwanted]
    return {name: why for name, why in found if name is not None}


def _given(
    table: Table,
    columns: NamedColumns,
    options: TrainOptions,
    text: set[str],
    reserved: Mapping[str, str],
) -> dict[str, FieldKind]:
    """Return the kinds that --as gives."""
    given = {
        columns.find(column, "--as"): kind
        for column, kind in options.kinds.items()
        if kind is not None
    }
    _check_free(table, given.keys(), reserved, "--as")
    for name in sorted(text & given.keys()):
        if given[name] is not FieldKind.TEXT:
            raise InputError(
                f"--as {table.originals[name]!r}: --text says that it is text. Leave one of the "
                "two options out."
            )
    return given


def _check_free(
    table: Table, names: Collection[str], reserved: Mapping[str, str], option: str
) -> None:
    for name in sorted({*names} & reserved.keys()):
        raise InputError(
            f"{option} {table.originals[name]!r}: the column is {reserved[name]}. "
            "Leave one of the two options out."
        )


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


def _check_sufficient(table: Table, positive: NDArray[np.bool_], left_out: list[str]) -> None:
    positives = int(positive.sum())
    negatives = len(positive) - positives
    if min(positives, negatives) < LEAST_OF_A_KIND:
        why = f" ({' '.join(left_out)})" if left_out else ""
        raise InputError(
            f"{table.source} has {positives:,} positives and {negatives:,} negatives{why}; a model "
            f"needs at least {LEAST_OF_A_KIND} of each. Collect more leads whose outcome is known."
        )


def _few(rows: int, positives: int, groups: GroupCounts) -> Iterable[str]:
    """Yield what there is too little of; rows that belong together count once."""
    in_groups = groups.groups < rows
    if groups.groups < FEW_ROWS:
        yield (
            f"{rows:,} rows{f' in {groups.groups:,} groups' if in_groups else ''} are few (under "
            f"{FEW_ROWS:,}): the figures are rough, and the scores may be far off. Train again "
            "with more."
        )
    if groups.positive < FEW_POSITIVES:
        yield (
            f"{positives:,} positives{f' in {groups.positive:,} groups' if in_groups else ''} are "
            f"few (under {FEW_POSITIVES}): the figures are rough, and the scores may be far off. "
            "Train again with more."
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
