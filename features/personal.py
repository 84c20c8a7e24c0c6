"""Which words of the training data a model must not keep: what few leads have, or persons' own.

A level that hardly any lead has may be a person's name; one that looks like an address is one, of
however many leads. Neither is kept: it counts as a level that was never seen. A hash would keep
nothing safe: whoever has the model could try every address (ADR 27).
"""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping

from features.column_name import PHONE_WORDS, name_words
from features.written_cells import PHONE
from schemas.number_reading import FALSE_WORDS, TRUE_WORDS

__all__ = [
    "LEAST_LEADS",
    "WITHHELD",
    "addresses_in",
    "kinds_of",
    "looks_like",
    "withheld_levels",
    "without_addresses",
]

LEAST_LEADS = 5
"""A level that fewer training leads have is not kept."""
WITHHELD = "\x00withheld"
"""Stands in the training data for a level that is not kept; no model has it among its levels."""

ALWAYS_KEPT = frozenset({*TRUE_WORDS, *FALSE_WORDS})
ADDRESS = re.compile(r"@\w")
"""Character of an e-mail address, a handle, or a name and password in a URL."""
TOKEN = re.compile(r"\S+")
PROFILE = re.compile(
    r"\b(?:linkedin\.com/(?:in|pub)|xing\.com/profile|facebook\.com/(?:people|profile\.php)"
    r"|(?:instagram|twitter|x|github|t)\.(?:com|me))[/?][^/\s]+/?$"
    r"|/(?:profiles?|users?|people)/[^/\s]+|/~\w",
    re.IGNORECASE,
)
"""The page of a person."""
IP_ADDRESS = re.compile(r"\d{1,3}(?:\.\d{1,3}){3}")
GROUPS = re.compile(r"[ ./()-]+")
PHONE_DIGITS = range(7, 16)
"""How many digits a phone number has, at most as E.164 allows."""
LEAST_GROUPS = 3
WRITTEN_PHONE = re.compile(r"\(?\d[\d ./()-]+\d")
DATE = re.compile(r"\d{4}[./-]\d{1,2}[./-]\d{1,2}|\d{1,2}[./-]\d{1,2}[./-]\d{2,4}")


def withheld_levels(levels: Mapping[str, int], column: str) -> frozenset[str]:
    """Return the levels of a category that a model must not keep.

    Parameters
    ----------
    levels
        The normalised levels, and how many training leads have each.
    column
        The column's name in the file.
    """
    return frozenset(
        level
        for level, leads in levels.items()
        if level not in ALWAYS_KEPT and (leads < LEAST_LEADS or looks_like(level, column))
    )


def looks_like(level: str, column: str = "") -> str | None:
    """Return what of a person a level looks like, in the plural; None where it does not.

    Parameters
    ----------
    level
        Any text.
    column
        The column's name in the file: where it says so, bare digits are phone numbers.

    Examples
    --------
    >>> looks_like("jane.doe@example.com"), looks_like("(030) 123 45 67")
    ('e-mail addresses', 'phone numbers')
    >>> looks_like("2024-05-31"), looks_like("1000-5000"), looks_like("director")
    (None, None, None)
    """
    if ADDRESS.search(level):
        return "e-mail addresses"
    if "/" in level and PROFILE.search(level):
        return "personal pages"
    if IP_ADDRESS.fullmatch(level):
        return "IP addresses"
    return "phone numbers" if _is_phone(level, column) else None


def kinds_of(levels: Collection[str], column: str) -> list[str]:
    """Return what of persons the levels look like, each once."""
    return sorted({kind for level in levels if (kind := looks_like(level, column)) is not None})


def addresses_in(text: str) -> list[str]:
    """Return what stands around each @ of a text: e-mail addresses, handles."""
    return [token for token in text.split() if "@" in token]


def without_addresses(text: str) -> str:
    """Return a text with a space for each e-mail address, handle and URL in it."""
    if "@" not in text and "://" not in text and "www." not in text:
        return text
    return TOKEN.sub(lambda token: " " if _is_address(token[0]) else token[0], text)


def _is_address(token: str) -> bool:
    return "@" in token or "://" in token or "www." in token


def _is_phone(level: str, column: str) -> bool:
    if PHONE.fullmatch(level):
        return True
    digits = sum(map(str.isdecimal, level))
    if digits not in PHONE_DIGITS or not WRITTEN_PHONE.fullmatch(level):
        return bool(digits in PHONE_DIGITS and level.isdecimal() and _names_phones(column))
    if _names_phones(column):
        return True
    groups = [group for group in GROUPS.split(level) if group]
    if DATE.fullmatch(level) or min(map(len, groups)) == 1:
        return False
    if level[0] in "(0":
        return len(groups) > 1
    is_grouped_number = all(len(group) == len("000") for group in groups[1:])
    return len(groups) >= LEAST_GROUPS and not is_grouped_number


def _names_phones(column: str) -> bool:
    return not PHONE_WORDS.isdisjoint(name_words(column))
