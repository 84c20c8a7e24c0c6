"""Leads of a file of JSON: lines of objects, an array of objects, objects over several lines."""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple, NoReturn

from features.column import TextCells
from features.written_cells import Hints
from schemas.errors import InputError
from schemas.fields import FieldKind
from schemas.nested_objects import flattened, object_paths

__all__ = ["JsonLead", "is_json", "json_leads", "read_json"]

FIRST = re.compile(r"\s*(?:\{|\[\s*(?:\{|\]|\[\s*[\"\d\[]))")
"""Beginning of a file of leads in JSON: a CSV's first name may begin with a bracket, too."""
FIRST_LINES = 20
OBJECT_LINE = re.compile(r"\{.*\}\s*$")
MOST_KEYS = 3
"""Keys that an error names."""
SPACE = re.compile(r"[ \t\r\n]*")


class JsonLead(NamedTuple):
    """An object of a file.

    Attributes
    ----------
    line
        On which it begins, from 1.
    text
        As it stands there.
    """

    line: int
    text: str


class _Number(str):
    """A number as it is written: a float would not keep long ones."""

    __slots__ = ()


def is_json(text: str) -> bool:
    """Return whether a file's text is JSON, and no table of cells.

    Examples
    --------
    >>> is_json('[ {"a": 1}]'), is_json('{"a": 1}'), is_json("[a],b")
    (True, True, False)
    """
    return FIRST.match(text) is not None


def json_leads(text: str, name: str) -> list[JsonLead]:
    """Cut a file into its objects.

    Where one of the first lines is an object of its own, each line is taken for one, whatever it
    holds.

    Parameters
    ----------
    text
        The file.
    name
        What to call it in messages.

    Raises
    ------
    InputError
        It is neither lines of objects nor an array of objects.
    """
    first = text.lstrip().split("\n", FIRST_LINES)[:FIRST_LINES]
    if text.lstrip().startswith("{") and any(map(OBJECT_LINE.match, first)):
        lines = enumerate(text.split("\n"), 1)
        return [JsonLead(number, line.strip()) for number, line in lines if line.strip()]
    return list(_objects(text, name))


def _objects(text: str, name: str) -> Iterator[JsonLead]:
    decoder = json.JSONDecoder()
    at, line, counted = _behind(text, 0), 1, 0
    is_array = text.startswith("[", at)
    at += is_array
    while (at := _behind(text, at)) < len(text):
        line, counted = line + text.count("\n", counted, at), at
        if is_array and text[at] == "]":
            if _behind(text, at + 1) < len(text):
                raise InputError(f"{name}, line {line}: the array ends, but the file continues.")
            return
        try:
            found, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            _refuse(error, text, at, name)
        if not isinstance(found, dict):
            raise InputError(
                f"{name}, line {line}: expected a JSON object a lead, with the names as keys; came"
                " a list or a value."
            )
        yield JsonLead(line, text[at:end])
        at = _behind(text, end)
        if text.startswith(",", at):
            at += 1
    if is_array:
        raise InputError(f"{name} is cut off: its array has no end. Write it again.")


def _behind(text: str, at: int) -> int:
    """Return where white space ends."""
    match = SPACE.match(text, at)
    return at if match is None else match.end()


def _refuse(error: Exception, text: str, at: int, name: str) -> NoReturn:
    is_placed = isinstance(error, json.JSONDecodeError)
    line = error.lineno if is_placed else text.count("\n", 0, at) + 1  # type: ignore[attr-defined]
    why = error.msg if is_placed else "it is nested too deeply"  # type: ignore[attr-defined]
    raise InputError(
        f"{name}, line {line}: this is not valid JSON ({why}). Expected an object a line, or an"
        " array of objects."
    ) from None


def read_json(text: str, name: str) -> tuple[dict[str, TextCells], dict[str, str]]:
    """Read the columns of a file of objects.

    Parameters
    ----------
    text
        The file.
    name
        What to call it in messages.

    Returns
    -------
    dict
        Each column's cells, by its key in the objects; a value inside nested objects has a
        dotted name, such as ``address.city``. Numbers stay as they are written; true and false are
        words; null, and a key that an object lacks, is None.
    dict
        Columns that can't be used, and why.

    Raises
    ------
    InputError
        An object is no JSON, or there is none.
    """
    leads = [_parsed(lead, name) for lead in json_leads(text, name)]
    if not leads:
        raise InputError(f"{name} holds no leads.")
    _check_not_wrapped(leads, name)
    _check_not_by_id(leads, name)
    outer = {path for lead in leads for path in object_paths(lead)}
    leads = [flattened(lead) for lead in leads]
    columns: dict[str, TextCells] = {}
    unusable: dict[str, str] = {}
    for key in dict.fromkeys(key for lead in leads for key in lead):
        values = [lead.get(key) for lead in leads]
        if any(isinstance(value, list | dict) for value in values):
            unusable[key] = (
                "holds lists, or objects that are nested too deeply, not numbers, text, times or"
                " yes and no (give the lead a key of its own for what matters in them)"
            )
        elif key not in outer:
            columns[key] = _cells(values)
        elif any(value is not None for value in values):
            unusable[key] = (
                f"holds objects in some leads and values in others: of these, only {key}.… is read"
            )
    if not columns:
        raise _no_values(unusable, name)
    return columns, unusable


def _check_not_by_id(leads: list[dict[str, Any]], name: str) -> None:
    """Refuse one object of objects or lists: leads by id, or columns by name, as pandas writes."""
    if len(leads) == 1 and all(isinstance(value, list | dict) for value in leads[0].values()):
        raise _no_values(leads[0], name)


def _no_values(keys: Iterable[str], name: str) -> InputError:
    names = ", ".join(map(repr, islice(keys, MOST_KEYS)))
    return InputError(
        f"{name}: all that its objects hold are lists or objects ({names}). Expected an object a"
        " lead, whose keys are the names and whose values are numbers, text, times or yes and no."
    )


def _parsed(lead: JsonLead, name: str) -> dict[str, Any]:
    def refuse(word: str) -> NoReturn:
        raise InputError(
            f"{name}, line {lead.line}: {word} is not valid JSON. Write null where a number is not"
            " known."
        )

    def once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        found = dict(pairs)
        if len(found) < len(pairs):
            repeated = Counter(key for key, _ in pairs).most_common(1)[0][0]
            raise InputError(
                f"{name}, line {lead.line}: the key {repeated!r} comes more than once in an object."
                " Expected each key once: of events, only the last one is read."
            )
        return found

    try:
        found = json.loads(
            lead.text,
            parse_int=_Number,
            parse_float=_Number,
            parse_constant=refuse,
            object_pairs_hook=once,
        )
    except (ValueError, RecursionError) as error:
        why = error.msg if isinstance(error, json.JSONDecodeError) else "it is nested too deeply"
        raise InputError(f"{name}, line {lead.line}: this is not valid JSON ({why}).") from None
    if not isinstance(found, dict):
        raise InputError(f"{name}, line {lead.line}: expected a JSON object, got another value.")
    if r"\ud" in lead.text.lower() and not _is_unicode(found):
        raise InputError(f"{name}, line {lead.line}: a \\u escape is half of a character only.")
    return found


def _is_unicode(found: dict[str, Any]) -> bool:
    try:
        json.dumps(found, ensure_ascii=False).encode()
    except (UnicodeEncodeError, RecursionError):
        return False
    return True


def _check_not_wrapped(leads: list[dict[str, Any]], name: str) -> None:
    """Refuse an answer of a CRM's interface as it came: an object around the list of leads."""
    lists = [key for key, value in leads[0].items() if isinstance(value, list)]
    if len(leads) == 1 and len(lists) == 1 and isinstance(next(iter(leads[0][lists[0]]), 0), dict):
        raise InputError(
            f"{name} is one object around the list {lists[0]!r}. Expected the list alone, such as"
            f" jq '.{lists[0]}' writes it."
        )


def _cells(values: list[Any]) -> TextCells:
    present = [value for value in values if value is not None]
    if present and all(isinstance(value, bool) for value in present):
        words = {None: None, True: "true", False: "false"}
        return TextCells([words[value] for value in values], kind=FieldKind.CATEGORY)
    # JSON writes a point before decimals, whatever words stand beside the numbers.
    is_number = any(isinstance(value, _Number) for value in present)
    hints = Hints(decimal=".", is_decimal_given=is_number)
    return TextCells([_cell(value) for value in values], hints=hints)


def _cell(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return str(value) if value is not None and value.strip() else None
