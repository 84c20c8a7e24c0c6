"""Record batches: every record comes out, or a verdict on it, in bounded memory."""

from __future__ import annotations

import random
import struct
import tracemalloc
from collections.abc import Sequence
from typing import Any

import pytest
from aiokafka.record.legacy_records import LegacyRecordBatchBuilder
from aiokafka.record.memory_records import MemoryRecords
from hypothesis import given
from hypothesis import strategies as st

from schemas.errors import ErrorCode
from stream.fetch.aiokafka_internals import Fetched
from stream.fetch.raw_records import Problem, RawRecord, UnreadableRecord
from stream.fetch.record_batches import Limits, RecordBatches
from tests.record_batches import CODECS, Made, batch, varint

BAD_NAME = ((b"nam\xe9", b"x"),)


def parse(
    data: bytes,
    *,
    start: int = 0,
    stop: int | None = None,
    limits: Limits | None = None,
    high_watermark: int = 1_000,
    aborted: Sequence[tuple[int, int]] = (),
    most_bytes: int = 1 << 20,
) -> tuple[list[RawRecord], int]:
    fetched = Fetched(data, high_watermark, aborted, most_bytes=most_bytes)
    batches = RecordBatches(fetched, partition=3, start=start, stop=stop, limits=limits)
    records: list[RawRecord] = []
    while taken := batches.take():
        records += taken
    return records, batches.next_offset


def problems_of(records: Sequence[RawRecord]) -> list[tuple[int, Problem | None]]:
    return [(r.offset, r.problem if isinstance(r, UnreadableRecord) else None) for r in records]


@pytest.mark.parametrize("codec", CODECS)
def test_a_record_with_a_bad_header_name_costs_itself_alone(codec: str) -> None:
    made = [Made(b"a" * 3000), Made(b"bad", headers=BAD_NAME), Made(b"c", headers=((b"n", None),))]
    records, end = parse(batch(made, base=10, codec=codec))
    assert problems_of(records) == [(10, None), (11, Problem.HEADER_NAME), (12, None)]
    assert [(r.key, r.value) for r in records] == [(made.key, made.value) for made in made]
    assert [list(r.headers) for r in records] == [[], [("nam\\xe9", b"x")], [("n", None)]]
    assert [(r.partition, r.timestamp) for r in records] == [(3, 1000)] * 3
    assert end == 13
    bad = records[1]
    assert isinstance(bad, UnreadableRecord)
    assert bad.error.code is ErrorCode.UNREADABLE
    assert "the name of one of its headers is not UTF-8" in bad.error.message


MADE = st.builds(
    Made,
    value=st.none() | st.binary(max_size=300),
    key=st.none() | st.binary(max_size=30),
    headers=st.lists(
        st.tuples(st.text(max_size=5).map(str.encode), st.none() | st.binary(max_size=9)),
        max_size=3,
    ),
    timestamp_delta=st.integers(-(10**12), 10**12),
)


@given(st.lists(MADE, min_size=1, max_size=20), st.sampled_from([*CODECS]), st.integers(0, 2**60))
def test_sound_batches_are_read_as_aiokafka_reads_them(
    made: list[Made], codec: str, base: int
) -> None:
    data = batch(made, base=base, codec=codec)
    ours, _ = parse(data, start=base, high_watermark=2**62)
    theirs = list(MemoryRecords(data).next_batch())
    assert [(r.offset, r.timestamp, r.key, r.value, [*r.headers]) for r in ours] == [
        (r.offset, r.timestamp, r.key, r.value, [*r.headers]) for r in theirs
    ]


@pytest.mark.parametrize("codec", [codec for codec in CODECS if codec != "none"])
def test_a_value_beyond_the_limit_is_skipped_and_not_held(codec: str) -> None:
    size = (2 if codec == "snappy" else 32) << 20  # a slow codec here, and slower when traced
    data = batch([Made(b"before"), Made(bytes(size)), Made(b"behind")], codec=codec)
    tracemalloc.start()
    records, end = parse(data, limits=Limits(value_bytes=1000))
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert problems_of(records) == [(0, None), (1, Problem.TOO_LARGE), (2, None)]
    large = records[1]
    assert isinstance(large, UnreadableRecord)
    assert (large.key, large.value, large.value_bytes) == (b"key", None, size)
    assert large.error.code is ErrorCode.TOO_LARGE
    assert f"at most 1000 bytes, got {size}" in large.error.message
    assert end == 3
    assert peak < 5 << 18, "bytes"


@pytest.mark.parametrize(
    ("made", "detail"),
    [
        (Made(key=b"k" * 2000), "expected a key of at most 1000 bytes, got 2000"),
        (Made(headers=((b"name", b"v" * 2000),)), "expected a set of headers of at most 1000"),
    ],
)
def test_a_key_or_headers_beyond_the_limit_are_skipped(made: Made, detail: str) -> None:
    records, _ = parse(batch([made, Made()]), limits=Limits(value_bytes=1000))
    assert problems_of(records) == [(0, Problem.TOO_LARGE), (1, None)]
    assert isinstance(records[0], UnreadableRecord)
    assert detail in records[0].detail
    assert records[0].value == b"value"


@pytest.mark.parametrize(
    "made",
    [
        Made(length_error=3, raw=None),
        Made(header_count=-1),
        Made(header_count=1000),
        Made(offset_delta=0),
        Made(offset_delta=77),
        Made(raw=varint(4) + b"\0" + varint(0) + varint(1) + varint(50)),
        Made(raw=varint(0)),
    ],
)
def test_lengths_that_contradict_each_other_cost_one_record(made: Made) -> None:
    if made.length_error:
        made = Made(raw=varint(20) + b"\0\0\2" + varint(1) + b"k" + varint(1) + b"v" + bytes(13))
    records, end = parse(batch([Made(), made, Made(b"good")]))
    assert problems_of(records) == [(0, None), (1, Problem.LENGTHS), (2, None)]
    assert records[2].value == b"good"
    assert end == 3


@pytest.mark.parametrize(
    "raw", [varint(-5), varint(10**6), b"\xff" * 12, varint(8) + b"\0\0\2" + b"\xff" * 12]
)
def test_where_the_next_record_is_not_known_the_rest_of_the_batch_is_lost(raw: bytes) -> None:
    data = batch([Made(), Made(raw=raw), Made()]) + batch([Made(b"next")], base=3)
    records, end = parse(data)
    assert problems_of(records) == [
        (0, None),
        (1, Problem.LENGTHS),
        (2, Problem.LENGTHS),
        (3, None),
    ]
    assert end == 4


@pytest.mark.parametrize("codec", [codec for codec in CODECS if codec != "none"])
def test_records_behind_undecompressible_data_are_lost(codec: str) -> None:
    made = [Made(b"%d" % i * 50_000) for i in range(40)]
    whole = batch(made, codec=codec)[61:]
    damaged = batch(made, codec=codec, compressed=whole[: len(whole) * 3 // 4])
    records, end = parse(damaged + batch([Made(b"next")], base=40))
    assert [record.offset for record in records] == list(range(41))
    problems = {problem for _, problem in problems_of(records)}
    assert problems <= {None, Problem.COMPRESSION, Problem.LENGTHS}
    assert len(problems) == 2
    assert records[-1].value == b"next"
    assert all(r.value == made[r.offset].value for r in records[:40] if type(r) is RawRecord)
    assert end == 41


def test_a_wrong_checksum_costs_the_batch_and_names_its_place() -> None:
    data = batch([Made()] * 3, base=5, crc_error=1) + batch([Made(b"next")], base=8)
    records, end = parse(data, start=6)
    assert problems_of(records) == [(6, Problem.CHECKSUM), (7, Problem.CHECKSUM), (8, None)]
    bad = records[0]
    assert isinstance(bad, UnreadableRecord)
    assert "the checksum of its batch is wrong (offsets 6 to 7)" in bad.error.message
    assert (bad.key, bad.value, bad.headers) == (None, None, ())
    assert end == 9


@pytest.mark.parametrize("last_delta", [-7, 2**31 - 1])
def test_a_damaged_batch_does_not_say_itself_where_it_ends(last_delta: int) -> None:
    damaged = batch([Made()] * 3, base=5, crc_error=1, last_delta=last_delta, count=2**30)
    records, end = parse(damaged + batch([Made()], base=8), start=5)
    assert problems_of(records)[2:] == [(7, Problem.CHECKSUM), (8, None)]
    assert end == 9
    records, end = parse(damaged, start=5, high_watermark=7)
    assert problems_of(records) == [(5, Problem.CHECKSUM), (6, Problem.CHECKSUM)]
    assert end == 7


def test_a_damaged_batch_that_compaction_has_thinned_has_as_many_verdicts_as_records() -> None:
    data = batch([Made()] * 3, base=5, crc_error=1, last_delta=1000) + batch([Made()], base=1006)
    records, end = parse(data, start=5, high_watermark=2000)
    assert [offset for offset, _ in problems_of(records)] == [5, 6, 7, 1006]
    assert end == 1007


def test_a_negative_number_of_records_is_no_silent_loss() -> None:
    records, end = parse(batch([Made()] * 2, count=-1) + batch([Made()], base=2))
    assert problems_of(records) == [(0, Problem.LENGTHS), (1, Problem.LENGTHS), (2, None)]
    assert end == 3


@pytest.mark.parametrize("base", [5, -(2**40)])
@pytest.mark.parametrize("attributes", [0, 7])
def test_a_header_that_claims_two_billion_records_takes_no_time(base: int, attributes: int) -> None:
    """Found by fuzzing: each of them had a verdict."""
    most = 2**31 - 1
    lying = batch(
        [Made(raw=varint(-1))], base=base, count=most, last_delta=most - 1, attributes=attributes
    )
    records, end = parse(lying + batch([Made()], base=8), start=5)
    assert records[-1].offset == 8
    assert len(records) <= 4
    assert end == 9


@pytest.mark.parametrize("codec", [5, 7])
def test_an_unknown_codec_costs_the_batch(codec: int) -> None:
    records, end = parse(batch([Made()] * 2, attributes=codec) + batch([Made()], base=2))
    assert problems_of(records) == [(0, Problem.FORMAT), (1, Problem.FORMAT), (2, None)]
    assert end == 3


def test_an_unknown_format_costs_the_batch() -> None:
    records, end = parse(batch([Made()] * 2, magic=3) + batch([Made()], base=2))
    assert problems_of(records) == [(0, Problem.FORMAT), (1, Problem.FORMAT), (2, None)]
    assert end == 3


@pytest.mark.parametrize("magic", [0, 1])
def test_older_formats_are_read(magic: int) -> None:
    builder = LegacyRecordBatchBuilder(magic, 0, 10_000)
    for i in range(2):
        builder.append(i, timestamp=7, key=None, value=b"%d" % i)
    old = bytearray(builder.build())
    records, end = parse(bytes(old) + batch([Made()], base=2))
    assert [(r.offset, r.value) for r in records] == [(0, b"0"), (1, b"1"), (2, b"value")]
    old[-1] ^= 1
    records, end = parse(bytes(old) + batch([Made()], base=2))
    assert problems_of(records) == [(0, None), (1, Problem.LENGTHS), (2, None)]
    assert end == 3


def test_reading_starts_and_stops_at_the_given_offsets() -> None:
    data = batch([Made()] * 5) + batch([Made(headers=BAD_NAME)], base=5)
    records, end = parse(data, start=2, stop=5)
    assert problems_of(records) == [(2, None), (3, None), (4, None)]
    assert end == 5
    records, end = parse(data, start=2, stop=4)
    assert (len(records), end) == (2, 4)
    thinned = batch([Made(), Made(offset_delta=8)], last_delta=8)
    assert parse(thinned, stop=5)[1] == 5, "or a reader would ask forever"


def test_control_records_and_aborted_ones_are_none() -> None:
    begun: dict[str, Any] = {"attributes": 0x10, "producer": 7}
    ended: dict[str, Any] = {"attributes": 0x30, "producer": 7}
    abort = Made(key=struct.pack(">hh", 0, 0), value=b"")
    commit = Made(key=struct.pack(">hh", 0, 1), value=b"")
    data = (
        batch([Made(b"lost")], base=0, **begun)
        + batch([Made(b"other")], base=1)
        + batch([abort], base=2, **ended)
        + batch([Made(b"kept")], base=3, **begun)
        + batch([commit], base=4, **ended)
    )
    records, end = parse(data, aborted=[(7, 0)])
    assert [(r.offset, r.value) for r in records] == [(1, b"other"), (3, b"kept")]
    assert end == 5
    assert [r.offset for r in parse(data)[0]] == [0, 1, 3], "without isolation"


def test_a_batch_that_is_cut_off_at_the_end_is_left_for_the_next_fetch() -> None:
    first, second = batch([Made()] * 2), batch([Made()] * 2, base=2)
    for cut in range(1, len(second)):
        records, end = parse(first + second[:cut])
        assert (len(records), end) == (2, 2)
    assert parse(b"") == ([], 0)


def test_a_first_batch_that_is_not_whole_is_passed() -> None:
    """Else the same fetch would be made forever: a first batch always comes whole (KIP-74)."""
    records, end = parse(batch([Made()] * 2)[:-1])
    assert problems_of(records) == [(0, Problem.LENGTHS)]
    assert end == 1


def test_steps_are_bounded_in_records_and_in_bytes() -> None:
    data = batch([Made(b"x" * 1000, key=None)] * 100, codec="zstd")
    for limits, most in ((Limits(records=7), 7), (Limits(held_bytes=2500), 3)):
        batches = RecordBatches(Fetched(data, 100, ()), partition=0, start=0, limits=limits)
        sizes = []
        while taken := batches.take():
            sizes.append(len(taken))
        assert sum(sizes) == 100
        assert max(sizes) == most


@given(st.binary(max_size=400), st.integers(0, 20), st.sampled_from([*CODECS]))
def test_no_bytes_make_the_parser_raise(junk: bytes, start: int, codec: str) -> None:
    """Offsets ascend whatever comes, and reading continues behind them."""
    for data in (
        junk,
        batch([], codec=codec, compressed=junk, count=9, last_delta=8) + junk,
        batch([Made(raw=junk)] * 3, codec=codec),
    ):
        records, end = parse(data, start=start)
        offsets = [record.offset for record in records]
        assert offsets == sorted(set(offsets))
        assert all(start <= offset < end for offset in offsets)


# Batches that are too large to be received: their beginning is there


@pytest.mark.parametrize("codec", ["none", "gzip", "zstd"])
def test_a_record_that_is_too_large_to_be_received_leaves_its_key_and_size(codec: str) -> None:
    value = random.Random(1).randbytes(50_000)
    data = batch([Made(value, key=b"lead-1")], base=70, codec=codec, timestamp=2000)
    [lost], next_offset = parse(data[:20_000], most_bytes=30_000)
    assert isinstance(lost, UnreadableRecord)
    assert (lost.offset, lost.key, lost.value, lost.value_bytes) == (70, b"lead-1", None, 50_000)
    assert (lost.timestamp, lost.problem) == (2000, Problem.BATCH_TOO_LARGE)
    assert lost.error.code is ErrorCode.TOO_LARGE
    assert str(lost.error) == (
        f"expected a batch of at most 30000 bytes, got {len(data)} (offsets 70 to 70): send smaller"
        " batches, or raise LEADSCORE_MEMORY_BUDGET_MB"
    )
    assert next_offset == 71


def test_every_record_of_a_batch_that_is_too_large_to_be_received_gets_a_verdict() -> None:
    data = batch([Made(b"x" * 1000, key=b"key-%d" % i) for i in range(50)], base=70)
    records, next_offset = parse(data[:20_000], start=80, most_bytes=30_000)
    assert problems_of(records) == [(at, Problem.BATCH_TOO_LARGE) for at in range(80, 120)]
    assert {record.key for record in records} == {None}
    assert next_offset == 120
    first, *_ = parse(data[:20_000], most_bytes=30_000)[0]
    assert isinstance(first, UnreadableRecord)
    assert (first.key, first.value_bytes) == (b"key-0", None)


def test_a_batch_of_an_aborted_transaction_that_is_too_large_is_no_record() -> None:
    data = batch([Made(bytes(50_000))], base=70, attributes=0x10, producer=9)
    assert parse(data[:20_000], aborted=[(9, 70)], most_bytes=30_000) == ([], 71)


def test_a_large_batch_that_says_to_reach_beyond_the_log_claims_no_other_offsets() -> None:
    data = batch([Made(bytes(50_000))], base=70, last_delta=2_000_000_000)
    records, next_offset = parse(data[:20_000], high_watermark=75, most_bytes=30_000)
    assert ([record.offset for record in records], next_offset) == ([70], 75)


@pytest.mark.parametrize("size", [17, 60])
def test_a_batch_that_is_cut_in_its_header_loses_a_record_at_a_time(size: int) -> None:
    data = batch([Made(bytes(50_000))], base=70)
    [lost], next_offset = parse(data[:size], start=70, most_bytes=30_000)
    assert isinstance(lost, UnreadableRecord)
    assert (lost.problem, next_offset) == (Problem.LENGTHS, 71)
