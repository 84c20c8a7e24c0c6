"""Columns by their names in the file, where --time gives one the name of the creation."""

from __future__ import annotations

import pytest

from features.spec import CREATED_AT
from features.table_file import parse_table
from model.training.named_columns import NamedColumns
from model.training.options import TrainOptions
from schemas.errors import InputError

TABLE = parse_table(b"Lead Id,created_at,opened,won\na,2024-01-01,2024-02-01,yes\n", "leads.csv")


def columns(time: str | None = None) -> NamedColumns:
    return NamedColumns(TABLE, TrainOptions(target="won", time=time))


def test_without_the_option_columns_keep_their_names() -> None:
    named = columns()
    assert named.with_creation_named() is TABLE
    assert named.find("Lead Id", "--id") == "Lead_Id"
    assert named.find("created_at", "--exclude") == CREATED_AT


def test_the_column_of_the_time_is_the_creation() -> None:
    named = columns(time="opened")
    table = named.with_creation_named()
    assert table.originals[CREATED_AT] == "opened"
    assert named.find("opened", "--exclude") == CREATED_AT


def test_a_column_whose_place_the_time_takes_is_no_column_any_more() -> None:
    named = columns(time="opened")
    assert named.find_if_used("created_at", "--exclude") is None
    with pytest.raises(InputError, match="--text 'created_at': the column is not read, as --time"):
        named.find("created_at", "--text")


def test_a_column_that_is_not_there_is_named_with_the_option() -> None:
    with pytest.raises(InputError, match="nowhere"):
        columns(time="nowhere")
    with pytest.raises(InputError, match="nowhere"):
        columns().find("nowhere", "--exclude")
