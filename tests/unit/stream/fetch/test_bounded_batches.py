import tracemalloc
from typing import Any

import pytest
from aiokafka.consumer import fetcher
from aiokafka.errors import CorruptRecordException, RecordTooLargeError
from aiokafka.record.memory_records import MemoryRecords

from schemas.left_out import LeftOutValue
from stream.fetch import bounded_batches
from stream.fetch.bounded_batches import BatchLimits, BoundedRecords, bound_batches
from stream.fetch.decompression import Codec
from tests.unit.stream.fetch.compressed import Row, batch_of

COMPRESSED = [Codec.GZIP, Codec.SNAPPY, Codec.LZ4, Codec.ZSTD]
SMALL = BatchLimits(piece_bytes=40_000, record_bytes=20_000)
MB = 1 << 20


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(BoundedRecords, "limits", SMALL)


def read(content: bytes, records_class: Any = BoundedRecords) -> list[Any]:
    """Read all records as aiokafka's consumer does."""
    records, read = records_class(content), []
    while records.has_next():
        batch = records.next_batch()
        assert batch.validate_crc()
        read += list(batch)
    return read


def parts(record: Any) -> tuple[Any, ...]:
    return (
        record.offset,
        record.timestamp,
        record.timestamp_type,
        record.key,
        record.value,
        record.headers,
    )


def leads(count: int, size: int) -> list[Row]:
    return [
        (b"key-%d" % i, b"%d." % i + b"x" * size, [("trace", b"%d" % i)] if i % 3 else [])
        for i in range(count)
    ]


def test_aiokafka_reads_batches_by_our_class() -> None:
    assert fetcher.MemoryRecords is BoundedRecords


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("codec", list(Codec))
@pytest.mark.parametrize(("count", "size"), [(3, 10), (500, 300), (20, 9000), (1, 19_000)])
def test_records_are_those_that_aiokafka_reads(codec: Codec, count: int, size: int) -> None:
    content = batch_of(codec, leads(count, size)) + batch_of(codec, leads(2, size), count)
    expected = [parts(record) for record in read(content, MemoryRecords)]
    assert [parts(record) for record in read(content)] == expected
    assert len(expected) == count + 2


@pytest.mark.parametrize("codec", COMPRESSED)
def test_a_step_through_small_records_is_short(
    monkeypatch: pytest.MonkeyPatch, codec: Codec
) -> None:
    monkeypatch.setattr(bounded_batches, "PIECE_RECORDS", 100)
    monkeypatch.setattr(BoundedRecords, "limits", BatchLimits(200_000, 1000))
    content = batch_of(codec, leads(550, 900))
    records = BoundedRecords(content)
    assert [records.prepare(450) for _ in range(5)] == [False, False, False, False, True]
    assert [record.offset for record in records.next_batch()] == list(range(450, 550))


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("codec", COMPRESSED)
def test_a_record_that_is_too_large_is_skipped_and_its_size_kept(codec: Codec) -> None:
    rows: list[Row] = [
        (b"a", b"first", []),
        (b"large", b"y" * 500_000, [("from", b"test"), ("nothing", None)]),
        (b"b", b"last", [("h", b"1")]),
    ]
    first, large, last = read(batch_of(codec, rows, first=70))
    assert parts(first) == (70, 1070, 0, b"a", b"first", [])
    assert parts(last) == (72, 1072, 0, b"b", b"last", [("h", b"1")])
    assert (large.offset, large.timestamp, large.key, large.headers) == (71, 1071, b"large", [])
    assert isinstance(large.value, LeftOutValue)
    assert (len(large.value), bytes(large.value)) == (500_000, b"")


@pytest.mark.usefixtures("small_limits")
def test_a_large_key_and_large_headers_are_left_out_too() -> None:
    rows: list[Row] = [
        (b"k" * 100_000, b"value", []),
        (None, None, [("h", b"v" * 100_000)]),
        (b"a", b"first", []),
    ]
    key, headers, plain = read(batch_of(Codec.ZSTD, rows))
    assert (key.key, key.headers) == (None, [])
    assert (headers.key, headers.headers) == (None, [])
    assert len(key.value) > 100_000
    assert len(headers.value) > 100_000
    assert plain.value == b"first"


@pytest.mark.parametrize("codec", [Codec.GZIP, Codec.LZ4, Codec.ZSTD])
def test_memory_is_bounded_whatever_a_batch_expands_to(codec: Codec) -> None:
    content = batch_of(codec, [(None, b"z" * (40 * MB), []), *leads(60, 250_000)])
    most = 3 * BoundedRecords.limits.piece_bytes
    tracemalloc.start()
    try:
        records = BoundedRecords(content)
        sizes = [len(record.value) for record in records.next_batch()]
        assert tracemalloc.get_traced_memory()[1] < most
    finally:
        tracemalloc.stop()
    assert len(sizes) == 61
    assert min(sizes[1:]) > 250_000


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("codec", [Codec.GZIP, Codec.LZ4, Codec.ZSTD])
def test_records_before_a_damage_are_read(codec: Codec) -> None:
    rows: list[Row] = [
        (None, bytes((i * 7 + j * j) % 251 for j in range(9000)), []) for i in range(40)
    ]
    content = bytearray(batch_of(codec, rows))
    del content[-200:]
    content[8:12] = (len(content) - 12).to_bytes(4, "big")
    found = []
    records = BoundedRecords(bytes(content))
    with pytest.raises(CorruptRecordException):
        found += [record.offset for record in records.next_batch()]
    batch = BoundedRecords(bytes(content)).next_batch()
    for record in iter_until_broken(batch):
        found.append(record.offset)
    assert found == list(range(len(found)))
    assert len(found) > 5


def iter_until_broken(batch: Any) -> Any:
    try:
        yield from batch
    except CorruptRecordException:
        return


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("claimed", [499, 501])
def test_a_wrong_number_of_records_is_an_error(claimed: int) -> None:
    content = bytearray(batch_of(Codec.ZSTD, leads(500, 300)))
    content[57:61] = claimed.to_bytes(4, "big")
    with pytest.raises(CorruptRecordException):
        list(BoundedRecords(bytes(content)).next_batch())


def test_a_batch_that_can_t_be_large_is_read_by_aiokafka_alone() -> None:
    [small] = [BoundedRecords(batch_of(Codec.GZIP, leads(3, 10))).next_batch()]
    [large] = [BoundedRecords(batch_of(Codec.ZSTD, leads(3, 10))).next_batch()]
    assert "aiokafka" in type(small).__module__
    assert "aiokafka" not in type(large).__module__


def test_a_piece_holds_the_largest_record() -> None:
    with pytest.raises(ValueError, match="piece"):
        BatchLimits(piece_bytes=1000, record_bytes=1000)


def test_limits_are_those_of_the_process() -> None:
    before = BoundedRecords.limits
    try:
        bound_batches(SMALL)
        assert BoundedRecords.limits == SMALL
    finally:
        bound_batches(before)


def test_a_cut_batch_at_the_end_is_left_for_the_next_fetch() -> None:
    whole = batch_of(Codec.ZSTD, leads(3, 10))
    records = BoundedRecords(whole + whole[:-5])
    assert records.size_in_bytes() == 2 * len(whole) - 5
    assert len(list(records.next_batch())) == 3
    assert not records.has_next()
    assert records.next_batch() is None


def test_a_first_batch_that_is_truncated_is_an_error_of_the_poll_and_moves_no_position() -> None:
    """aiokafka moved the position by one before the poll: the offset was committed, unread."""
    whole = batch_of(Codec.ZSTD, leads(3, 10))
    records = BoundedRecords(whole[:-1])
    assert records.has_next()  # else aiokafka takes it for an error, and moves the position
    for read_one in (lambda: records.prepare(0), records.next_batch):
        with pytest.raises(RecordTooLargeError):
            read_one()
    assert not BoundedRecords(b"").has_next()
    assert len(read(whole + whole[:-1])) == 3
