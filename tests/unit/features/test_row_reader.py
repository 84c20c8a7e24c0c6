"""Rows read one by one: the same in any part of a table, and as a whole file is read."""

from __future__ import annotations

from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from features.field_spec import CategoryField, DateField, NumberField
from features.row_reader import RowReader
from features.spec import FeatureSpec
from features.table_file import arrow_table
from schemas.number_reading import NumberReading
from schemas.time_reading import TimeReading

SPEC = FeatureSpec(
    fields=(
        NumberField(name="amount", reading=NumberReading(decimal=",", grouping=".")),
        NumberField(name="count"),
        CategoryField(name="agreed", encoding="one_hot", levels=("false", "true")),
        CategoryField(name="channel", encoding="one_hot", levels=("mail", "web")),
        DateField(name="seen", reading=TimeReading(first="day")),
    )
)
CONTRACT: dict[str, Any] = {
    "type": "record",
    "name": "lead",
    "fields": [
        {"name": "lead_id", "type": "string"},
        {"name": "created_at", "type": "long"},
        {"name": "amount", "type": ["null", "double"]},
        {"name": "count", "type": ["null", "long"]},
        {"name": "agreed", "type": ["null", "boolean"]},
        {
            "name": "channel",
            "type": ["null", {"type": "enum", "name": "channel", "symbols": ["web", "mail"]}],
        },
        {"name": "seen", "type": ["null", {"type": "long", "logicalType": "timestamp-millis"}]},
    ],
}


def read(**columns: Any) -> Any:
    return RowReader(SPEC, CONTRACT).read(arrow_table(pa.table(columns), "the table"))


def test_text_is_read_as_the_training_data_were_whatever_the_other_rows_are() -> None:
    many = read(amount=["1.250", "7,5", None, "12.5"] * 3)
    assert many.columns["amount"].tolist()[:2] == [1250.0, 7.5]
    assert np.isnan(many.columns["amount"][2])
    assert [*many.misfits] == [3, 7, 11]
    one = read(amount=["1.250"])
    assert one.columns["amount"].tolist() == [1250.0]


def test_a_typed_number_needs_no_reading() -> None:
    assert read(amount=[1.25, float("inf")]).columns["amount"][0] == 1.25
    assert np.isnan(read(amount=[float("inf")]).columns["amount"][0])


@pytest.mark.parametrize(
    ("column", "cells", "misfit", "expected"),
    [
        ("amount", ["1,5", "much"], 1, "column 'amount': expected a number"),
        ("count", [2.0, 2.5], 1, "column 'count': expected a whole number"),
        ("agreed", ["yes", "perhaps"], 1, "column 'agreed': expected true or false"),
        ("channel", ["web", "fax"], 1, "column 'channel': expected one of web, mail"),
        ("seen", ["31/5/2024", "soon"], 1, "column 'seen': expected a time"),
        ("seen", [1_717_147_800_000, 3], 1, "column 'seen': expected a time"),
    ],
)
def test_a_row_that_does_not_fit_is_rejected_alone(
    column: str, cells: list[Any], misfit: int, expected: str
) -> None:
    found = read(**{column: cells})
    assert [*found.misfits] == [misfit]
    assert found.misfits[misfit].code == "TYPE"
    assert str(found.misfits[misfit]).startswith(expected)


def test_booleans_are_words_of_the_contract() -> None:
    found = read(agreed=pa.array([True, None, False]))
    assert found.columns["agreed"] == ["true", None, "false"]
    assert read(agreed=["ja", "n/a", "0"]).columns["agreed"] == ["true", None, "false"]


def test_a_missing_column_is_missing_in_every_row() -> None:
    found = read(count=[1, 2])
    assert np.isnan(found.columns["amount"]).all()
    assert found.columns["channel"] == [None, None]
    assert np.isnan(found.created_at).all()


def test_times_of_any_type_are_the_same() -> None:
    ms = 1_717_147_800_000
    typed = pa.array([ms], type=pa.timestamp("ms"))
    for cells in (typed, [ms], [float(ms)], ["2024-05-31T09:30:00Z"], [str(ms // 1000)]):
        assert read(seen=cells).columns["seen"].tolist() == [ms]


def test_memory_of_cells_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("features.row_reader.REMEMBERED", 3)
    reader = RowReader(SPEC, CONTRACT)
    for start in range(0, 50, 5):
        cells = [f"{n},5" for n in range(start, start + 5)]
        found = reader.read(arrow_table(pa.table({"amount": [*cells, "much"]}), "the table"))
        assert found.columns["amount"].tolist()[:5] == [n + 0.5 for n in range(start, start + 5)]
        assert [*found.misfits] == [5]


def test_fields_are_found_by_names_that_differ_in_form() -> None:
    reader = RowReader(SPEC, CONTRACT)
    table = arrow_table(pa.table({"Amount": ["1,5"], "other": [1]}), "the table")
    assert reader.fields_in(table) == {"amount": "Amount"}
    assert reader.read(table).columns["amount"].tolist() == [1.5]
