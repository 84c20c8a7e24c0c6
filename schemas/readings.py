"""Parsing of numbers, times and yes/no values: the same rule for files and events.

A reading is decided once from all values of a column of the training data (``features.decide``) and
kept in the model's spec. Files and events are then parsed by it.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.times import EARLIEST_MS, LATEST_MS, iso_ms
from schemas.written_dates import month_of, rewritten

__all__ = [
    "FALSE_WORDS",
    "FIRST_MS",
    "INVISIBLE",
    "MISSING_NUMBERS",
    "PLAIN_NUMBERS",
    "PLAIN_TIMES",
    "TRUE_WORDS",
    "UNTIL_MS",
    "NumberReading",
    "Reading",
    "TimeReading",
    "day_and_month",
    "plausible_span",
    "read_clock",
    "read_number",
    "read_time",
    "time_of_number",
    "unit_of",
    "written_clock",
]

TRUTHS = (
    *(("yes", "no"), ("true", "false"), ("y", "n"), ("t", "f"), ("1", "0"), ("on", "off")),
    *(("ja", "nein"), ("ja", "nee"), ("ja", "nej"), ("ja", "nei"), ("oui", "non"), ("si", "no")),
    *(("sí", "no"), ("sì", "no"), ("sim", "não"), ("sim", "nao"), ("tak", "nie"), ("ano", "ne")),
    *(("да", "нет"), ("так", "ні"), ("ναι", "όχι"), ("evet", "hayır"), ("igen", "nem")),
    *(
        ("kyllä", "ei"),
        ("是", "否"),
        ("はい", "いいえ"),
        ("예", "아니요"),
        ("نعم", "لا"),
        ("כן", "לא"),
    ),
    *(("wahr", "falsch"), ("vrai", "faux"), ("verdadero", "falso"), ("verdadeiro", "falso")),
    *(("vero", "falso"), ("waar", "onwaar"), ("prawda", "fałsz"), ("sant", "falskt")),
    *(("истина", "ложь"), ("sand", "falsk")),
)
TRUE_WORDS, FALSE_WORDS = map(tuple, zip(*TRUTHS, strict=True))
"""Words that mean the same, word by word of the two lists the opposite; as people write them, and
as spreadsheets do in their language."""

MISSING_NUMBERS = frozenset(
    (
        *("", "nan", "null", "none", "n/a", "#n/a", "na", "n.a.", "n.a", "#na", "<na>", "n/d"),
        *("\\n", "?", "??", "-", "--", "---", "–", "—", ".", "..", "...", "nil", "(null)"),
        *("[null]", "<null>", "undefined", "unknown", "not known", "not available", "missing"),
        *("not applicable", "not set", "(blank)", "blank", "empty", "tbd", "#value!", "#ref!"),
        *("#div/0!", "#num!", "#name?", "#null!", "nat", "<nat>"),
        *("k.a.", "k. a.", "keine angabe", "nicht bekannt", "unbekannt", "s/d", "sin dato"),
        *("sin datos", "desconocido", "desconhecido", "não informado", "n.v.t.", "onbekend"),
        *("inconnu", "non renseigné", "n.c.", "sconosciuto", "nieznany", "brak danych"),
        *("нет данных", "неизвестно", "未知", "不明", "없음"),
    )
)
"""Words that stand for a missing number or time, case-folded."""

Grouping = Literal["", ",", ".", " ", "'"]
Unit = Literal["s", "ms", "us", "ns", "days", "excel", "months"]


class NumberReading(BaseModel):
    """Format of a column's numbers.

    Parameters
    ----------
    decimal
        The decimal separator.
    grouping
        The separator of thousands; empty where there is none.
    assumed
        Whether no training value has a separator, so that both are unknown.
    truth
        Whether words for yes and no are read as 1 and 0.
    clock
        Whether the column is a time of day, in milliseconds since midnight, so that 14:30 is one.
    scaled
        Whether letters behind a number multiply it: 1.2k is 1,200, 3 Mio. is 3,000,000.
    missing
        Words that mean missing, besides ``MISSING_NUMBERS``; case-folded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    decimal: Literal[".", ","] = "."
    grouping: Grouping = ""
    assumed: bool = False
    truth: bool = False
    clock: bool = False
    scaled: bool = False
    missing: tuple[str, ...] = ()


class TimeReading(BaseModel):
    """Format of a column's times.

    Parameters
    ----------
    first
        What comes first in a date such as 3/4/2024: the day or the month. None: the training data
        have no such date, and none is read.
    unit
        What a bare number counts: seconds, milliseconds, microseconds or nanoseconds since 1970,
        days since 1970, days as Excel counts them, or months as 202405. A number that is no time
        from 1990 on by this unit is read as with None: by the one of the first four that makes it a
        time between 1990 and 2100; their ranges do not overlap.
    earliest, latest
        Milliseconds since 1970: the first and the last time of the training data. None: not known.
    missing
        Words that mean missing, besides ``MISSING_NUMBERS``; case-folded.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    first: Literal["day", "month"] | None = None
    unit: Unit | None = None
    earliest: float | None = None
    latest: float | None = None
    missing: tuple[str, ...] = ()


Reading = NumberReading | TimeReading

PLAIN_NUMBERS = NumberReading()
PLAIN_TIMES = TimeReading()

# Numbers

SPACES = re.compile(r"[\s\u00a0\u2007\u2009\u202f]+")
INVISIBLE = dict.fromkeys(
    (0xAD, 0x200B, 0x200E, 0x200F, *range(0x202A, 0x202F), 0x2060, *range(0x2066, 0x206A), 0xFEFF)
)
"""Marks of direction and of places to break a line, which copied text has without a reason."""
MINUS = INVISIBLE | str.maketrans(
    {"\u2212": "-", "\u2012": "-", "\u2013": "-", "\u2014": "-", "\uff0d": "-", "’": "'"}
)
CURRENCY_CODES = (
    "USD|EUR|GBP|JPY|CHF|CAD|AUD|NZD|SEK|NOK|DKK|ISK|PLN|CZK|HUF|RON|BGN|UAH|RUB|TRY|ILS|AED|SAR"
    "|QAR|EGP|ZAR|NGN|KES|INR|PKR|BDT|CNY|RMB|HKD|TWD|KRW|SGD|MYR|THB|IDR|PHP|VND|BRL|MXN|ARS|CLP"
    "|COP|PEN"
)
"""Any three capitals would take a code such as LHR123 for a number."""
CURRENCY = (
    rf"(?:[$€£¥₹₽₩₺₴₪₫฿¢円元원]|US\$|A\$|C\$|R\$|{CURRENCY_CODES}|kr\.?|zł|Kč|Fr\.?|[Ee]uros?)"
)
DRESSED = re.compile(rf"({CURRENCY} ?)?([+-]?)({CURRENCY} ?)?(.*?)( ?(?:%|{CURRENCY}))?(-?)")
NO_CENTS = re.compile(r"(?<=\d)(?:([.,])|:)-{1,2}(?= ?\D*$)")
"""Marks for no cents: 1.250,- is 1.250,00, and not negative."""
SCALES = {
    **dict.fromkeys(("k", "tsd", "thousand"), 1e3),
    **dict.fromkeys(("m", "mm", "mn", "mio", "mill", "million", "millions"), 1e6),
    **dict.fromkeys(("b", "bn", "mrd", "billion", "billions"), 1e9),
}
SCALED = re.compile(rf"(.*\d[.,]?) ?({'|'.join(SCALES)})\.?", re.IGNORECASE)
BARE = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
INFINITE = frozenset({"inf", "infinity", "∞"})
CODE = re.compile(r"[+-]?0\d")
"""A number with a leading zero is a code, such as a postcode."""


def read_number(text: str, reading: NumberReading = PLAIN_NUMBERS) -> float | None:
    """Parse a number that may have grouped thousands, a currency or a percent sign.

    A percent sign is dropped: 12.5 % is 12.5. A number in parentheses is negative.

    Parameters
    ----------
    text
        The text.
    reading
        Format of the column's numbers.

    Returns
    -------
    float or None
        NaN if the text means missing or is infinite; None if it is not a number.

    Examples
    --------
    >>> read_number("$1,234.50", NumberReading(grouping=","))
    1234.5
    >>> read_number("(1.250,00)", NumberReading(decimal=",", grouping="."))
    -1250.0
    >>> read_number("1,250") is None
    True
    >>> read_number("2:30 PM", NumberReading(clock=True))
    52200000.0
    >>> read_number("1.250,- €", NumberReading(decimal=",", grouping="."))
    1250.0
    >>> read_number("$1.2M", NumberReading(scaled=True))
    1200000.0
    """
    if BARE.fullmatch(text) and not CODE.match(text) and _is_point(text, reading):
        return _finite(float(text))
    text = SPACES.sub(" ", text.translate(MINUS)).strip()
    folded = text.casefold()
    if folded in MISSING_NUMBERS or folded in reading.missing:
        return float("nan")
    if folded.lstrip("+-") in INFINITE:
        return float("nan")
    if reading.truth and (folded in TRUE_WORDS or folded in FALSE_WORDS):
        return float(folded in TRUE_WORDS)
    if reading.clock and (at := read_clock(text)) is not None:
        return at
    return _undressed(text, reading)


def _is_point(text: str, reading: NumberReading) -> bool:
    return "." not in text or (reading.decimal == "." and reading.grouping != ".")


def _undressed(text: str, reading: NumberReading) -> float | None:
    sign = 1.0
    if text.startswith("(") and text.endswith(")"):
        text, sign = text[1:-1].strip(), -1.0
    text = NO_CENTS.sub(r"\1", text)
    match = DRESSED.fullmatch(text)
    if match is None:
        return None
    before, plus_or_minus, behind, digits, after, trailing = match.groups()
    if plus_or_minus and trailing:
        return None
    if (before or behind) and after and after.strip() != "%":
        return None
    if "-" in (plus_or_minus, trailing):
        sign = -sign
    number = _digits(digits.strip(), reading)
    if number is None and reading.scaled and (scaled := SCALED.fullmatch(digits.strip())):
        number = _digits(scaled[1], reading)
        sign *= SCALES[scaled[2].casefold()]
    return None if number is None else _finite(sign * number)


@lru_cache(maxsize=32)
def _shape(decimal: str, grouping: str) -> re.Pattern[str]:
    point = re.escape(decimal)
    grouped = rf"[1-9]\d{{0,2}}(?:{re.escape(grouping)}\d{{3}})+|" if grouping else ""
    if grouping == ",":
        grouped += r"[1-9]\d?(?:,\d{2})+,\d{3}|"  # lakh and crore: 12,34,567
    return re.compile(rf"(?:{grouped}\d+)?(?:{point}\d*)?(?:[eE][+-]?\d+)?")


def _digits(digits: str, reading: NumberReading) -> float | None:
    if CODE.match(digits) or not any(character.isdecimal() for character in digits):
        return None
    if not _shape(reading.decimal, reading.grouping).fullmatch(digits):
        return None
    if reading.grouping:
        digits = digits.replace(reading.grouping, "")
    try:
        return float(digits.replace(reading.decimal, "."))
    except ValueError:
        return None


def _finite(value: float) -> float:
    return value if abs(value) != float("inf") else float("nan")


# Times of day

CLOCK_TIME = re.compile(
    r"(?P<hour>\d{1,2})(?:[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2}(?:[.,]\d+)?))?)?"
    r" *(?P<half>[AaPp]\.?[Mm]\.?)|"
    r"(?P<hour2>\d{1,2}):(?P<minute2>\d{2})(?::(?P<second2>\d{2}(?:[.,]\d+)?))?"
    r" *(?:Z|UTC|GMT|[+-]00:?00)?"
)


def read_clock(text: str) -> float | None:
    """Parse a time of day as milliseconds since midnight.

    Hours and minutes, with or without seconds and their fraction, of 24 hours or with AM and PM.
    No zone but UTC is read: with another, the time of day would depend on the date.

    Parameters
    ----------
    text
        The text.

    Returns
    -------
    float or None
        0 to below 86,400,000, as Avro's ``time-millis``; None if it is not a time of day.

    Examples
    --------
    >>> read_clock("14:30") == read_clock("14:30:00") == read_clock("2:30 PM") == 52_200_000
    True
    >>> read_clock("12:05 am"), read_clock("25:00"), read_clock("14.30")
    (300000.0, None, None)
    """
    match = CLOCK_TIME.fullmatch(text.strip())
    if match is None:
        return None
    half = match["half"]
    hour, minute, second = (
        match[part] or match[f"{part}2"] or "0" for part in ("hour", "minute", "second")
    )
    hours, minutes, seconds = int(hour), int(minute), float(second.replace(",", "."))
    if hours >= 24 or minutes >= 60 or seconds >= 60 or (half and not 1 <= hours <= 12):
        return None
    if half:
        hours = hours % 12 + (12 if half[0] in "pP" else 0)
    return 3_600_000.0 * hours + 60_000.0 * minutes + round(1e6 * seconds) / 1e3


def written_clock(ms: float) -> str:
    """Format milliseconds since midnight as HH:MM, or HH:MM:SS if there are seconds.

    Examples
    --------
    >>> written_clock(52_200_000.0), written_clock(52_201_000.0)
    ('14:30', '14:30:01')
    """
    minutes, seconds = divmod(int(ms // 1000), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours:02}:{minutes:02}" + (f":{seconds:02}" if seconds else "")


# Times

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
EXCEL_EPOCH_DAYS = -25_569
"""Day 0 of Excel (1899-12-30), in days since 1970."""
DAY_MS = 86_400_000
FROM_YEAR, UNTIL_YEAR = 631_152_000.0, 4_102_444_800.0
"""1990 and 2100, in seconds since 1970."""
FIRST_MS, UNTIL_MS = FROM_YEAR * 1000, UNTIL_YEAR * 1000
"""1990 and 2100, in milliseconds since 1970."""
MS_OF_UNIT: dict[Unit, float] = {"s": 1e3, "ms": 1.0, "us": 1e-3, "ns": 1e-6, "days": DAY_MS}
BARE_TIME = re.compile(r"[+-]?\d+(?:\.\d+)?(?:[eE][+]?\d+)?")
COMPACT = re.compile(r"((?:19|20)\d{2})(\d{2})(\d{2})(?:[T ]?(\d{2})(\d{2})(\d{2})?(Z)?)?")
DOTNET = re.compile(r"/Date\((-?\d+)(?:[+-]\d{4})?\)/")
CLOCK = (
    r"(?:,? *[T ] *(?P<hour>\d{1,2})[:.](?P<minute>\d{2})(?:[:.](?P<second>\d{2})(?:[.,]\d+)?)?"
    r" *(?P<half>[AaPp]\.?[Mm]\.?)? *(?P<zone>Z|UTC|GMT|[+-]\d{2}:?\d{2})?)?"
)
NUMERIC_DATE = re.compile(
    rf"(?P<a>\d{{1,4}})(?P<separator>[-/.])(?P<b>\d{{1,2}})(?P=separator)(?P<c>\d{{1,4}}){CLOCK}"
)
NAMED_DATE = re.compile(
    r"(?:[^\W\d_]{2,12}\.?, *)?"
    r"(?:(?P<day>\d{1,2})(?:st|nd|rd|th|er|\.)?[ -]*(?P<name>[^\W\d_]{3,12})\.?,?[ -]*"
    r"|(?P<name2>[^\W\d_]{3,12})\.?[ -]*(?P<day2>\d{1,2})(?:st|nd|rd|th)?(?:\.?,[ -]*|\.?[ -]+))"
    rf"(?P<year>\d{{4}}|\d{{2}}){CLOCK}"
)
ZERO_DATE = re.compile(r"0{1,4}([-/.])0{1,2}\1(?:00|0000)(?:[T ]00:00(?::00(?:\.0+)?)?Z?)?")
"""Placeholders of MySQL and others for no date."""
LONGEST_DATE = 80
"""Letters of a text up to which it may be a date."""
TWO_DIGIT_CENTURY = 70
"""Pivot of two-digit years: 70 to 99 are 19xx, 0 to 69 are 20xx, as in POSIX."""


def read_time(text: str, reading: TimeReading = PLAIN_TIMES) -> float | None:
    """Parse a time as milliseconds since 1970; UTC if it has no zone.

    ISO 8601 (also with a space, a zone without a colon or ``UTC``), 20240531, 2024/05/31,
    31.5.2024, 5/31/2024 1:05 PM, 31 May 2024, ``/Date(…)/``, a bare number, and what
    ``schemas.written_dates`` rewrites: month names of other languages, 2024年5月31日, weekdays. A
    month or a quarter (2024-05, 05/2024, May 2024, Q2 2024) is its first day.

    Parameters
    ----------
    text
        The text.
    reading
        Format of the column's times.

    Returns
    -------
    float or None
        NaN if the text means missing; None if it is not a time.

    Examples
    --------
    >>> read_time("1/2/1990 12:30 AM", TimeReading(first="month")) == read_time("1990-01-02T00:30Z")
    True
    >>> read_time("1/2/1990", TimeReading(first="day")) == read_time("1990-02-01")
    True
    >>> read_time("1/2/1990") is None and read_time("yesterday") is None
    True
    """
    if text[4:5] == "-":  # as most are
        iso = iso_ms(text)
        if iso is not None:
            return float(iso)
    text = text.strip()
    compact = COMPACT.fullmatch(text)
    if compact is None and BARE_TIME.fullmatch(text):
        return None if CODE.match(text) else time_of_number(float(text), reading)
    if compact is not None:
        year, month, day, hour, minute, second, _ = compact.groups()
        return _moment(year, month, day, hour, minute, second)
    iso = iso_ms(text)
    if iso is not None:
        return float(iso)
    text = SPACES.sub(" ", text.translate(MINUS)).strip()
    folded = text.casefold()
    if folded in MISSING_NUMBERS or folded in reading.missing or ZERO_DATE.fullmatch(text):
        return float("nan")
    if dotnet := DOTNET.fullmatch(text):
        return float(dotnet[1])
    at = _written(text, reading)
    if at is None and (other := _rewritten(text)) != text:
        iso = iso_ms(other)
        at = float(iso) if iso is not None else _written(other, reading)
    return at


def _written(text: str, reading: TimeReading) -> float | None:
    if numeric := NUMERIC_DATE.fullmatch(text):
        return _numeric(numeric, reading)
    if named := NAMED_DATE.fullmatch(text):
        return _named(named)
    return None


@lru_cache(maxsize=4096)
def _rewritten(text: str) -> str:
    """Return what else a text of usual length may stand for."""
    return rewritten(text) if len(text) <= LONGEST_DATE and any(map(str.isdecimal, text)) else text


def day_and_month(text: str) -> tuple[int, int] | None:
    """Return the two numbers of a date of which either may be the day; None if it is unambiguous.

    Parameters
    ----------
    text
        The text.

    Examples
    --------
    >>> day_and_month("3/14/2024 1:00 PM")
    (3, 14)
    >>> day_and_month("2024-03-14") is None
    True
    """
    text = SPACES.sub(" ", text.translate(MINUS)).strip()
    match = NUMERIC_DATE.fullmatch(text) or NUMERIC_DATE.fullmatch(_rewritten(text))
    if match is None or len(match["a"]) > 2 or match["separator"] == ".":
        return None
    return int(match["a"]), int(match["b"])


def time_of_number(value: float, reading: TimeReading = PLAIN_TIMES) -> float | None:
    """Convert a bare number to a time, in milliseconds since 1970.

    Parameters
    ----------
    value
        The number; NaN is missing.
    reading
        Its unit; None: the unit is found by the number's size.

    Returns
    -------
    float or None
        None if the unit is unknown, no unit makes it a time between 1990 and 2100, and its digits
        are no date such as 20240531.
    """
    if value != value:
        return value
    if reading.unit is not None:
        at = _in_ms(value, reading.unit)
        if at is not None and at >= plausible_span(reading)[0]:
            return at
    unit = unit_of(value)
    if unit is not None:
        return _in_ms(value, unit)
    compact = COMPACT.fullmatch(f"{value:.0f}") if value % 1 == 0 else None
    return None if compact is None else _moment(*compact.groups()[:6])


def plausible_span(reading: TimeReading, earliest: float = FIRST_MS) -> tuple[float, float]:
    """Return the plausible range of a column's times, derived from the training data.

    Parameters
    ----------
    reading
        Has the first and the last time of the training data.
    earliest
        Milliseconds since 1970: later times are plausible in any column.

    Returns
    -------
    tuple of float
        Milliseconds since 1970. The range ends beyond the training data by as much as they span,
        since later leads may be somewhat outside of them. It begins as much before them where they
        begin before ``earliest``, as dates of birth do. The end is ``-inf`` if the training data
        have no times.

    Examples
    --------
    >>> plausible_span(TimeReading(earliest=-30.0, latest=-10.0), 0.0)
    (-50.0, 10.0)
    >>> plausible_span(TimeReading(earliest=10.0, latest=30.0), 0.0)
    (0.0, 50.0)
    """
    if reading.earliest is None or reading.latest is None:
        return earliest, float("-inf")
    length = reading.latest - reading.earliest
    first = reading.earliest - length if reading.earliest < earliest else earliest
    return first, reading.latest + length


def _in_ms(value: float, unit: Unit) -> float | None:
    if unit == "months":
        if not 100_000 <= value < 1_000_000 or value % 1:
            return None
        return _moment(f"{value // 100:.0f}", f"{value % 100:.0f}", "1", None, None, None)
    at = (value + EXCEL_EPOCH_DAYS) * DAY_MS if unit == "excel" else value * MS_OF_UNIT[unit]
    return float(round(at)) if EARLIEST_MS <= at < LATEST_MS else None


def unit_of(value: float) -> Unit | None:
    """Return the unit in which a number is a time between 1990 and 2100.

    Seconds, milliseconds, microseconds and nanoseconds since 1970 differ in size.

    Examples
    --------
    >>> unit_of(1_704_270_060), unit_of(1_704_270_060_000), unit_of(12_500)
    ('s', 'ms', None)
    """
    for unit, per_second in (("s", 1.0), ("ms", 1e3), ("us", 1e6), ("ns", 1e9)):
        if FROM_YEAR * per_second <= value < UNTIL_YEAR * per_second:
            return unit  # type: ignore[return-value]
    return None


def _numeric(match: re.Match[str], reading: TimeReading) -> float | None:
    a, b, c, separator = match["a"], match["b"], match["c"], match["separator"]
    if len(a) == 4:
        year, month, day = a, b, c
    elif len(c) not in (2, 4) or len(a) > 2:
        return None
    elif separator == "." or reading.first == "day":
        day, month, year = a, b, c
    elif reading.first == "month":
        month, day, year = a, b, c
    else:
        return None
    return _with_clock(match, year, month, day)


def _named(match: re.Match[str]) -> float | None:
    month = month_of(match["name"] or match["name2"])
    if month is None:
        return None
    return _with_clock(match, match["year"], str(month), match["day"] or match["day2"])


def _with_clock(match: re.Match[str], year: str, month: str, day: str) -> float | None:
    hour, half = match["hour"], match["half"]
    if half is not None:
        if not 1 <= int(hour) <= 12:
            return None
        hour = str(int(hour) % 12 + (12 if half[0] in "pP" else 0))
    at = _moment(year, month, day, hour, match["minute"], match["second"])
    zone = match["zone"]
    if at is None or zone is None or zone[0] not in "+-":
        return at
    offset = timedelta(hours=int(zone[1:3]), minutes=int(zone[-2:])).total_seconds() * 1000
    return at - offset if zone[0] == "+" else at + offset


def _moment(
    year: str, month: str, day: str, hour: str | None, minute: str | None, second: str | None
) -> float | None:
    full = int(year)
    if len(year) == 2:
        full += 1900 if full >= TWO_DIGIT_CENTURY else 2000
    try:
        moment = datetime(
            *(full, int(month), int(day)),
            *(int(hour or 0), int(minute or 0), int(second or 0)),
            tzinfo=UTC,
        )
    except ValueError:
        return None
    at = (moment - EPOCH) / timedelta(milliseconds=1)
    return at if EARLIEST_MS <= at < LATEST_MS else None
