"""Records of LeadScore's own schemas come back as they were, and nothing else does."""

from __future__ import annotations

from typing import Any

import fastavro
import pytest

from schemas.record_codec import OLDER, RecordCodec
from schemas.single_object import HEADER_BYTES
from schemas.store import PACKAGED, SchemaStore
from tests.unit.stream.drift.drift_made import report

CODEC = RecordCodec("drift_report")
VALUE = report().encode()


def test_a_record_comes_back_as_it_was() -> None:
    record = CODEC.decode(VALUE)
    assert CODEC.decode(CODEC.encode(record)) == record
    assert record["topic"] == "leads.created"


def test_a_value_begins_with_the_header_of_its_schema() -> None:
    schema = SchemaStore.load().by_name("drift_report")
    assert schema is not None
    assert VALUE.startswith(schema.header)
    assert len(schema.header) == HEADER_BYTES


@pytest.mark.parametrize(
    ("value", "says"),
    [
        (None, "got no value"),
        (b"", "got "),
        (b'{"topic":1}', "got 7b 22 74"),
        (VALUE[: HEADER_BYTES + 3], "its bytes are damaged"),
        (VALUE[:HEADER_BYTES] + b"\xff" * 40, "its bytes are damaged"),
    ],
)
def test_other_bytes_are_refused_with_what_was_expected(value: bytes | None, says: str) -> None:
    with pytest.raises(ValueError, match="expected a drift_report") as refused:
        CODEC.decode(value)
    assert says in str(refused.value)


def test_records_of_earlier_versions_are_read_as_those_of_this_one() -> None:
    """Each schema in schemas/older belongs to a schema of today, whose codec knows its header."""
    today: dict[str, Any] = {
        path.stem: fastavro.schema.load_schema(str(path)) for path in PACKAGED.glob("*.avsc")
    }
    older = sorted(OLDER.glob("*.avsc"))
    assert older
    for file in older:
        name = next(name for name in today if file.stem.startswith(name))
        known = SchemaStore()
        known.add_file(file)
        [schema] = known
        assert schema.header in RecordCodec(name)._written_with


def test_a_schema_that_is_not_there_is_an_error() -> None:
    with pytest.raises(KeyError, match="no_such_schema"):
        RecordCodec("no_such_schema")
