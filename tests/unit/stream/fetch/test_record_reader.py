"""Records of a batch, read while it is decompressed, whatever the pieces are."""

from __future__ import annotations

import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from stream.fetch.batch_header import BatchHeader
from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord
from stream.fetch.record_reader import (
    LostError,
    RecordBytes,
    RecordReader,
    ends_aborted,
    key_and_value_size,
)
from tests.record_batches import Made, batch, record_bytes, varint

LIMIT = 100


def pieces(data: bytes, size: int) -> RecordBytes:
    return RecordBytes(data[at : at + size] for at in range(0, len(data), size))


def read(*made: Made, limit: int = LIMIT, size: int = 7) -> list[RawRecord]:
    """Read records of a batch that begins at offset 10, from small pieces."""
    header = BatchHeader.read(memoryview(batch(made, base=10)))
    data = b"".join(record_bytes(each, place) for place, each in enumerate(made))
    reader = RecordReader(header, pieces(data, size), partition=3)
    records: list[RawRecord] = []
    for _ in made:
        records.append(reader.read(records[-1].offset if records else 9, limit))
    return records


def problem(record: RawRecord) -> tuple[Problem, str]:
    assert isinstance(record, UnreadableRecord)
    return record.problem, record.detail


@given(st.binary(max_size=60), st.lists(st.integers(0, 12), max_size=9))
def test_bytes_come_out_as_they_went_in_whatever_the_pieces(data: bytes, takes: list[int]) -> None:
    source, at = pieces(data, 5), 0
    for size in takes:
        if at + size > len(data):
            with pytest.raises(LostError, match="ends too early"):
                source.take(size)
            return
        assert source.take(size) == data[at : at + size]
        at += size
        assert source.position == at


@given(st.integers(-(2**63), 2**63 - 1), st.integers(1, 11))
def test_integers_are_read_across_pieces(value: int, size: int) -> None:
    assert pieces(varint(value), size).varint() == value


def test_a_number_without_an_end_is_lost() -> None:
    with pytest.raises(LostError, match="more than ten bytes"):
        pieces(b"\xff" * 20, 5).varint()


def test_skipped_bytes_are_counted_and_not_kept() -> None:
    source = pieces(bytes(range(20)), 3)
    source.skip(13)
    assert (source.position, source.take(2)) == (13, b"\x0d\x0e")


def test_records_have_their_parts_offsets_and_times() -> None:
    first, second = read(
        Made(b"v", key=None, headers=[(b"n", b"x"), (b"m", None)]), Made(None, timestamp_delta=5)
    )
    assert (first.partition, first.offset, first.key, first.value) == (3, 10, None, b"v")
    assert list(first.headers) == [("n", b"x"), ("m", None)]
    assert (second.offset, second.value) == (11, None)
    assert second.timestamp == first.timestamp + 5


def test_a_value_that_is_too_large_is_skipped_and_its_size_is_known() -> None:
    large, after = read(Made(b"v" * (LIMIT + 1)), Made(b"small"))
    assert problem(large) == (Problem.TOO_LARGE, "expected a value of at most 100 bytes, got 101")
    assert isinstance(large, UnreadableRecord)
    assert (large.key, large.value, large.value_bytes) == (b"key", None, 101)
    assert after.value == b"small"


@pytest.mark.parametrize(
    ("made", "kind", "detail"),
    [
        (Made(headers=[(b"nam\xe9", b"x")]), Problem.HEADER_NAME, "is not UTF-8"),
        (Made(header_count=90), Problem.LENGTHS, "its number of headers is wrong"),
        (Made(offset_delta=50), Problem.LENGTHS, "its offset is not within its batch"),
        (Made(raw=b"\x02\0"), Problem.LENGTHS, "it is too short"),
    ],
)
def test_a_damaged_record_costs_itself_alone(made: Made, kind: Problem, detail: str) -> None:
    damaged, sound = read(made, Made(b"sound"))
    found, why = problem(damaged)
    assert found is kind
    assert detail in why
    assert sound.value == b"sound"


@pytest.mark.parametrize("made", [Made(length_error=-3), Made(raw=varint(-5))])
def test_where_the_next_record_begins_is_lost_with_a_wrong_length(made: Made) -> None:
    with pytest.raises(LostError):
        read(made, Made(b"after"))


def control(kind: int) -> bytes:
    return record_bytes(Made(b"", key=struct.pack(">hh", 0, kind)), 0)


def test_abort_and_commit_markers_are_distinguished() -> None:
    assert ends_aborted(memoryview(control(0)))
    assert not ends_aborted(memoryview(control(1)))
    assert not ends_aborted(memoryview(control(0)[:6]))


def test_key_and_size_of_the_value_are_read_without_the_value() -> None:
    encoded = record_bytes(Made(b"v" * 50, key=b"abc"), 0)
    assert key_and_value_size(pieces(encoded[:15], 4), 50) == (b"abc", 50)
    with pytest.raises(LostError, match="its key is cut"):
        key_and_value_size(pieces(encoded, 4), 2)
