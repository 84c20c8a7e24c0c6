"""Choose a text's keywords: words that many leads write, and none that is a person's."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence

from features.personal import addresses_in, without_addresses
from features.spec import normalise_level

__all__ = ["fit_keywords"]

WORD = re.compile(r"[^\W\d_]{4,}")
KEYWORDS = 20
SHARE = (0.02, 0.5)
LEAST_TEXTS = 20

INSIDE = re.compile(r"(?<=[\w,;)]\s)[^\W\d_]{4,}")
"""A word that begins no sentence: only there a capital letter says something."""
PAIR = re.compile(r"([^\W\d_]{4,})(?=\s+([^\W\d_]{2,}))")
"""Two words, of which the first may begin a sentence: a first name and a last one, say."""
GERMAN = re.compile(r"\b(?:und|der|das|nicht|für|ist|eine?|wir|ich)\b")
"""Words of the one language that writes all nouns with a capital letter."""
ALL_CAPITALISED = 4
"""A text of so many words, all with a capital letter, is a heading."""
MOSTLY = 0.9
"""Share of a word's occurrences that have a capital letter where it is a name."""
OFTEN_ENOUGH = 0.25
"""Share of a word's texts in which that must be seen."""


def fit_keywords(texts: Iterable[str | None]) -> tuple[str, ...]:
    """Choose the words that many texts have, but not most.

    A word is a run of four or more letters, case-folded. Keywords are the 20 words that are in the
    most texts, among those in at least 20 texts and 2 % of them and at most 50 %; ties go by the
    alphabet. The labels have no part in it.

    Words that are a person's are none: those inside of e-mail addresses, handles and URLs do
    not count, both words of an address such as ``first.last@`` are left out, and so is
    a word that has a capital letter wherever it stands within a sentence. German texts, whose nouns
    all have one, and headings say nothing about names.

    Parameters
    ----------
    texts
        The training leads' texts; None is missing.
    """
    present = [
        unicodedata.normalize("NFC", text)
        for text in texts
        if text is not None and normalise_level(text) is not None
    ]
    bare = [without_addresses(text) for text in present]
    counts = Counter(word for text in bare for word in _words(text))
    least, most = (share * len(present) for share in SHARE)
    frequent = [word for word, count in counts.items() if max(least, LEAST_TEXTS) <= count <= most]
    personal = _in_addresses(present) | _names(bare, counts)
    chosen = [word for word in frequent if word not in personal]
    return tuple(sorted(chosen, key=lambda word: (-counts[word], word))[:KEYWORDS])


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


def _names(texts: Sequence[str], counts: Counter[str]) -> set[str]:
    """Return the words that are written with a capital letter within sentences."""
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
