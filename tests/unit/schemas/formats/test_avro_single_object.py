"""Avro single-object encoding: what is recognised, and the verdict on what is damaged."""

from __future__ import annotations

import pytest

from schemas.errors import ErrorCode, InvalidEventError
from schemas.formats.avro_single_object import AvroSingleObject
from schemas.formats.event_format import DecodedRow
from schemas.store import SchemaStore
from tests.unit.schemas.formats.test_event_format import FIELDS, LEADS, ROWS, STORE, VISIT

FORM = AvroSingleObject()
VALUE = FORM.write_lead(LEADS[1], LEADS[1], VISIT)


def test_a_value_begins_with_the_marker_and_the_fingerprint() -> None:
    assert VALUE.startswith(b"\xc3\x01")
    assert VALUE.startswith(VISIT.header)
    assert VALUE[:1] in FORM.first_bytes
    assert FORM.recognises(VALUE)


@pytest.mark.parametrize("value", [VALUE[:9], b"\xc3\x02" + VALUE[2:], b"\xc3"])
def test_an_incomplete_header_is_a_verdict_with_what_was_expected(value: bytes) -> None:
    with pytest.raises(InvalidEventError, match="expected C3 01 and 8 bytes") as refused:
        FORM.recognises(value)
    assert refused.value.code is ErrorCode.WIRE_FORMAT
    assert value[:10].hex(" ") in refused.value.message


def test_a_lead_that_was_written_is_read() -> None:
    rows: list[DecodedRow | None] = [None]
    FORM.lead_reader(STORE, FIELDS).read_rows([VALUE], [0], rows, {})
    assert rows == [ROWS[1]]


def test_a_fingerprint_of_no_schema_says_where_to_put_the_schema() -> None:
    errors: dict[int, InvalidEventError] = {}
    FORM.lead_reader(SchemaStore(), FIELDS).read_rows([VALUE], [0], [None], errors)
    assert errors[0].code is ErrorCode.SCHEMA
    assert VALUE[2:10].hex() in errors[0].message
    assert "LEADSCORE_SCHEMA_DIR" in errors[0].message
