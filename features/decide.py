"""Decide how a column writes its numbers or times, by all of its values at once.

A cell alone is ambiguous: "1.250" is over a thousand in one file, and little more than one in
another. What one cell leaves open, others of the column often settle. Where all of them leave it
open, the other columns of the file and its separator decide, and the decision says so.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from typing import Literal, TypeVar

from schemas.readings import (
    CODE,
    CURRENCY,
    MINUS,
    PLAIN_NUMBERS,
    PLAIN_TIMES,
    SCALES,
    SPACES,
    NumberReading,
    TimeReading,
    Unit,
    day_and_month,
    read_clock,
    read_number,
    read_time,
)

__all__ = [
    "ID_WORDS",
    "PHONE_WORDS",
    "TOLERATED",
    "Hints",
    "NumberDecision",
    "TimeDecision",
    "decide_numbers",
    "decide_times",
    "name_words",
    "number_share",
    "time_share",
]

TOLERATED = 0.02
"""Share of a column's cells that may be no number or time: they count as missing and are listed."""
ENOUGH_GROUPED = 3
"""Cells with a separator before three digits, from which on they are evidence of thousands."""
SAMPLE = 5_000
"""Different cells by which a reading is chosen; all cells are held to it."""
LEAST_SHARE = 0.5
"""Share of the sample that must be read for the rest to be looked at."""
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
TWO_DIGIT_YEAR = re.compile(
    r"(?P<a>\d{1,2})(?P<mark>[-/.])(?P<b>\d{1,2})(?P=mark)(?P<year>\d{2})(?!\d).*"
)
LEAST_YEARS = 5
"""Fewer different years of two digits say nothing."""
SEPARATED = re.compile(r"\d[., ']\d|[.,]\d|\d[.,](?!\d)")
"""A number with a separator in it."""
PHONE = re.compile(r"\+\d[\d\s()/.-]{6,}|00[1-9]\d{7,}")
TIME_WORDS = frozenset(
    {
        *("date", "datetime", "time", "timestamp", "day", "created", "updated", "modified", "at"),
        *("visit", "visited", "seen", "activity", "signup", "signed", "birthday", "since", "ts"),
        *("datum", "fecha", "data", "jour", "dato", "pvm", "tag", "erstellt", "登録日", "日期"),
    }
)
ID_WORDS = frozenset(
    {
        *("id", "ids", "uuid", "guid", "key", "number", "nr", "no", "num", "index", "unnamed"),
        *("kennung", "nummer", "identifiant", "identificador", "codigo", "código", "code", "sku"),
        *("编号", "編號", "番号", "号码", "번호"),
    }
)
PHONE_WORDS = frozenset(
    {
        *("phone", "telephone", "tel", "mobile", "cell", "cellphone", "fax", "telefon", "telefono"),
        *("téléphone", "handy", "celular", "movil", "móvil", "电话", "電話"),
    }
)
COMPOUND = re.compile(r"(.+)(nummer|kennung|leitzahl|编号|編號|番号|号码|번호)")
"""Words that are written together with the one before them."""
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|[^\W\d_a-zA-Z]+")

YEAR_1990, YEAR_2035 = 7_305, 23_741
"""In days since 1970: within them a bare number of a column may be a time."""
EXCEL_SHIFT = 25_569
SPANS: Mapping[Unit, tuple[float, float]] = {
    "s": (YEAR_1990 * 86_400.0, YEAR_2035 * 86_400.0),
    "ms": (YEAR_1990 * 86_400e3, YEAR_2035 * 86_400e3),
    "us": (YEAR_1990 * 86_400e6, YEAR_2035 * 86_400e6),
    "ns": (YEAR_1990 * 86_400e9, YEAR_2035 * 86_400e9),
    "days": (YEAR_1990, YEAR_2035),
    "excel": (YEAR_1990 + EXCEL_SHIFT, YEAR_2035 + EXCEL_SHIFT),
}
ONLY_WHERE_NAMED = ("ns", "days", "excel")
"""Units whose numbers are too common to be times unless the column's name says so."""
WHOLE = re.compile(r"\d+(?:\.0+)?")
FRACTION = re.compile(r"\d+(?:\.\d+)?")
DAY_DIGITS, SECOND_DIGITS = 8, 14
MONTH = re.compile(r"(?:199\d|20[0-3]\d)(?:0[1-9]|1[0-2])(?:\.0+)?")
"""A month of 1990 to 2039, such as 202405."""
MONTH_AS_NUMBER = re.compile(
    r"(?:199\d|20[0-3]\d)[.,](?:0[1-9]|1[0-2])|(?:0?[1-9]|1[0-2])[.,](?:199\d|20[0-3]\d)"
)
FEW_MONTHS = 3
"""Different months, from which on such numbers are no coincidence."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Hints:
    """Hints on how numbers and dates are written, from other columns, the file, or an option.

    Attributes
    ----------
    decimal
        The decimal separator that is likely, by other columns or the file's own separator.
    first
        What comes first in dates such as 3/4/2024, by other columns; None where they leave it open.
    is_decimal_given, is_first_given
        Whether an option says so: then it decides.
    """

    decimal: Literal[".", ","] = "."
    first: Literal["day", "month"] | None = None
    is_decimal_given: bool = False
    is_first_given: bool = False


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


@dataclass(frozen=True, slots=True)
class TimeDecision:
    """How a column writes its times; attributes as of ``NumberDecision``.

    Attributes
    ----------
    example
        A cell whose last two digits were read as a year but may be none; None where all is plain.
    """

    reading: TimeReading
    words: Mapping[str, int]
    misfits: Mapping[str, int]
    is_open: bool = False
    example: str | None = None


def name_words(name: str) -> set[str]:
    """Cut a column's name into its words, in lower case.

    Examples
    --------
    >>> sorted(name_words("callDuration_sec")), sorted(name_words("Telefonnummer"))
    (['call', 'duration', 'sec'], ['nummer', 'telefon', 'telefonnummer'])
    """
    words = {word.casefold() for word in WORDS.findall(name)}
    parts = filter(None, map(COMPOUND.fullmatch, words))
    return words.union(*(match.groups() for match in parts))


# Numbers


def decide_numbers(
    cells: Mapping[str, int],
    hints: Hints = Hints(),
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
    sample, truth = _spread(cells), known is not None and known.truth
    present = sum(n for cell, n in sample.items() if not _is_missing(cell, missing))
    more = {"truth": truth, "scaled": scaled}
    most = _most(sample, present, more)
    if (known is None or known.clock) and _clocks(sample) > most:
        return _of_clocks(cells, missing, tolerated)
    if most < min(LEAST_SHARE, 1 - tolerated) * present:
        return None
    chosen, is_open = _chosen(sample, hints, known, scaled=scaled)
    chosen = chosen.model_copy(update={"missing": tuple(sorted(missing)), **more})
    words, misfits = _left_over(cells, lambda cell: read_number(cell, chosen))
    if _too_many(cells, words, misfits, tolerated):
        return None
    if any(CODE.match(cell) for cell in misfits) or any(map(PHONE.fullmatch, map(_bare, cells))):
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
        sign = CURRENCY_SIGN.search(_bare(cell))
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
    sample = _spread(cells)
    present = sum(n for cell, n in sample.items() if not _is_missing(cell, missing))
    return max(_most(sample, present, {}), _clocks(sample)) / present if present else 0.0


def _clocks(sample: Mapping[str, int]) -> int:
    """Return how many cells are times of day."""
    return sum(n for cell, n in sample.items() if read_clock(cell) is not None)


def _of_clocks(
    cells: Mapping[str, int], missing: Collection[str], tolerated: float
) -> NumberDecision | None:
    reading = NumberReading(clock=True, missing=tuple(sorted(missing)))
    words, misfits = _left_over(cells, lambda cell: read_number(cell, reading))
    if _too_many(cells, words, misfits, tolerated):
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
    separated = {cell: n for cell, n in sample.items() if SEPARATED.search(_bare(cell)) is not None}
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


# Times


def decide_times(
    cells: Mapping[str, int],
    name: str = "",
    hints: Hints = Hints(),
    missing: Collection[str] = (),
    tolerated: float = TOLERATED,
    known: TimeReading | None = None,
) -> TimeDecision | None:
    """Decide how a column writes its times.

    Parameters
    ----------
    cells
        Each different cell that is not empty, and how often it occurs.
    name
        The column's name: some numbers are times only where the name says so.
    hints, missing, tolerated
        As of ``decide_numbers``.
    known
        How a model's training data write them: the unit of bare numbers is not decided anew, and
        what comes first in a date only where these cells show that it is another.

    Returns
    -------
    TimeDecision or None
        None where the column is not one of times.
    """
    if known is not None:
        missing = {*missing, *known.missing}
    words = tuple(sorted(missing))
    sample = _spread(cells)
    present = sum(n for cell, n in sample.items() if not _is_missing(cell, missing))
    numbers = {_bare(cell): n for cell, n in sample.items() if FRACTION.fullmatch(_bare(cell))}
    base = (known or PLAIN_TIMES).model_copy(update={"missing": words})
    if present and sum(numbers.values()) >= (1 - tolerated) * present:
        if known is not None:
            return _held_to(cells, base, tolerated)
        unit = _unit(numbers, name_words(name))
        if unit is None:
            return None
        reading = base.model_copy(update={"unit": None if unit == "compact" else unit})
        return _held_to(cells, reading, tolerated)
    first, is_open = _order(sample, hints, known)
    reading = base.model_copy(update={"first": first})
    read = sum(n for cell, n in sample.items() if _is_time(cell, reading))
    if present and read < min(LEAST_SHARE, 1 - tolerated) * present:
        return None
    return _held_to(cells, reading, tolerated, is_open)


def time_share(
    cells: Mapping[str, int], hints: Hints = Hints(), missing: Collection[str] = ()
) -> float:
    """Return the share of the cells that are written times, those that miss left out."""
    sample = _spread(cells)
    present = sum(n for cell, n in sample.items() if not _is_missing(cell, missing))
    reading = TimeReading(first=_order(sample, hints, None)[0])
    read = sum(n for cell, n in sample.items() if _is_time(cell, reading))
    return read / present if present else 0.0


def _is_time(cell: str, reading: TimeReading) -> bool:
    value = read_time(cell, reading)
    return value is not None and value == value


def _held_to(
    cells: Mapping[str, int], reading: TimeReading, tolerated: float, is_open: bool = False
) -> TimeDecision | None:
    words, misfits = _left_over(cells, lambda cell: read_time(cell, reading))
    if _too_many(cells, words, misfits, tolerated):
        return None
    return TimeDecision(reading, words, misfits, is_open, _doubtful_year(cells))


def _doubtful_year(cells: Collection[str]) -> str | None:
    """Return a cell of dates whose two digits for the year may be none.

    Years differ less than days do; where it is otherwise, they are days, or parts of a version.
    """
    short = [match for cell in cells if (match := TWO_DIGIT_YEAR.fullmatch(cell.strip()))]
    if 2 * len(short) < len(cells):
        return None
    parts = ({match[name] for match in short} for name in ("a", "b", "year"))
    first, second, years = map(len, parts)
    return short[0][0] if years >= max(first, second, LEAST_YEARS) else None


def _order(
    cells: Mapping[str, int], hints: Hints, known: TimeReading | None
) -> tuple[Literal["day", "month"] | None, bool]:
    """Return what comes first in a column's dates, and whether its values leave that open."""
    pairs = Counter[tuple[int, int]]()
    for cell, times in cells.items():
        pair = day_and_month(cell)
        if pair is not None:
            pairs[pair] += times
    before = None if known is None else known.first
    if not pairs:
        return before, False
    if hints.is_first_given:
        return hints.first, False
    day = sum(n for (a, _), n in pairs.items() if a > 12)
    month = sum(n for (_, b), n in pairs.items() if b > 12)
    if day or month:
        return ("day" if day > month else "month"), False
    if known is not None:
        return before, False
    return hints.first or "month", True


def _unit(numbers: Mapping[str, int], words: Collection[str]) -> Unit | Literal["compact"] | None:
    whole = [cell for cell in numbers if WHOLE.fullmatch(cell)]
    if len(whole) == len(numbers) and all(
        len(cell) in (DAY_DIGITS, SECOND_DIGITS) and read_time(cell) is not None for cell in whole
    ):
        return "compact"
    is_named = not TIME_WORDS.isdisjoint(words)
    if len(numbers) >= FEW_MONTHS and all(map(MONTH.fullmatch, numbers)):
        return "months"
    if not is_named and not (ID_WORDS | PHONE_WORDS).isdisjoint(words):
        return None
    values = [float(cell) for cell in numbers]
    for unit, (low, high) in SPANS.items():
        if unit in ONLY_WHERE_NAMED and not is_named:
            continue
        if values and all(low <= value < high for value in values):
            return unit
    return None


# Both


def _spread(cells: Mapping[str, T]) -> dict[str, T]:
    """Return a sample of the cells, evenly taken: a sorted file begins with small numbers."""
    step = -(-len(cells) // SAMPLE)
    if step <= 1:
        return dict(cells)
    return {cell: n for i, (cell, n) in enumerate(cells.items()) if i % step == 0}


def _bare(cell: str) -> str:
    return SPACES.sub(" ", cell.translate(MINUS)).strip()


def _is_missing(cell: str, missing: Collection[str]) -> bool:
    value = read_number(cell, PLAIN_NUMBERS)
    if value is None:
        return bool(missing) and _bare(cell).casefold() in missing
    return value != value


def _left_over(
    cells: Mapping[str, int], read: Callable[[str], float | None]
) -> tuple[Counter[str], Counter[str]]:
    """Return the cells that mean missing, and those that can't be read."""
    words, misfits = Counter[str](), Counter[str]()
    for cell, times in cells.items():
        value = read(cell.strip())
        if value is None:
            misfits[cell.strip()] += times
        elif value != value:
            words[cell.strip()] += times
    return words, misfits


def _too_many(
    cells: Mapping[str, int],
    words: Mapping[str, int],
    misfits: Mapping[str, int],
    tolerated: float,
) -> bool:
    known = sum(cells.values()) - sum(words.values())
    wrong = sum(misfits.values())
    return wrong > 0 and (wrong >= known or wrong > tolerated * known)
