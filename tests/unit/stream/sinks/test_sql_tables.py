"""Tables of the sink `sql`: every row names the record that it comes from."""

from __future__ import annotations

import pytest

from stream.sinks.rows import score_row
from stream.sinks.sql_tables import HISTORY, METADATA, PLACE, SCORES
from testing.sink_writer import record


@pytest.mark.parametrize("name", METADATA.tables)
def test_a_row_names_its_record(name: str) -> None:
    columns = METADATA.tables[name].columns
    assert not any(columns[column].nullable for column in PLACE)


def test_a_row_of_a_score_has_the_columns_of_its_tables() -> None:
    for table in (SCORES, HISTORY):
        assert {*score_row(record(0)), *PLACE} == set(table.columns.keys())
