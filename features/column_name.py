"""The name of a column: as the name of a field, and the words that it consists of."""

from __future__ import annotations

import re
import unicodedata

__all__ = ["ID_WORDS", "PHONE_WORDS", "TIME_WORDS", "field_name", "name_words"]

NOT_IN_NAMES = re.compile(r"[^A-Za-z0-9_]")
SPELT_OUT = {"ß": "ss", "ẞ": "SS", "æ": "ae", "Æ": "AE", "œ": "oe", "Œ": "OE", "ø": "o", "Ø": "O"}
"""Latin letters that Unicode does not decompose."""
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


def field_name(column: str) -> str:
    """Return the field name for a file's column, as Avro allows it.

    Accents are dropped; a letter that is not Latin is written as its code point, so that
    different names stay different.

    Examples
    --------
    >>> field_name("emp.var.rate")
    'emp_var_rate'
    >>> field_name("2nd call")
    '_2nd_call'
    >>> field_name("Größe"), field_name("来源")
    ('Grosse', 'u6765u6e90')
    """
    name = NOT_IN_NAMES.sub("_", "".join(map(_in_ascii, column.strip())))
    return f"_{name}" if name[:1].isdigit() else name


def _in_ascii(letter: str) -> str:
    if letter.isascii() or not (letter.isalnum() or unicodedata.combining(letter)):
        return letter
    plain = unicodedata.normalize("NFKD", SPELT_OUT.get(letter, letter))
    plain = "".join(part for part in plain if not unicodedata.combining(part))
    return plain if plain.isascii() else f"u{ord(letter):x}"
