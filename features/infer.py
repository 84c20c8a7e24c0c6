"""Which columns of a table are features, of which kind; and why the others are not."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from features.column import CellError
from features.spec import normalise_level
from features.table import Table
from schemas.errors import InputError
from schemas.fields import FieldKind

__all__ = ["Inferred", "infer_fields", "name_words"]

DISTINCT_SHARE = 0.95
"""Text of which so many values are different is no category."""
ENOUGH_TO_TELL = 20
"""With fewer values, all different ones are no surprise."""
ID_WORDS = frozenset({"id", "ids", "uuid", "guid", "key", "number", "nr", "no", "index", "unnamed"})
WORDS = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


@dataclass(frozen=True, slots=True)
class Inferred:
    """What the columns are.

    Attributes
    ----------
    kinds
        The fields that are used, in the table's order.
    dropped
        The columns that are not, by their name in the file, and why.
    identifiers
        Those of them that were dropped because they tell leads apart.
    """

    kinds: dict[str, FieldKind]
    dropped: dict[str, str]
    identifiers: tuple[str, ...]


def infer_fields(
    table: Table,
    *,
    reserved: Mapping[str, str],
    text: Collection[str] = (),
    contract: Mapping[str, FieldKind] | None = None,
) -> Inferred:
    """Find out what each column is.

    A column of numbers is a number, one of times a date, any other a category. Dropped are: what
    is reserved, what a contract does not have, columns without values or with one value only, and
    identifiers (text that is almost always different; whole numbers that are all different and
    count up, or are called an id).

    Parameters
    ----------
    table
        The training data.
    reserved
        Fields that are no features, and why.
    text
        Fields that are free text.
    contract
        The kinds of the contract's fields; None where there is no contract.

    Raises
    ------
    InputError
        A text field is a number or a date, or nothing is left.
    """
    kinds: dict[str, FieldKind] = {}
    dropped = dict(table.unusable)
    identifiers = []
    for name in table.names:
        original = table.originals[name]
        if name in reserved:
            dropped[original] = reserved[name]
        elif contract is not None and name not in contract:
            dropped[original] = "not in the contract"
        else:
            kind = _kind(table, name, text, contract)
            reason, identifier = _unfit(table, name, kind)
            if reason:
                dropped[original] = reason
                identifiers += [original] if identifier else []
            else:
                kinds[name] = kind
    if not kinds:
        reasons = "; ".join(f"{column}: {reason}" for column, reason in dropped.items())
        raise InputError(
            f"{table.source} has no column left to learn from ({reasons}). Exclude less, or add "
            "columns that tell leads apart."
        )
    return Inferred(kinds, dropped, tuple(identifiers))


def name_words(name: str) -> set[str]:
    """Cut a column's name into its words, in lower case.

    Examples
    --------
    >>> sorted(name_words("callDuration_sec"))
    ['call', 'duration', 'sec']
    """
    return {word.casefold() for word in WORDS.findall(name)}


def _kind(
    table: Table, name: str, text: Collection[str], contract: Mapping[str, FieldKind] | None
) -> FieldKind:
    kind = contract[name] if contract is not None else _kind_of_values(table, name)
    if name not in text:
        return kind
    if contract is not None and kind is not FieldKind.CATEGORY:
        raise InputError(
            f"--text {table.originals[name]!r}: the contract says that it is a {kind}, not text. "
            "Leave out --text for it."
        )
    return FieldKind.TEXT


def _kind_of_values(table: Table, name: str) -> FieldKind:
    column = table.columns[name]
    if column.kind is not None:
        return column.kind
    try:
        column.numbers()
        return FieldKind.NUMBER
    except CellError:
        pass
    try:
        column.milliseconds()
        return FieldKind.DATE
    except CellError:
        return FieldKind.CATEGORY


def _unfit(table: Table, name: str, kind: FieldKind) -> tuple[str | None, bool]:
    """Say why a column is no feature, if so, and whether that is because it is an identifier."""
    if kind in (FieldKind.NUMBER, FieldKind.DATE):
        numbers = np.asarray(table.columns_for({name: kind})[name], dtype=np.float64)
        known = numbers[~np.isnan(numbers)]
        distinct = len(np.unique(known))
    else:
        levels = [
            level
            for cell in table.columns[name].strings()
            if cell is not None and (level := normalise_level(cell)) is not None
        ]
        known, distinct = np.array(levels, dtype=object), len(set(levels))
    if not len(known):
        return "no values", False
    if distinct == 1 and len(known) == table.rows:
        return "the same value in every row", False
    if len(known) < ENOUGH_TO_TELL:
        return None, False
    if kind is FieldKind.CATEGORY and distinct >= DISTINCT_SHARE * len(known):
        return (
            "an identifier: almost every value is different (if it is free text, name it "
            "with --text)"
        ), True
    if kind is FieldKind.NUMBER and distinct == len(known) and _counts_up(known, name):
        return "an identifier: whole numbers, each different", True
    return None, False


def _counts_up(numbers: NDArray[np.float64], name: str) -> bool:
    if (numbers % 1 != 0).any():
        return False
    steps = np.diff(numbers)
    in_order = bool((steps > 0).all() or (steps < 0).all())
    without_gaps = numbers.max() - numbers.min() < 2 * len(numbers)
    return in_order or bool(without_gaps) or bool(name_words(name) & ID_WORDS)
