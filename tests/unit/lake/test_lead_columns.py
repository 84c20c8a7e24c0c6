"""Columns that scoring reads of a file, and no others."""

from __future__ import annotations

import pyarrow as pa
import pytest

from features.field_spec import CategoryField, NumberField
from features.row_reader import RowReader
from features.spec import FeatureSpec
from lake.lead_columns import LeadColumns, find_columns
from schemas.errors import InputError

SPEC = FeatureSpec(
    fields=(
        NumberField(name="amount"),
        CategoryField(name="city", encoding="one_hot", levels=("berlin",), source="address.city"),
    )
)
CONTRACT = {"type": "record", "name": "lead", "fields": [{"name": "lead_id", "type": "string"}]}
SCHEMA = pa.schema(
    [
        ("lead_id", pa.string()),
        ("id", pa.int64()),
        ("Amount", pa.float64()),
        ("address", pa.struct([("city", pa.string()), ("street", pa.string())])),
        ("notes", pa.list_(pa.string())),
    ]
)


def find(id_column: str = "lead_id", *keep: str) -> LeadColumns:
    return find_columns(SCHEMA, RowReader(SPEC, CONTRACT), id_column, keep, "a.parquet")


def test_only_fields_and_the_id_are_read() -> None:
    found = find()
    assert found.fields == {"amount", "city"}
    assert found.read == ("Amount", "address", "lead_id")
    assert found.texts == {"address.city"}
    assert found.lead_id == "lead_id"


def test_a_column_that_is_copied_is_read_too_whatever_its_type() -> None:
    assert find("id", "notes").read == ("Amount", "address", "notes", "id")


def test_rows_are_numbered_where_there_is_no_lead_id() -> None:
    schema = SCHEMA.remove(0)
    found = find_columns(schema, RowReader(SPEC, CONTRACT), "lead_id", (), "a.parquet")
    assert found.lead_id is None


@pytest.mark.parametrize(
    ("id_column", "keep", "message"),
    [
        ("leads", (), r"no column 'leads' \(--id\)"),
        ("lead_id", ("note",), r"no column 'note' \(--keep\). Did you mean notes"),
    ],
)
def test_a_column_that_is_missing_is_named(
    id_column: str, keep: tuple[str, ...], message: str
) -> None:
    with pytest.raises(InputError, match=message):
        find(id_column, *keep)


def test_a_file_without_a_field_of_the_model_is_refused() -> None:
    schema = pa.schema([("lead_id", pa.string()), ("colour", pa.string())])
    with pytest.raises(InputError, match=r"none of the model's fields.*lead_id, colour"):
        find_columns(schema, RowReader(SPEC, CONTRACT), "lead_id", (), "a.parquet")
