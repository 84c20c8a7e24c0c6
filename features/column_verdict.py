"""The kind of one column of a table, or why it is no feature."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from shlex import quote

import numpy as np
from numpy.typing import NDArray

from features.column import Column, Milliseconds, Numbers, TextCells
from features.distinct_leads import leads_by_value
from features.identifiers import DISTINCT_SHARE, why_a_code, why_an_identifier
from features.levels import known_level
from features.lookalikes import resembles
from features.number_decision import NumberDecision, number_share
from features.personal import LEAST_LEADS, kinds_of, withheld_levels
from features.remarks import remark_on
from features.table import Table
from features.time_decision import TimeDecision, time_share
from schemas.errors import InputError
from schemas.fields import FieldKind
from schemas.number_reading import NumberReading, read_number
from schemas.readings import Reading
from schemas.time_reading import UNTIL_MS, TimeReading

__all__ = [
    "NO_VALUES",
    "ColumnVerdict",
    "columns_of_times",
    "judge",
    "read_by_values",
    "read_column",
    "without_persons",
]

NO_VALUES = "no values"
"""Why an empty column is no feature."""
LEAST_FILLED = 0.001
"""A column of which less than this share of the rows has a value is almost empty."""
LEAST_VALUES, LEAST_FILLED_OF_FEW = 10, 0.1
"""As is one with fewer values than this, unless they are a tenth of the rows: the trees' smallest
leaf holds more."""
ENOUGH_TO_TELL = 20
"""With fewer values, all different ones are no surprise."""
LARGEST_EXACT = 2.0**53
"""Larger whole numbers are not kept apart by float64."""
CLOCK = NumberDecision(NumberReading(clock=True), {}, {})
"""On times of day of a typed file."""
STAND_INS = (-62_135_596_800_000.0, -2_208_988_800_000.0, 0.0, 253_402_214_400_000.0)
"""1 January of 1, 1900 and 1970, and 31 December 9999: what systems write for no time."""
LEAST_STAND_INS = 0.01
"""Share of the times from which on such a time is no coincidence."""
UNTIL_YEAR = 2100
ALMOST = 0.8
"""A category of which at least this share of the values are numbers or times gets a remark."""
MOSTLY, MANY_LEVELS = 0.5, 50
"""A smaller share is enough for a column with at least this many levels."""


@dataclass(frozen=True, slots=True)
class ColumnVerdict:
    """The kind of one column, or why it is no feature."""

    kind: FieldKind
    decision: NumberDecision | TimeDecision | None = None
    remark: str | None = None
    unfit: str | None = None
    is_identifier: bool = False
    is_given: bool = False
    withheld: frozenset[str] = frozenset()

    @property
    def reading(self) -> Reading | None:
        """How it is written; None where it is neither a number nor a time."""
        if self.decision is not None:
            return self.decision.reading
        if self.kind is FieldKind.NUMBER:
            return NumberReading()
        return TimeReading() if self.kind is FieldKind.DATE else None


def read_column(
    table: Table,
    name: str,
    contract: Mapping[str, FieldKind] | None,
    said: Mapping[str, FieldKind],
) -> ColumnVerdict:
    """Return the kind of a column: of the contract, as it is said, or by its values.

    Parameters
    ----------
    table, name
        The column.
    contract
        The kinds of the contract's fields; None where there is no contract.
    said
        Kinds that options name.

    Raises
    ------
    InputError
        An option contradicts the contract, or no value can be read as the kind that is said.
    """
    asked = said.get(name)
    if contract is not None:
        kind = contract[name]
        if asked is FieldKind.TEXT and kind is not FieldKind.CATEGORY:
            raise InputError(
                f"--text {table.originals[name]!r}: the contract says that it is a {kind}, not "
                "text. Leave out --text for it."
            )
        return _read_as(table, name, asked or kind, forced=False)
    if asked is not None:
        return _read_as(table, name, asked, forced=True)
    return read_by_values(table, name)


def _read_as(table: Table, name: str, kind: FieldKind, *, forced: bool) -> ColumnVerdict:
    """Read a column as a given kind."""
    column = table.columns[name]
    if isinstance(column, Numbers) and column.is_clock and kind is FieldKind.NUMBER:
        return ColumnVerdict(kind, CLOCK, is_given=True)
    if isinstance(column, Numbers) and kind is FieldKind.DATE:
        column = column.as_text()
    if not isinstance(column, TextCells) or kind not in (FieldKind.NUMBER, FieldKind.DATE):
        return ColumnVerdict(kind, is_given=True)
    original = table.originals[name]
    decision: NumberDecision | TimeDecision | None
    if kind is FieldKind.NUMBER:
        decision = column.number_decision(forced=forced)
        remark = remark_on(decision) if decision else None
    else:
        decision = column.time_decision(original, forced=forced)
        remark = remark_on(decision) if decision else None
    if decision is None and forced:
        raise InputError(
            f"--as {original}={kind}: {table.source} has no values in it that can be read as a "
            f"{kind}. Leave the option out, or name another kind."
        )
    return ColumnVerdict(kind, decision, remark, is_given=True)


def read_by_values(table: Table, name: str) -> ColumnVerdict:
    """Return the kind of a column by its values alone."""
    column, original = table.columns[name], table.originals[name]
    if column.kind is FieldKind.DATE or column.kind is FieldKind.CATEGORY:
        return ColumnVerdict(column.kind)
    if isinstance(column, Numbers):
        if column.is_clock:
            return ColumnVerdict(FieldKind.NUMBER, CLOCK)
        time = _time_of_numbers(column, original)
        return time or ColumnVerdict(FieldKind.NUMBER)
    assert isinstance(column, TextCells)
    time_decision = column.time_decision(original)
    if time_decision is not None:
        return ColumnVerdict(FieldKind.DATE, time_decision, remark_on(time_decision))
    number = column.number_decision()
    if number is not None:
        return ColumnVerdict(FieldKind.NUMBER, number, remark_on(number))
    return ColumnVerdict(FieldKind.CATEGORY, remark=_almost(column))


def _time_of_numbers(column: Numbers, original: str) -> ColumnVerdict | None:
    """Read typed numbers as times, where all of them are, by a unit."""
    known = column.numbers()
    known = known[~np.isnan(known)]
    if not len(known) or known.min() < 0 or (known % 1 != 0).any():
        return None
    decision = column.as_text().time_decision(original)
    if decision is None:
        return None
    return ColumnVerdict(FieldKind.DATE, decision, remark_on(decision))


def _almost(column: TextCells) -> str | None:
    """Return a remark on a category whose values are mostly numbers or times, or look like them."""
    shares = (
        (number_share(column.counts, column.missing), "numbers", "number"),
        (time_share(column.counts, column.hints, column.missing), "times", "date"),
    )
    like = None if any(ALMOST <= share < 1 for share, *_ in shares) else resembles(column.counts)
    least = MOSTLY if len(column.counts) >= MANY_LEVELS else ALMOST
    for share, name, kind in shares:
        if like is None and least <= share < 1:
            return (
                f"{share:.1%} of its values are {name}, too few to read it so: it was taken for a "
                f"category (--missing WORD for a word that means missing; --as COLUMN={kind} reads "
                "all that does not fit as missing)"
            )
    return like


def columns_of_times(
    table: Table, verdicts: Mapping[str, ColumnVerdict], reserved: Collection[str]
) -> Iterable[tuple[str, NDArray[np.float64]]]:
    """Yield the columns of times, features or not, by their name in the file."""
    for name in table.names:
        column, original = table.columns[name], table.originals[name]
        verdict = verdicts.get(name)
        if verdict is None and name in reserved and isinstance(column, TextCells):
            decision = column.time_decision(original)
            verdict = ColumnVerdict(FieldKind.DATE, decision) if decision else None
        elif verdict is None and isinstance(column, Milliseconds):
            verdict = ColumnVerdict(FieldKind.DATE)
        if verdict is not None and verdict.kind is FieldKind.DATE:
            yield original, _values(table, name, verdict)


def _values(table: Table, name: str, verdict: ColumnVerdict) -> NDArray[np.float64]:
    readings = {name: verdict.reading} if verdict.reading is not None else {}
    forced = (name,) if verdict.is_given and verdict.decision is not None else ()
    columns = table.columns_for({name: verdict.kind}, readings, forced)
    return np.asarray(columns[name], dtype=np.float64)


def judge(
    table: Table,
    name: str,
    verdict: ColumnVerdict,
    times: list[tuple[str, NDArray[np.float64]]],
    *,
    is_said: bool,
    can_be_said: bool,
) -> ColumnVerdict:
    """Drop what is empty, almost empty, constant or an identifier; make codes categories.

    The reason names ``--as`` only where ``can_be_said``: a contract and the time of creation
    exclude it.
    """
    if verdict.kind in (FieldKind.NUMBER, FieldKind.DATE):
        numbers = _values(table, name, verdict)
        known = numbers[~np.isnan(numbers)]
        count, distinct = len(known), len(np.unique(known))
        if count and np.abs(known).max() > LARGEST_EXACT:
            distinct = len(_levels(table.columns[name]))
    else:
        levels = _levels(table.columns[name], table.missing)
        count, distinct = sum(levels.values()), len(levels)
    if not count:
        return replace(verdict, unfit=NO_VALUES)
    if _is_almost_empty(count, table.rows) and not is_said:
        unfit = f"almost empty: {count:,} of {table.rows:,} rows have a value"
        if can_be_said:
            unfit += f" (--as {quote(table.originals[name])}={verdict.kind} keeps it)"
        return replace(verdict, unfit=unfit)
    if distinct == 1 and count == table.rows:
        return replace(verdict, unfit="the same value in every row")
    if verdict.kind is FieldKind.DATE:
        return _with_stand_ins(_with_span(verdict, known), known)
    if count < ENOUGH_TO_TELL or verdict.is_given:
        return verdict
    if verdict.kind is FieldKind.NUMBER:
        return _judged_number(table, name, verdict, numbers, times)
    if distinct >= DISTINCT_SHARE * count:
        also = f"; {verdict.remark}" if verdict.remark else ""
        return _identifier(
            f"almost every value is different (if it is free text, name it with --text){also}"
        )
    return verdict


def _is_almost_empty(count: int, rows: int) -> bool:
    return count < max(LEAST_FILLED * rows, min(LEAST_VALUES, LEAST_FILLED_OF_FEW * rows))


def without_persons(
    table: Table, name: str, verdict: ColumnVerdict, leads: NDArray[np.int64] | None = None
) -> ColumnVerdict:
    """Withhold a category's levels that may name persons; drop it where none is left."""
    if verdict.kind is not FieldKind.CATEGORY or verdict.unfit is not None:
        return verdict
    levels = _levels(table.columns[name], table.missing, leads)
    original = table.originals[name]
    withheld = withheld_levels(levels, original)
    personal = kinds_of(withheld, original)
    if len(withheld) == len(levels):
        why = (
            f"its values look like {' and '.join(personal)}"
            if personal
            else f"none of its values is in as many as {LEAST_LEADS} "
            f"{'rows' if leads is None else 'rows of different leads'}"
        )
        remedy = "if it is free text, name it with --text"
        if sum(levels.values()) > len(levels):
            remedy += (
                "; if the rows of one value belong together, such as those of one customer,"
                " --group COLUMN keeps them in one fold"
            )
        also = f"; {verdict.remark}" if verdict.remark else ""
        return _identifier(f"{why} ({remedy}){also}")
    if personal:
        found = (
            f"some of its levels look like {' and '.join(personal)}: the model keeps none of them,"
            " and takes them for levels that it has never seen"
        )
        remark = f"{verdict.remark}; {found}" if verdict.remark else found
        verdict = replace(verdict, remark=remark)
    return replace(verdict, withheld=withheld)


def _with_span(verdict: ColumnVerdict, known: NDArray[np.float64]) -> ColumnVerdict:
    span = {"earliest": float(known.min()), "latest": float(known.max())}
    decision = verdict.decision or TimeDecision(TimeReading(), {}, {})
    assert isinstance(decision, TimeDecision)
    reading = decision.reading.model_copy(update=span)
    return replace(verdict, decision=replace(decision, reading=reading))


def _with_stand_ins(verdict: ColumnVerdict, known: NDArray[np.float64]) -> ColumnVerdict:
    """Add remarks on times that stand for none, and on those of another calendar."""
    remarks = [verdict.remark] if verdict.remark else []
    late = known[known >= UNTIL_MS]
    for at in STAND_INS:
        times = int((known == at).sum())
        if times >= max(LEAST_STAND_INS * len(known), 2):
            day = f"{np.datetime64(int(at), 'ms'):}"[:10]
            remarks.append(
                f"{times:,} of its times are {day}: if that means missing, name the cell as it is"
                " written with --missing"
            )
            late = late[late != at]
    if len(late):
        remarks.append(
            f"{len(late):,} of its times are after {UNTIL_YEAR}: if they stand for no time, name"
            " the cell with --missing; if they are of another calendar, convert them"
        )
    return replace(verdict, remark="; ".join(remarks) or None)


def _identifier(why: str) -> ColumnVerdict:
    return ColumnVerdict(FieldKind.CATEGORY, unfit=f"an identifier: {why}", is_identifier=True)


def _levels(
    column: Column, missing: Collection[str] = (), leads: NDArray[np.int64] | None = None
) -> Counter[str]:
    """Count the rows of each level, or its leads; those that mean missing are left out."""
    if leads is not None:
        cells = column.strings()
        level_of = {cell: known_level(cell, missing) for cell in {*cells}}
        found = leads_by_value((level_of[cell] for cell in cells), leads)
        return Counter({level: times for level, times in found.items() if level is not None})
    levels = Counter[str]()
    counts = column.counts if isinstance(column, TextCells) else Counter(column.strings())
    for cell, times in counts.items():
        level = known_level(cell, missing)
        if level is not None:
            levels[level] += times
    return levels


def _written_numbers(column: Column, reading: Reading | None) -> Counter[float | str]:
    """Count the different numbers: by value, or as written where float64 can't distinguish them.

    Words that mean missing and cells that don't fit are no numbers.
    """
    known = reading if isinstance(reading, NumberReading) else NumberReading()
    cells = column.counts if isinstance(column, TextCells) else Counter(column.strings())
    numbers = Counter[float | str]()
    for cell, times in cells.items():
        value = None if cell is None else read_number(cell.strip(), known)
        if cell is None or value is None or value != value:
            continue
        numbers[value if abs(value) <= LARGEST_EXACT else cell.strip()] += times
    return numbers


def _judged_number(
    table: Table,
    name: str,
    verdict: ColumnVerdict,
    numbers: NDArray[np.float64],
    times: list[tuple[str, NDArray[np.float64]]],
) -> ColumnVerdict:
    if isinstance(verdict.reading, NumberReading) and verdict.reading.clock:
        return verdict  # that all have eight digits makes no code of them
    original = table.originals[name]
    why = why_an_identifier(numbers, original, times)
    if why is not None:
        return _identifier(f"{why} (--as COLUMN=number if not)")
    levels = _written_numbers(table.columns[name], verdict.reading)
    code = why_a_code(numbers, len(levels), original)
    if code is None:
        return verdict
    if len(levels) >= DISTINCT_SHARE * sum(levels.values()):
        return _identifier(
            f"almost every value is different, and {code} (--as COLUMN=number if not)"
        )
    return ColumnVerdict(
        FieldKind.CATEGORY,
        remark=f"its whole numbers were taken for a category: {code} (--as COLUMN=number if not)",
    )
