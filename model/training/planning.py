"""Describe what was decided about each column, before and after training."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from shlex import quote
from typing import Any

import numpy as np
from numpy.typing import NDArray

from features.column_name import name_words
from features.drop_downs import is_unfilled
from features.field_spec import normalise_level
from features.identifiers import KEY_WORDS
from features.personal import WITHHELD
from features.spec import CREATED_AT
from features.table import Table
from features.text_lengths import text_lengths
from model.column_plan import ColumnPlan
from model.group_counts import GroupCounts
from model.label_counts import LabelCounts
from model.training.date_parts import later_share
from model.training.inspection import Leak
from model.training.options import TrainOptions
from model.training.preparation import Prepared, prepare
from schemas.fields import FieldKind
from schemas.number_reading import NumberReading

__all__ = ["TrainingPlan", "column_warnings", "plan_columns", "plan_training", "with_results"]

EXAMPLES = 8
MOSTLY_MISSING = 0.9
"""Share of missing values from which on there is a warning."""
MANY_LEVELS = 100
OFTEN_LATER = 0.2
"""Share of dates later than the lead's creation from which on there is a warning."""
LEADS_PER_LEVEL = 4
"""A category with many levels and fewer leads per level than this gets a warning."""
LEADS_PER_KEY = 10
"""A category with more leads per level is no key, whatever its name says."""


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """Plan of a training: its rows, columns and warnings.

    Attributes
    ----------
    rows, positives
        The labelled leads.
    target, positive
        The target's name in the file, and its values that count as success.
    labels
        Number of rows by what their target says, those that were left out among them.
    groups
        Which rows belong together.
    columns
        The decision about each column, in the file's order.
    warnings
        Sentences, those about single columns among them.
    """

    rows: int
    positives: int
    target: str
    positive: str
    labels: LabelCounts
    groups: GroupCounts
    columns: tuple[ColumnPlan, ...]
    warnings: tuple[str, ...]


def plan_training(table: Table, options: TrainOptions) -> TrainingPlan:
    """Decide about every column as ``train`` does, without training.

    Raises
    ------
    InputError
        As of ``model.training.preparation.prepare``.
    """
    data = prepare(table, options)
    columns = plan_columns(data)
    return TrainingPlan(
        rows=len(data.leads),
        positives=int(data.leads.labels.sum()),
        target=data.target,
        positive=data.positive,
        labels=data.labels,
        groups=data.groups,
        columns=columns,
        warnings=(*data.warnings, *column_warnings(columns)),
    )


def plan_columns(data: Prepared) -> tuple[ColumnPlan, ...]:
    """Return the decision about each column of the file, in the file's order.

    Columns of the file that can't be read come last.
    """
    originals = data.table.originals
    read = [
        _used(data, name, original) if name in data.inferred.kinds else _unused(data, original)
        for name, original in originals.items()
    ]
    unreadable = [_unused(data, column) for column in data.table.unusable]
    return (*read, *unreadable)


def with_results(
    columns: Iterable[ColumnPlan], importance: Mapping[str, float], leaks: Iterable[Leak]
) -> tuple[ColumnPlan, ...]:
    """Return the decisions with what only training shows.

    Parameters
    ----------
    columns
        The decisions.
    importance
        By field; empty where nothing moves the scores.
    leaks
        Columns that may hold what is known only afterwards: a warning each.
    """
    sentences = {leak.column: leak.sentence for leak in leaks}
    return tuple(
        column.model_copy(
            update={
                "importance": importance.get(column.field, 0.0),
                "warnings": (
                    *column.warnings,
                    *([sentences[column.column]] if column.column in sentences else []),
                ),
            }
        )
        if column.field is not None
        else column
        for column in columns
    )


def column_warnings(columns: Iterable[ColumnPlan]) -> tuple[str, ...]:
    """Return the warnings about single columns."""
    return tuple(warning for column in columns for warning in column.warnings)


def _unused(data: Prepared, original: str) -> ColumnPlan:
    why = data.inferred.dropped[original]
    warnings = []
    if original in data.inferred.identifiers:
        reason = why.removeprefix("an identifier: ").replace("COLUMN", quote(original))
        warnings.append(
            f"{original} was left out as an identifier: {reason}. A model must not memorise leads."
        )
    return ColumnPlan(column=original, unused=why, warnings=tuple(warnings))


def _used(data: Prepared, name: str, original: str) -> ColumnPlan:
    kind = data.inferred.kinds[name]
    values = data.leads.columns[name]
    if kind in (FieldKind.NUMBER, FieldKind.DATE):
        known = values[~np.isnan(values)]
        found = {"low": float(known.min()), "high": float(known.max())} if len(known) else {}
    else:
        withheld = data.inferred.withheld.get(name, frozenset())
        found, known = _of_words(values, kind, len(withheld))
    reading = data.inferred.readings.get(name)
    rows, misfits = len(values), data.inferred.misfits.get(original, 0)
    present = len(known) + misfits
    plan = ColumnPlan(
        column=original,
        field=name,
        kind=kind,
        is_clock=isinstance(reading, NumberReading) and reading.clock,
        missing=1 - present / rows,
        misfits=misfits / present if present else 0.0,
        words=dict(data.inferred.words.get(original, {})),
        **found,
    )
    return plan.model_copy(update={"warnings": tuple(_warnings(data, plan, len(known), misfits))})


def _later_share(data: Prepared, plan: ColumnPlan) -> float:
    if plan.kind is not FieldKind.DATE or CREATED_AT not in data.leads.kinds:
        return 0.0
    return later_share(data.leads.columns[str(plan.field)], data.leads.columns[CREATED_AT])


def _of_words(
    values: NDArray[Any], kind: FieldKind, withheld: int
) -> tuple[dict[str, Any], list[str]]:
    """Return what there is to show of a category or a text, and the values that are there."""
    cells = [value for value in values.tolist() if value is not None]
    levels = {cell: normalise_level(cell) for cell in {*cells}}
    known = [level for cell in cells if (level := levels[cell]) is not None]
    if kind is FieldKind.TEXT:
        lengths = text_lengths(levels)
        low, high = (int(np.nanmin(lengths)), int(np.nanmax(lengths))) if known else (None, None)
        return {"low": low, "high": high}, known
    kept = Counter(level for level in known if level != WITHHELD)
    counts = sorted(kept.items(), key=lambda level: (-level[1], level[0]))
    return {
        "levels": len(counts) + withheld,
        "withheld": withheld,
        "examples": tuple(level for level, _ in counts[:EXAMPLES]),
    }, known


def _warnings(data: Prepared, plan: ColumnPlan, known: int, misfits: int) -> Iterable[str]:
    """Yield what is surprising in how a column was read, with the remedy."""
    column, option = plan.column, quote(plan.column)
    remark = data.inferred.remarks.get(column)
    if remark is not None:
        yield f"{column}: {remark.replace('COLUMN', option)}."
    if plan.kind is FieldKind.CATEGORY and plan.field is not None:
        for word, times in _unfilled(data.leads.columns[plan.field]):
            yield (
                f"{column}: '{word}' ({times:,} times) looks like a drop-down list that nobody "
                f"filled in; here it is a level. If it means missing: --missing {quote(word)}"
            )
    if misfits:
        yield (
            f"{column}: {misfits:,} of its values can't be read as a {plan.kind} and count as "
            "missing (--missing WORD, where it is a word that means missing)."
        )
    if plan.missing >= MOSTLY_MISSING:
        yield (
            f"{column}: {plan.missing:.1%} of its values are missing. If it is filled in only for "
            f"some leads afterwards, leave it out: --as {option}=ignore"
        )
    is_group = plan.levels and plan.levels < known <= LEADS_PER_KEY * plan.levels
    if is_group and name_words(column) & KEY_WORDS:
        yield (
            f"{column}: its name says that it is a key, and {known:,} rows share {plan.levels:,} "
            "values. If the rows of one value belong together, such as those of one customer, the "
            f"figures are too good: --group {option} keeps them in one fold, or --id {option} if "
            "it is the lead's id."
        )
    later = _later_share(data, plan)
    if later >= OFTEN_LATER:
        yield (
            f"{column}: {later:.0%} of its dates are later than the lead's creation "
            f"({data.table.originals[CREATED_AT]}). If it is filled in or changed afterwards, it "
            f"is not known when a lead is scored, so leave it out: --as {option}=ignore"
        )
    if plan.levels and plan.levels >= MANY_LEVELS and known < LEADS_PER_LEVEL * plan.levels:
        yield (
            f"{column}: a category of {plan.levels:,} levels in {known:,} leads, so most levels "
            f"are too rare to learn from (--as {option}=number, date or text if it is one; "
            f"--as {option}=ignore leaves it out)."
        )


def _unfilled(values: NDArray[Any]) -> list[tuple[str, int]]:
    """Return the levels that are prompts of drop-down lists, as written, and how often."""
    cells = Counter(cell for cell in values.tolist() if cell is not None)
    written: dict[str, str] = {}
    times = Counter[str]()
    for cell, n in cells.most_common():
        level = normalise_level(cell)
        if level is not None and is_unfilled(level):
            times[level] += n
            written.setdefault(level, " ".join(cell.split()))
    return [(written[level], n) for level, n in times.items()]
