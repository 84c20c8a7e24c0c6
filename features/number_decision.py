"""Decide how a column writes its numbers, by all of its values at once.

A cell alone is ambiguous: "1.250" is over a thousand in one file, and little more than one in
another. What one cell leaves open, others of the column often settle. Where all of them leave it
open, the other columns of the file and its separator decide, and the decision says so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass

from features.written_cells import (
    FEW_MONTHS,
    LEAST_SHARE,
    NO_HINTS,
    PHONE,
    TOLERATED,
    Hints,
    are_too_many,
    bare,
    count_present,
    left_over,
    spread,
)
from schemas.clock_times import read_clock
from schemas.number_reading import (
    CODE,
    CURRENCY,
    PLAIN_NUMBERS,
    SCALES,
    NumberReading,
    read_number,
)

__all__ = ["NumberDecision", "decide_numbers", "number_share"]

ENOUGH_GROUPED = 3
"""Cells with a separator before three digits, from which on they are evidence of thousands."""
READINGS = (
    NumberReading(),
    NumberReading(decimal=","),
    NumberReading(grouping=","),
    NumberReading(decimal=",", grouping="."),
    NumberReading(grouping=" "),
    NumberReading(decimal=",", grouping=" "),
    NumberReading(grouping="'"),
    NumberReading(decimal=",", grouping="'"),
)
"""In the order in which they are preferred where several read as many cells."""
CURRENCY_SIGN = re.compile(rf"(?:^|[(+ -]|(?<=[\d,.])){CURRENCY}")
SCALE = re.compile(rf"\d[.,]? ?(?:{'|'.join(SCALES)})\b", re.IGNORECASE)
MOST_SIGNS = 3
"""Currencies that a remark names."""
SEPARATED = re.compile(r"\d[., ']\d|[.,]\d|\d[.,](?!\d)")
"""A number with a separator in it."""
MONTH_AS_NUMBER = re.compile(
    r"(?:199\d|20[0-3]\d)[.,](?:0[1-9]|1[0-2])|(?:0?[1-9]|1[0-2])[.,](?:199\d|20[0-3]\d)"
)


@dataclass(frozen=True, slots=True)
class NumberDecision:
    """How a column writes its numbers.

    Attributes
    ----------
    reading
        What reads them.
    words
        Words that were read as missing, and how often they occur.
    misfits
        Cells that are no numbers, and how often: they count as missing.
    is_open
        Whether the values alone leave two readings open.
    mixed
        What of the cells is not read, or may mean something else: a sentence's end on currencies,
        percent signs, or months that look like numbers; None where there is nothing of it.
    """

    reading: NumberReading
    words: Mapping[str, int]
    misfits: Mapping[str, int]
    is_open: bool = False
    mixed: str | None = None


def decide_numbers(
    cells: Mapping[str, int],
    hints: Hints = NO_HINTS,
    missing: Collection[str] = (),
    tolerated: float = TOLERATED,
    known: NumberReading | None = None,
) -> NumberDecision | None:
    """Decide how a column writes its numbers.

    Parameters
    ----------
    cells
        Each different cell that is not empty, and how often it occurs.
    hints
        What decides where the values leave two readings open.
    missing
        Words that mean missing in this file, case-folded.
    tolerated
        Share of the cells that may be no number.
    known
        How a model's training data write them: it holds for these cells too if it reads them as
        well as any other.

    Returns
    -------
    NumberDecision or None
        None where the column is not one of numbers: too many of its cells are none, or some are
        phone numbers or have a leading zero. Times of day are numbers: milliseconds since midnight.
    """
    if known is not None:
        missing = {*missing, *known.missing}
    if known is not None:
        return _decided(cells, hints, missing, tolerated, known, scaled=known.scaled)
    plain = _decided(cells, hints, missing, tolerated, None)
    if not any(map(SCALE.search, cells if plain is None else plain.misfits)):
        return plain
    return _decided(cells, hints, missing, tolerated, None, scaled=True) or plain


def _decided(
    cells: Mapping[str, int],
    hints: Hints,
    missing: Collection[str],
    tolerated: float,
    known: NumberReading | None,
    *,
    scaled: bool = False,
) -> NumberDecision | None:
    sample, truth = spread(cells), known is not None and known.truth
    present = count_present(sample, missing)
    more = {"truth": truth, "scaled": scaled}
    most = _most(sample, present, more)
    if (known is None or known.clock) and _clocks(sample) > most:
        return _of_clocks(cells, missing, tolerated)
    if most < min(LEAST_SHARE, 1 - tolerated) * present:
        return None
    chosen, is_open = _chosen(sample, hints, known, scaled=scaled)
    chosen = chosen.model_copy(update={"missing": tuple(sorted(missing)), **more})
    words, misfits = left_over(cells, lambda cell: read_number(cell, chosen))
    if are_too_many(cells, words, misfits, tolerated):
        return None
    if any(CODE.match(cell) for cell in misfits) or any(map(PHONE.fullmatch, map(bare, cells))):
        return None
    if known is None and _is_truth(cells, chosen):
        chosen = chosen.model_copy(update={"truth": True})
    return NumberDecision(chosen, words, misfits, is_open, _mixed(cells))


def _mixed(cells: Mapping[str, int]) -> str | None:
    """Return what differs between the cells that a number does not hold."""
    signs, percents, total = Counter[str](), 0, 0
    for cell, times in cells.items():
        total += times
        percents += times if cell.rstrip().endswith("%") else 0
        sign = CURRENCY_SIGN.search(bare(cell))
        if sign is not None:
            signs[sign[0].strip("(+ -").casefold()] += times
    if len(signs) > 1:
        names = ", ".join(sign for sign, _ in signs.most_common(MOST_SIGNS))
        return f"its amounts are in several currencies ({names}), and are not converted"
    if TOLERATED * total < percents < (1 - TOLERATED) * total:
        return (
            f"{percents:,} of its values have a percent sign and {total - percents:,} do not: 12 %"
            " is read as 12"
        )
    if percents > TOLERATED * total:
        return "12 % is read as 12, so leads must not have 0.12 for it"
    if len(cells) >= FEW_MONTHS and all(map(MONTH_AS_NUMBER.fullmatch, cells)):
        return (
            "its numbers may be months, and are read as numbers: write months as 2024-05 to have"
            " them read as dates"
        )
    return None


def number_share(cells: Mapping[str, int], missing: Collection[str] = ()) -> float:
    """Return the share of the cells that are numbers by some reading, those that miss left out."""
    sample = spread(cells)
    present = count_present(sample, missing)
    return max(_most(sample, present, {}), _clocks(sample)) / present if present else 0.0


def _clocks(sample: Mapping[str, int]) -> int:
    """Return how many cells are times of day."""
    return sum(n for cell, n in sample.items() if read_clock(cell) is not None)


def _of_clocks(
    cells: Mapping[str, int], missing: Collection[str], tolerated: float
) -> NumberDecision | None:
    reading = NumberReading(clock=True, missing=tuple(sorted(missing)))
    words, misfits = left_over(cells, lambda cell: read_number(cell, reading))
    if are_too_many(cells, words, misfits, tolerated):
        return None
    return NumberDecision(reading, words, misfits)


def _most(sample: Mapping[str, int], present: int, more: Mapping[str, bool]) -> int:
    """Return how many cells are numbers by the reading by which most are."""
    most = 0
    for plain in READINGS:
        reading = plain.model_copy(update=more)
        most = max(most, sum(n for cell, n in sample.items() if _is_number(cell, reading)))
        if most == present:
            break
    return most


def _chosen(
    sample: Mapping[str, int], hints: Hints, known: NumberReading | None, *, scaled: bool
) -> tuple[NumberReading, bool]:
    """Choose the reading by the cells that have a separator; return also whether it is open."""
    separated = {cell: n for cell, n in sample.items() if SEPARATED.search(bare(cell)) is not None}
    is_given = hints.is_decimal_given
    readings = [r.model_copy(update={"scaled": scaled}) for r in READINGS]
    allowed = [r for r in readings if not is_given or r.decimal == hints.decimal]
    read = {r: sum(n for c, n in separated.items() if _is_number(c, r)) for r in allowed}
    most = max(read.values())
    if not most:
        return _assumed(known), False
    best = [reading for reading in allowed if read[reading] >= (1 - TOLERATED) * most]
    if known is not None and not known.assumed:
        same = [r for r in best if (r.decimal, r.grouping) == (known.decimal, known.grouping)]
        if same:
            return same[0], False
    return _choose(sample, best, hints)


def _assumed(known: NumberReading | None) -> NumberReading:
    return PLAIN_NUMBERS.model_copy(update={"assumed": True}) if known is None else known


def _choose(
    cells: Mapping[str, int], best: list[NumberReading], hints: Hints
) -> tuple[NumberReading, bool]:
    """Choose among readings that read as many cells; return also whether it is open."""
    for mark in (".", ","):
        as_decimal = [reading for reading in best if reading.decimal == mark]
        as_group = [reading for reading in best if reading.grouping == mark]
        if not as_group or not as_decimal or not any(mark in cell for cell in cells):
            continue
        grouped = _has_thousands(cells, mark)
        if grouped is None:
            is_decimal = hints.decimal == mark
            return (as_decimal if is_decimal else as_group)[0], True
        return (as_group if grouped else as_decimal)[0], False
    return best[0], False


def _has_thousands(cells: Mapping[str, int], mark: str) -> bool | None:
    """Return whether a mark before three digits separates thousands; None where nothing shows it.

    Where it does, numbers below a thousand stand without it, and none above a thousand does.
    """
    marked = sum(n for cell, n in cells.items() if mark in cell)
    plain = {re.split(r"[.,]", cell)[0]: n for cell, n in cells.items() if mark not in cell}
    digits = [(sum(map(str.isdecimal, whole)), n) for whole, n in plain.items()]
    if sum(n for length, n in digits if length > 3) > TOLERATED * marked:
        return False
    if any(length for length, _ in digits) and marked >= ENOUGH_GROUPED:
        return True
    return None


def _is_number(cell: str, reading: NumberReading) -> bool:
    value = read_number(cell.strip(), reading)
    return value is not None and value == value


def _is_truth(cells: Mapping[str, int], reading: NumberReading) -> bool:
    values = {read_number(cell.strip(), reading) for cell in cells}
    return {value for value in values if value is not None and value == value} == {0.0, 1.0}
