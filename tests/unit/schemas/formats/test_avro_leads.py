"""Leads behind a header: each is read with the schema that its header names."""

from __future__ import annotations

from importlib.util import find_spec

import pytest

from schemas.errors import ErrorCode, InvalidEventError
from schemas.formats.avro_leads import COLUMNS_FROM, AvroLeadReader
from schemas.formats.event_format import DecodedRow
from schemas.store import Schema
from tests.unit.schemas.formats.framed_avro import FramedAvro
from tests.unit.schemas.formats.test_event_format import FIELDS, LEADS, ROWS, VISIT

HEADER = VISIT.header
UNKNOWN = bytes(len(HEADER))
VALUES = [HEADER + FramedAvro([VISIT]).write_lead(lead, lead, VISIT)[5:] for lead in LEADS]


@pytest.fixture
def asked() -> list[bytes]:
    return []


@pytest.fixture
def reader(asked: list[bytes]) -> AvroLeadReader:
    def schema_of(header: bytes) -> Schema:
        asked.append(header)
        if header != HEADER:
            raise InvalidEventError(ErrorCode.SCHEMA, "expected another header")
        return VISIT

    return AvroLeadReader(len(HEADER), schema_of, FIELDS, [HEADER])


def read(
    reader: AvroLeadReader, values: list[bytes | None]
) -> tuple[list[DecodedRow | None], dict[int, ErrorCode]]:
    rows: list[DecodedRow | None] = [None] * len(values)
    errors: dict[int, InvalidEventError] = {}
    reader.read_rows(values, range(len(values)), rows, errors)
    return rows, {place: error.code for place, error in errors.items()}


def test_records_are_read_by_the_schema_of_their_header(reader: AvroLeadReader) -> None:
    rows, errors = read(reader, [*VALUES])
    assert rows == ROWS
    assert errors == {}


def test_a_header_of_no_schema_is_a_verdict_on_its_records_alone(reader: AvroLeadReader) -> None:
    rows, errors = read(reader, [VALUES[0], UNKNOWN + b"body", VALUES[2]])
    assert rows == [ROWS[0], None, ROWS[2]]
    assert errors == {1: ErrorCode.SCHEMA}


def test_a_schema_is_looked_up_once_and_an_unknown_one_each_time(
    reader: AvroLeadReader, asked: list[bytes]
) -> None:
    for _ in range(3):
        read(reader, [VALUES[0], UNKNOWN])
    assert asked == [HEADER, UNKNOWN, UNKNOWN, UNKNOWN]


def test_prepare_makes_the_readers_of_the_known_headers(
    reader: AvroLeadReader, asked: list[bytes]
) -> None:
    reader.prepare()
    assert asked == [HEADER]
    read(reader, [VALUES[0]])
    assert asked == [HEADER]


@pytest.mark.skipif(find_spec("schemas._compiled") is None, reason="there was no compiler")
def test_large_batches_are_read_by_column_and_small_ones_are_not(reader: AvroLeadReader) -> None:
    found = reader.read_columns([*VALUES])
    assert found is not None
    assert found.is_read.all()
    assert reader.read_columns(VALUES[: COLUMNS_FROM - 1]) is None
    assert reader.read_columns([UNKNOWN, *VALUES]) is None
    assert reader.read_columns([None, *VALUES]) is None


def test_the_name_of_a_schema_is_known_where_its_header_is(reader: AvroLeadReader) -> None:
    assert reader.schema_of(VALUES[0]) == "visit"
    assert reader.schema_of(UNKNOWN) is None
