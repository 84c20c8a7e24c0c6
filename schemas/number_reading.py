"""Parsing of numbers and yes/no values: the same rule for files and events.

A reading is decided once from all values of a column of the training data
(``features.number_decision``) and kept in the model's spec. Files and events are then parsed by it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Literal

from pydantic import BaseModel, ConfigDict

from schemas.clock_times import read_clock

__all__ = [
    "CODE",
    "CURRENCY",
    "FALSE_WORDS",
    "INVISIBLE",
    "MINUS",
    "MISSING_NUMBERS",
    "PLAIN_NUMBERS",
    "SCALES",
    "SPACES",
    "TRUE_WORDS",
    "NumberReading",
    "read_number",
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


PLAIN_NUMBERS = NumberReading()
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
