"""Escaping of untrusted text for terminals, spreadsheets and pages.

A lead's id, a value or a column's name may hold anything. A terminal obeys control characters
(clear the screen, set the title, overwrite a line), a bidirectional override changes the order in
which text is shown, a spreadsheet computes a cell that begins like a formula, and a browser runs
scripts.
Output for programs (JSON lines, Kafka records, Parquet) keeps every character.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

__all__ = [
    "counted",
    "for_page",
    "for_spreadsheet",
    "for_terminal",
    "record_for_terminal",
    "shown_span",
]

UNSHOWN = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # controls: C0, DELETE, C1
    "\u2028\u2029"  # ends of lines and paragraphs
    "\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069"  # directions of writing
    "\ud800-\udfff"  # halves of characters, which no terminal takes
    "\U000e0000-\U000e007f"  # tags: they are not seen
    "]"
)
MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
FORMULA = tuple("=+-@\t\r＝＋－＠")
"""First characters of a formula, according to OWASP ("CSV Injection")."""


def counted(count: int, noun: str) -> str:
    """Return a number with its noun, in the singular or the plural.

    Examples
    --------
    >>> counted(1, "lead"), counted(1200, "lead")
    ('1 lead', '1,200 leads')
    """
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def for_terminal(text: str) -> str:
    r"""Return a text on one line, with control characters escaped.

    Examples
    --------
    >>> print(for_terminal("L-1\x1b[2J\nL-2"))
    L-1\x1b[2J\nL-2
    """
    return UNSHOWN.sub(_escape, text)


def _escape(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()


def record_for_terminal(record: Any) -> Any:
    """Return a record with `for_terminal` applied to every text in it."""
    if isinstance(record, str):
        return for_terminal(record)
    if isinstance(record, Mapping):
        return {name: record_for_terminal(value) for name, value in record.items()}
    if isinstance(record, list | tuple):
        return [record_for_terminal(value) for value in record]
    return record


def for_spreadsheet(text: str) -> str:
    """Return a text as a cell that no spreadsheet computes; numbers stay numbers.

    A formula gets a leading apostrophe, by which spreadsheets recognise text.

    Examples
    --------
    >>> for_spreadsheet("=1+1"), for_spreadsheet("-1.5"), for_spreadsheet("L-1")
    ("'=1+1", '-1.5', 'L-1')
    """
    is_formula = text.startswith(FORMULA) and not _is_number(text)
    return for_terminal(f"'{text}" if is_formula else text)


def for_page(text: str) -> str:
    """Return a text that is no markup in HTML, in its scripts, or in Markdown.

    For pages of other libraries: Evidently writes names and values into a script unescaped, and
    only a replacement is safe in all three places. Angle brackets become similar characters.
    """
    return for_terminal(text).replace("<", "‹").replace(">", "›")


def shown_span(ms: float) -> str:
    """Return a span of time in days, hours or minutes, for people.

    Parameters
    ----------
    ms
        Milliseconds.

    Examples
    --------
    >>> shown_span(604_800_000), shown_span(5_400_000), shown_span(840_000)
    ('7 d', '1.5 h', '14 min')
    """
    if ms >= DAY_MS:
        return f"{ms / DAY_MS:.3g} d"
    return f"{ms / HOUR_MS:.3g} h" if ms >= HOUR_MS else f"{ms / MINUTE_MS:.3g} min"


def _is_number(text: str) -> bool:
    return re.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text, re.ASCII) is not None
