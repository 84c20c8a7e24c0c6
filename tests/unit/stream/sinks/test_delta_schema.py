"""Columns that the Delta tables of earlier versions get."""

from __future__ import annotations

import pytest

pytest.importorskip("pyarrow")

from stream.sinks.delta_schema import LATER, SCHEMAS, missing_columns

NAMES = set(SCHEMAS["scores"].names)


def test_a_table_of_an_earlier_version_gets_the_later_columns() -> None:
    assert set(missing_columns(SCHEMAS["scores"], NAMES - LATER).names) == LATER


def test_a_table_with_all_columns_gets_none() -> None:
    assert missing_columns(SCHEMAS["scores"], NAMES).names == []


@pytest.mark.parametrize("column", sorted(NAMES - LATER))
def test_a_table_without_another_column_is_not_changed(column: str) -> None:
    assert missing_columns(SCHEMAS["scores"], NAMES - LATER - {column}).names == []


def test_a_later_column_can_be_null() -> None:
    fields = (SCHEMAS["scores"].field(name) for name in LATER)
    assert all(field.nullable for field in fields)
