"""The use of each column of a file, by the options and the contract."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any

from features.contract import conform, contract_kinds
from features.spec import CREATED_AT
from features.table import Table
from model.training.named_columns import NamedColumns
from model.training.options import TrainOptions
from schemas.errors import InputError
from schemas.field_names import ENVELOPE
from schemas.fields import FieldKind

__all__ = ["ColumnUses", "column_uses"]

NO_FEATURE, THE_TIME = "part of every lead, no feature", "the time (--time)"
"""Why the time of creation is none of the columns to be judged: it is read separately."""


@dataclass(frozen=True, slots=True)
class ColumnUses:
    """The uses of columns by the options; all names are those in the table.

    Attributes
    ----------
    target
        The target.
    reserved
        Columns that are no features, with the reason.
    left_out
        Those of them that an option excludes, with the reason.
    text
        Columns of text.
    given
        Kinds that --as gives.
    contract
        Kinds of the contract; None without one.
    """

    target: str
    reserved: Mapping[str, str]
    left_out: Mapping[str, str]
    text: set[str]
    given: Mapping[str, FieldKind]
    contract: Mapping[str, FieldKind] | None

    @property
    def creation(self) -> set[str]:
        """The field of the creation; nothing where an option makes something else of it."""
        return {CREATED_AT} if self.reserved[CREATED_AT] in (NO_FEATURE, THE_TIME) else set()

    @property
    def features(self) -> dict[str, Any]:
        """Options for what reads the kinds of the other columns."""
        return {"text": self.text, "contract": self.contract, "given": self.given}


def column_uses(
    table: Table, columns: NamedColumns, options: TrainOptions
) -> tuple[Table, ColumnUses]:
    """Return the table, as the contract reads it if there is one, and what its columns are for.

    Raises
    ------
    InputError
        A column that is named is not there, or two options say different things of one.
    """
    left_out = _left_out(columns, options)
    reserved = _reserved(columns, options, left_out)
    text = {columns.find(column, "--text") for column in options.text}
    _check_free(table, text, reserved, "--text")
    given = _given(table, columns, options, text, reserved)
    target = columns.find(options.target, "--target")
    contract = None
    if options.schema is not None:
        if given:
            raise InputError(
                "--as and --schema exclude each other: the contract says what each column is."
            )
        table = conform(table, options.schema, skip=reserved)
        contract = contract_kinds(options.schema)
    return table, ColumnUses(target, reserved, left_out, text, given, contract)


def _reserved(
    columns: NamedColumns, options: TrainOptions, left_out: Mapping[str, str]
) -> dict[str, str]:
    """Return the fields that are no features, with the reason."""
    reserved = dict.fromkeys(ENVELOPE, NO_FEATURE)
    if options.time:
        reserved[CREATED_AT] = THE_TIME
    for column, option, use in (
        (options.id, "--id", "the lead's id (--id)"),
        (options.group, "--group", "what groups rows (--group)"),
    ):
        name = columns.find(column, option) if column else None
        if name is None:
            continue
        if reserved.get(name) == THE_TIME:
            raise InputError(
                f"{option} {column!r}: the column is {THE_TIME}, it can be one thing only. Name "
                "another column, or leave one of the two options out."
            )
        if reserved.get(name, NO_FEATURE) == NO_FEATURE:
            reserved[name] = use
    reserved |= left_out
    target = columns.find(options.target, "--target")
    if target in reserved:
        raise InputError(
            f"the target {options.target!r} is also {reserved[target]}: it can be one thing only. "
            "Name another target, or leave the other option out."
        )
    return {**reserved, target: "the target"}


def _left_out(columns: NamedColumns, options: TrainOptions) -> dict[str, str]:
    """Return the fields that an option excludes, with the reason."""
    unwanted = [
        *((column, "--exclude", "excluded") for column in options.exclude),
        *((column, "--as", "ignored (--as)") for column, kind in options.kinds.items() if not kind),
    ]
    found = [(columns.find_if_used(column, option), why) for column, option, why in unwanted]
    return {name: why for name, why in found if name is not None}


def _given(
    table: Table,
    columns: NamedColumns,
    options: TrainOptions,
    text: set[str],
    reserved: Mapping[str, str],
) -> dict[str, FieldKind]:
    """Return the kinds that --as gives."""
    given = {
        columns.find(column, "--as"): kind
        for column, kind in options.kinds.items()
        if kind is not None
    }
    _check_free(table, given.keys(), reserved, "--as")
    for name in sorted(text & given.keys()):
        if given[name] is not FieldKind.TEXT:
            raise InputError(
                f"--as {table.originals[name]!r}: --text says that it is text. Leave one of the "
                "two options out."
            )
    return given


def _check_free(
    table: Table, names: Collection[str], reserved: Mapping[str, str], option: str
) -> None:
    for name in sorted({*names} & reserved.keys()):
        raise InputError(
            f"{option} {table.originals[name]!r}: the column is {reserved[name]}. "
            "Leave one of the two options out."
        )
