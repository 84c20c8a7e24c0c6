"""Choose a text's keywords: words that many leads write, and none that is a person's."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from features.distinct_leads import leads_by_value
from features.field_spec import normalise_level
from features.personal import addresses_in, without_addresses

__all__ = ["fit_keywords"]

WORD = re.compile(r"[^\W\d_]{4,}")
KEYWORDS = 20
SHARE = (0.02, 0.5)
LEAST_LEADS = 20

INSIDE = re.compile(r"(?<=[\w,;)]\s)[^\W\d_]{4,}")
"""A word that begins no sentence: only there a capital letter says something."""
PAIR = re.compile(r"([^\W\d_]{4,})(?=\s+([^\W\d_]{2,}))")
"""Two words, of which the first may begin a sentence: a first name and a last one, say."""
GERMAN = re.compile(r"\b(?:und|der|das|nicht|für|ist|eine?|wir|ich)\b")
"""Words of the one language that writes all nouns with a capital letter."""
ALL_CAPITALISED = 4
"""Minimum words of a heading: a text whose words all have a capital letter."""
TITLED = re.compile(
    r"\b(?:herrn?|frau|mrs?|ms|miss|dr|prof)\b\.?\s+"
    r"(?:(?:dr|prof)\b\.?\s+)*([^\W\d_]{2,})(?:[ \t]+([^\W\d_]{4,}))?",
    re.IGNORECASE,
)
"""One or two words after a form of address: a last name, or a first name and a last one."""
MOSTLY = 0.9
"""Share of a word's occurrences that have a capital letter where it is a name."""
OFTEN_ENOUGH = 0.25
"""Share of a word's texts in which that must be seen."""


def fit_keywords(
    texts: Sequence[str | None], leads: NDArray[np.int64] | None = None
) -> tuple[str, ...]:
    """Choose the words that many texts have, but not most.

    A word is a run of four or more letters, case-folded. Keywords are the 20 words that the most
    leads write, among those of at least 20 leads and 2 % of those with a text and at most 50 %;
    ties go by the alphabet. The labels have no part in it.

    Words that are a person's are none: those inside e-mail addresses, handles and URLs do
    not count, both words of an address such as ``first.last@`` are left out, and so is
    a word that has a capital letter wherever it stands within a sentence. German texts, whose nouns
    all have one, and headings say nothing about names by that. In any text, words are names that
    often follow a form of address (Frau, Mr, Dr …).

    Parameters
    ----------
    texts
        The training data's texts, length n; None is missing.
    leads
        int64, shape (n,): rows with the same number are of one lead. None: each row is a lead.
    """
    rows = [
        (row, unicodedata.normalize("NFC", text))
        for row, text in enumerate(texts)
        if text is not None and normalise_level(text) is not None
    ]
    present = [text for _, text in rows]
    bare = [without_addresses(text) for text in present]
    lead_of = np.array([row if leads is None else leads[row] for row, _ in rows], dtype=np.int64)
    counts = _leads_with(bare, lead_of)
    least, most = (share * len(np.unique(lead_of)) for share in SHARE)
    frequent = [word for word, count in counts.items() if max(least, LEAST_LEADS) <= count <= most]
    personal = _in_addresses(present) | _names(bare)
    chosen = [word for word in frequent if word not in personal]
    return tuple(sorted(chosen, key=lambda word: (-counts[word], word))[:KEYWORDS])


def _leads_with(texts: Sequence[str], leads: NDArray[np.int64]) -> Counter[str]:
    """Count the leads that write each word."""
    found = [_words(text) for text in texts]
    words = [word for of_text in found for word in of_text]
    return leads_by_value(words, np.repeat(leads, [len(of_text) for of_text in found]))


def _words(text: str) -> set[str]:
    return {*WORD.findall(text.casefold())}


def _in_addresses(texts: Iterable[str]) -> set[str]:
    """Return the words of addresses of two names, such as first.last@example.com."""
    found: set[str] = set()
    for text in texts:
        for address in addresses_in(text):
            words = _words(address.partition("@")[0])
            if len(words) > 1:
                found |= words
    return found


def _names(texts: Sequence[str]) -> set[str]:
    """Return the words that have a capital letter within sentences, or follow forms of address."""
    counts, titled = Counter[str](), Counter[str]()
    for text in texts:
        counts.update(_words(text))
        titled.update(_after_titles(text))
    addressed = {word for word, times in titled.items() if times >= OFTEN_ENOUGH * counts[word]}
    return _capitalised(texts, counts) | addressed


def _after_titles(text: str) -> set[str]:
    found = set()
    for first, second in TITLED.findall(text):
        found.add(first.casefold())
        if _has_capital(first) and second and _has_capital(second):
            found.add(second.casefold())
    return found


def _capitalised(texts: Sequence[str], counts: Counter[str]) -> set[str]:
    capital, small = Counter[str](), Counter[str]()
    for text in texts:
        if GERMAN.search(text) or _is_heading(text):
            continue
        inside = {*INSIDE.findall(text)}
        for first, second in PAIR.findall(text):
            if _has_capital(first) and _has_capital(second):
                inside.add(first)
        titles = {word.casefold() for word in inside if _has_capital(word)}
        capital.update(titles)
        small.update({word for word in inside if word.islower()} - titles)
    return {
        word
        for word, times in capital.items()
        if times >= MOSTLY * (times + small[word]) and times >= OFTEN_ENOUGH * counts[word]
    }


def _has_capital(word: str) -> bool:
    return word[0].isupper() and not word.isupper()


def _is_heading(text: str) -> bool:
    words = WORD.findall(text)
    return len(words) >= ALL_CAPITALISED and all(map(_has_capital, words))
