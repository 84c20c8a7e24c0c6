from __future__ import annotations

from collections.abc import Iterator

import pytest
from aiokafka.errors import CorruptRecordException
from hypothesis import given
from hypothesis import strategies as st

from stream.fetch.decompressed_bytes import VARINT_BYTES, DecompressedBytes, encoded_varint


@given(st.lists(st.integers(-(2**63), 2**63 - 1), min_size=1))
def test_varints_are_read_as_they_were_written(numbers: list[int]) -> None:
    content = DecompressedBytes(iter([b"".join(map(encoded_varint, numbers))]))
    assert [content.varint() for _ in numbers] == numbers
    content.fill(1)
    assert (content.buffer, content.is_all) == (b"", True)


@pytest.mark.parametrize(
    ("number", "written"), [(0, b"\x00"), (-1, b"\x01"), (1, b"\x02"), (150, b"\xac\x02")]
)
def test_varints_are_those_of_protocol_buffers(number: int, written: bytes) -> None:
    assert encoded_varint(number) == written


def test_no_more_is_decompressed_than_is_read_next() -> None:
    decompressed = 0

    def chunks() -> Iterator[bytes]:
        nonlocal decompressed
        for _ in range(10):
            decompressed += 1
            yield b"abcd"

    content = DecompressedBytes(chunks())
    assert content.take(5) == b"abcda"
    assert decompressed == 2
    content.skip(14)
    assert (content.taken, decompressed, len(content.buffer)) == (19, 5, 1)
    assert not content.is_all


@pytest.mark.parametrize("size", [9, -1])
def test_a_size_that_the_batch_does_not_have_is_an_error(size: int) -> None:
    with pytest.raises(CorruptRecordException, match=f"expected {size} more bytes"):
        DecompressedBytes(iter([b"12345678"])).take(size)


def test_to_skip_beyond_the_end_is_an_error() -> None:
    with pytest.raises(CorruptRecordException, match="expected 1 more bytes of a record, got none"):
        DecompressedBytes(iter([b"12345678"])).skip(9)


def test_a_number_without_an_end_is_an_error() -> None:
    with pytest.raises(CorruptRecordException, match=f"at most {VARINT_BYTES} bytes"):
        DecompressedBytes(iter([b"\x80" * 100])).varint()
