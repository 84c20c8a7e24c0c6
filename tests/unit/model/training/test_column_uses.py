"""The uses of columns: each is one thing only, by the options and the contract."""

from __future__ import annotations

from typing import Any

import pytest

from features.spec import CREATED_AT
from features.table_file import parse_table
from model.training.column_uses import NO_FEATURE, ColumnUses, column_uses
from model.training.named_columns import NamedColumns
from model.training.options import TrainOptions
from schemas.errors import InputError
from schemas.fields import FieldKind

FILE = b"id,opened,size,notes,won\na,2024-01-01,3,hello,yes\nb,2024-01-02,4,bye,no\n"


def uses(**given: Any) -> ColumnUses:
    options = TrainOptions(target="won", **given)
    columns = NamedColumns(parse_table(FILE, "leads.csv"), options)
    return column_uses(columns.with_creation_named(), columns, options)[1]


def test_the_target_and_the_id_are_no_features() -> None:
    found = uses(id="id")
    assert found.target == "won"
    assert found.reserved["won"] == "the target"
    assert found.reserved["id"] == "the lead's id (--id)"
    assert found.contract is None


def test_a_column_of_time_is_the_creation() -> None:
    found = uses(time="opened")
    assert found.reserved[CREATED_AT] == "the time (--time)"
    assert found.creation == {CREATED_AT}
    assert uses().reserved[CREATED_AT] == NO_FEATURE


def test_columns_that_are_left_out_have_their_option_as_the_reason() -> None:
    found = uses(exclude=("size",), kinds={"notes": None})
    assert found.left_out == {"size": "excluded", "notes": "ignored (--as)"}
    assert found.reserved["size"] == "excluded"


def test_kinds_that_options_give_reach_what_reads_the_columns() -> None:
    found = uses(text=("notes",), kinds={"size": FieldKind.CATEGORY})
    assert found.features == {
        "text": {"notes"},
        "contract": None,
        "given": {"size": FieldKind.CATEGORY},
    }


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"text": ("won",)}, "--text 'won': the column is the target"),
        ({"id": "won"}, "the target 'won' is also the lead's id"),
        ({"id": "opened", "time": "opened"}, "it can be one thing only"),
        ({"text": ("notes",), "kinds": {"notes": FieldKind.NUMBER}}, "--text says that it is text"),
        ({"exclude": ("away",)}, "away"),
    ],
)
def test_a_column_is_one_thing_only(options: Any, says: str) -> None:
    with pytest.raises(InputError, match=says.replace("(", r"\(").replace(")", r"\)")):
        uses(**options)
