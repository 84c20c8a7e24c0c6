"""The first byte identifies the wire format."""

from __future__ import annotations

import pytest

from schemas.errors import ErrorCode, InvalidEventError
from schemas.wire import WireFormat, detect


@pytest.mark.parametrize(
    ("value", "wire"),
    [
        (b"\xc3\x01" + bytes(8), WireFormat.AVRO),
        (b"\xc3\x01" + bytes(8) + b"{", WireFormat.AVRO),
        (b"{", WireFormat.JSON),
        (b'{"lead_id": "a"}', WireFormat.JSON),
        (b' \t\r\n{"lead_id": "a"}', WireFormat.JSON),
        (b"\x00\x00\x00\x00\x07abc", WireFormat.CONFLUENT),
        (b"\x01" + bytes(16) + b"abc", WireFormat.CONFLUENT),
    ],
)
def test_it_is_known(value: bytes, wire: WireFormat) -> None:
    assert detect(value) is wire


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (None, "tombstone"),
        (b"", "tombstone"),
        (b"\x00\x00\x00\x07", "00 and 4 bytes of schema id"),
        (b"\x01" + bytes(15), "01 and 16 bytes of GUID"),
        (b"\xc3", "C3 01 and 8 bytes"),
        (b"\xc3\x01" + bytes(7), "C3 01 and 8 bytes"),
        (b"\xc3\x02" + bytes(8), "c3 02"),
        (b"[]", "a JSON array: send each lead alone"),
        (b'"lead"', "22"),
        (b"  []", "20"),
        (b" " * 100, "20"),
        (b"\xef\xbb\xbf[]", "ef"),
        (b"\xef{}", "ef"),
        (b"Obj\x01", "4f"),
    ],
)
def test_else_the_verdict_says_what_came(value: bytes | None, said: str) -> None:
    with pytest.raises(InvalidEventError, match=said) as caught:
        detect(value)
    assert caught.value.code is ErrorCode.WIRE_FORMAT
