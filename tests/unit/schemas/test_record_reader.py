"""Records of any known schema are read; others have a verdict that does not quote them."""

from __future__ import annotations

import orjson
import pytest

from schemas.errors import InvalidEventError
from schemas.record_codec import RecordCodec
from schemas.record_reader import RecordReader
from schemas.store import SchemaStore

READER = RecordReader(SchemaStore.load())
OUTCOME = {
    "lead_id": "L-1",
    "outcome": "won",
    "value": None,
    "currency": None,
    "occurred_at": 1_760_000_000_123,
    "request_id": None,
}
AVRO = RecordCodec("lead_outcome").encode(OUTCOME)


def test_a_record_is_read_from_avro_and_from_json() -> None:
    assert READER.read(orjson.dumps(OUTCOME)) == OUTCOME
    assert READER.read(b"\xef\xbb\xbf" + orjson.dumps(OUTCOME)) == OUTCOME
    read = READER.read(AVRO)
    assert read == OUTCOME | {"occurred_at": "2025-10-09T08:53:20.123000+00:00"}


@pytest.mark.parametrize(
    ("value", "code"),
    [
        (None, "WIRE_FORMAT"),
        (b"secret", "WIRE_FORMAT"),
        (b"\xc3\x01" + bytes(8) + b"secret", "SCHEMA"),
        (AVRO[:-1], "DECODE"),
        (AVRO + b"secret", "DECODE"),
        (b'{"secret"', "DECODE"),
    ],
)
def test_other_bytes_have_a_verdict(value: bytes | None, code: str) -> None:
    with pytest.raises(InvalidEventError) as verdict:
        READER.read(value)
    assert verdict.value.code.value == code
    assert "secret" not in verdict.value.message
