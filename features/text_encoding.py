"""Decode the text of a file whose encoding is not given."""

from __future__ import annotations

import re
import unicodedata
from itertools import islice
from typing import NamedTuple

from schemas.errors import InputError

__all__ = ["DecodedText", "decode_text"]

SAMPLE_BYTES = 65_536
NOT_TEXT = frozenset(range(32)) - set(b"\t\n\r\f\v\x1a\x1b") | {127}
WESTERN = "cp1252"
OTHERS = (
    *("cp1250", "cp1251", "cp1253", "cp1254", "cp1255", "cp1256"),
    *("shift_jis", "euc_jp", "euc_kr", "gb18030", "big5"),
    *("koi8_r", "mac_roman", "cp850"),
)
"""Encodings that are tried where the file is not Unicode, and does not look like Western text."""
BYTE_ORDER_MARKS = {
    b"\xef\xbb\xbf": "utf-8-sig",
    b"\xff\xfe\x00\x00": "utf-32",
    b"\x00\x00\xfe\xff": "utf-32",
    b"\xff\xfe": "utf-16",
    b"\xfe\xff": "utf-16",
}
HALF_ZEROS = 0.7
"""Share of every second byte that is 0 in UTF-16 of mostly Latin text without a mark."""
FEW_WORDS = 0.2
"""Share of the words with other letters than ASCII's that may look strange in Western text."""
WORDS = re.compile(r"[^\W\d_]*[^\x00-\x7f][^\s]*")
SIGN = "[¢£¤¥¦§¨¬¯±²³´¶·¸¹»«¼½¾×÷†‡‰‹›‚„ƒ]"
LETTER = r"[^\W\d_]"
STRANGE = re.compile(
    rf"{LETTER}{SIGN}{LETTER}|[À-ÖØ-öø-ÿ]{{4}}"
    r"|[¨¬¯±²³´¶¸¹¼½¾×÷¤¦º¿µ]{2}|[\xad¨¬±²³´¶¸¹º¼½¾¥°¤¦][À-ÖØ-öø-ÿ]|[À-ÖØ-öø-ÿ][±¼½¾¹¿¤¥£¢÷×\xad]"
    r"|[a-zß-öø-ÿ][À-ÖØ-Þ][a-zß-öø-ÿ]|(?<!\w)£[à-öø-ÿ]|(?<!\w)[À-ÖØ-öø-ÿ]{2,}(?!\w)"
)
"""Sequences in no Western language: a sign between two letters, signs in a row or beside an
accented letter, words of accented letters alone, four of them in a row, a capital one inside
small ones.
"""
ENOUGH_WORDS = 3
"""Different words by which one of several encodings that are not Western can be chosen."""
FOREIGN = re.compile(r"[^\W\d_]*[^\x00-\x7f](?:[^\W\d_]|[^\x00-\x7f])*")
MOST_ALTERNATIVES = 4
UNICODE = frozenset({"utf-8", "utf-16-le", "utf-16-be", *BYTE_ORDER_MARKS.values()})


class DecodedText(NamedTuple):
    """A file's text, and how it was decoded.

    Attributes
    ----------
    text
        Without a byte-order mark.
    encoding
        Python's name of it.
    is_guessed
        Whether it was concluded from the letters.
    alternatives
        Other encodings in which the letters are words, too.
    """

    text: str
    encoding: str
    is_guessed: bool
    alternatives: tuple[str, ...] = ()


def decode_text(content: bytes, name: str, encoding: str | None = None) -> DecodedText:
    """Decode a file: by a byte-order mark, else as UTF-8, UTF-16, then cp1252, then others.

    cp1252 comes first among the encodings of one byte a letter because its files are the most
    common ones; it is passed over where its bytes or its words show that it is another. Where
    several others make words of a few bytes, none is chosen.

    Parameters
    ----------
    content
        The file.
    name
        What to call it in messages.
    encoding
        Its encoding; None to detect it.

    Raises
    ------
    InputError
        The file is binary, not of the encoding, or of none that is recognised.
    """
    marked = next((e for mark, e in BYTE_ORDER_MARKS.items() if content.startswith(mark)), None)
    known = encoding or marked or _unmarked_utf16(content)
    if known is None and not NOT_TEXT.isdisjoint(content[:SAMPLE_BYTES]):
        raise InputError(
            f"{name} is not a table: it holds binary data. Expected CSV (text, a line a lead, "
            "the names in the first line), JSON or Parquet; name UTF-16 with --encoding utf-16-le."
        )
    try:
        text = content.decode(known or "utf-8").removeprefix("\ufeff")
        return DecodedText(text, known or "utf-8", is_guessed=False)
    except LookupError:
        raise InputError(
            f"there is no encoding {known!r}; try utf-8, utf-16, cp1252 or latin-1"
        ) from None
    except UnicodeDecodeError as error:
        if known is None and not _is_damaged_utf8(content, error.start):
            return _guessed(content, name, error)
        raise InputError(
            f"{name} is not {known or 'UTF-8'}: {_place(content, error)}. Save it as UTF-8, or "
            "name its encoding with --encoding (cp1252, say)."
        ) from None
    except UnicodeError as error:  # some encodings give no more
        raise InputError(
            f"{name} is not {known}: {error}. Save it as UTF-8, or name its encoding with "
            "--encoding (cp1252, say)."
        ) from None


def _unmarked_utf16(content: bytes) -> str | None:
    sample = content[:SAMPLE_BYTES]
    for first, encoding in ((1, "utf-16-le"), (0, "utf-16-be")):
        zeros, others = sample[first::2].count(0), sample[1 - first :: 2].count(0)
        if zeros > HALF_ZEROS * len(sample[first::2]) and not others:
            return encoding
    return None


def _is_damaged_utf8(content: bytes, failure: int) -> bool:
    """Return whether letters before, or most of those around, the first wrong byte are UTF-8."""
    if not content[:failure].isascii():
        return True
    around = content[failure:][:SAMPLE_BYTES].decode("utf-8", "replace")
    wrong = around.count("\ufffd")
    return sum(character > "\x7f" for character in around) - wrong > wrong


def _guessed(content: bytes, name: str, failure: UnicodeDecodeError) -> DecodedText:
    around = content[max(0, failure.start - SAMPLE_BYTES // 2) :][:SAMPLE_BYTES]
    western = _decoded(content, WESTERN)
    words = {encoding: _foreign_words(around, encoding) for encoding in (WESTERN, *OTHERS)}
    likely = [encoding for encoding, read in words.items() if read]
    if western is not None and not _is_strange(around.decode(WESTERN, "ignore")):
        return _with_alternatives(western, words)
    other = likely[0] if len(likely) == 1 else _other(around)
    if len(likely) > 1 and len({*words[likely[0]]}) < ENOUGH_WORDS:
        other = None
    found = _decoded(content, other if other in likely else None)
    if found is None:
        likely_ones = f" ({', '.join(likely[:MOST_ALTERNATIVES])} may fit)" if likely else ""
        raise InputError(
            f"the encoding of {name} can't be detected: it is not UTF-8 "
            f"({_place(content, failure)}) nor another encoding that fits its letters"
            f"{likely_ones}. Save it as UTF-8, or name its encoding with --encoding."
        )
    return _with_alternatives(found, words)


def _with_alternatives(found: DecodedText, words: dict[str, list[str]]) -> DecodedText:
    """Add the encodings that make words of the same bytes, but other words."""
    shown = words.get(found.encoding)
    others = (encoding for encoding, read in words.items() if read and read != shown)
    return found._replace(alternatives=tuple(islice(others, MOST_ALTERNATIVES)))


def _foreign_words(around: bytes, encoding: str) -> list[str]:
    """Return the words with other letters than ASCII's; none where one of them is no word."""
    words = FOREIGN.findall(around.decode(encoding, "replace"))
    return words if all(map(_is_word, words)) else []


def _is_word(word: str) -> bool:
    """Return whether letters are of one script, and capital ones stand first or are all."""
    letters = [letter for letter in word if not letter.isascii()]
    if not all(letter.isalpha() for letter in letters) or STRANGE.search(word):
        return False
    scripts = {unicodedata.name(letter, "").partition(" ")[0] for letter in word}
    return len(scripts) == 1 and (word[1:] == word[1:].lower() or word == word.upper())


def _decoded(content: bytes, encoding: str | None) -> DecodedText | None:
    try:
        return DecodedText(content.decode(encoding), encoding, True) if encoding else None
    except UnicodeDecodeError:
        return None


def _is_strange(text: str) -> bool:
    words = WORDS.findall(text)
    strange = sum(STRANGE.search(word) is not None for word in words)
    return strange > FEW_WORDS * len(words)


def _other(around: bytes) -> str | None:
    try:
        from charset_normalizer import from_bytes
    except ImportError:  # a worker's environment need not have it
        return None
    guesses = [guess.encoding for guess in from_bytes(around, cp_isolation=list(OTHERS))]
    plausible = (found for found in guesses if not _is_strange(around.decode(found, "ignore")))
    return next(plausible, guesses[0] if guesses else None)


def _place(content: bytes, error: UnicodeDecodeError) -> str:
    line = content.count(b"\n", 0, error.start) + 1
    return f"line {line} has the byte 0x{content[error.start]:02x}"
