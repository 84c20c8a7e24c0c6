"""A batch by the compiled loop has the bytes of aiokafka's builder."""

from __future__ import annotations

from typing import Any

import pytest
from aiokafka.producer.message_accumulator import BatchBuilder
from hypothesis import given, settings
from hypothesis import strategies as st

from agents.records import Output
from stream.kafka.compiled_batch import CompiledBatch
from stream.kafka.producer import open_producer, pack

pytestmark = pytest.mark.skipif(not CompiledBatch.exists, reason="there was no compiler")

NOW = 1_760_000_000_000
SHARED: list[tuple[str, bytes | None]] = [("ce_type", b"x" * 30), ("näme", None), ("e", b"")]
VALUES = st.none() | st.binary(max_size=20) | st.binary(min_size=120, max_size=9000)
HEADERS = st.lists(
    st.sampled_from(SHARED) | st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=70)),
    max_size=20,
)
ROWS = st.lists(st.tuples(VALUES, VALUES, HEADERS), max_size=30)


def sent(builder: Any, producer: tuple[int, int, int] = (7, 3, 90_000)) -> bytes:
    builder._set_producer_state(*producer)
    return bytes(builder._build())


def packed(rows: list[Output], make: Any) -> list[tuple[int, int, int, bytes]]:
    parcels = list(pack(make, rows, start=5, timestamp_ms=NOW))
    return [(at.start, len(at.rows), at.builder.size(), sent(at.builder)) for at in parcels]


@given(ROWS, st.sampled_from([1, 300, 5000, 1 << 20]), st.booleans())
@settings(max_examples=150, deadline=None)
def test_batches_of_drawn_rows_have_the_bytes_of_aiokafkas_builder(
    rows: list[Output], most: int, is_transactional: bool
) -> None:
    found = packed(rows, lambda: CompiledBatch(most, is_transactional=is_transactional))
    assert found == packed(
        rows, lambda: BatchBuilder(most, 0, is_transactional=int(is_transactional))
    )


@given(st.lists(st.tuples(st.integers(0, 2**45), VALUES, HEADERS), min_size=1, max_size=9))
@settings(max_examples=50, deadline=None)
def test_records_that_are_added_one_by_one_may_have_times_in_any_order(rows: list[Any]) -> None:
    batch, expected = CompiledBatch(4000, is_transactional=False), BatchBuilder(4000, 0)
    for timestamp, value, headers in rows:
        record = {"timestamp": timestamp, "key": None, "value": value, "headers": headers}
        is_taken = batch.append(**record) is not None
        assert is_taken == (expected.append(**record) is not None)
        assert batch.closed() == expected.closed()
        assert batch.size() == expected.size()
    assert batch.record_count() == expected.record_count()
    assert sent(batch) == sent(expected)


def test_a_header_that_lives_no_longer_than_its_record_is_written_as_it_was() -> None:
    def pair(number: int) -> tuple[str, bytes]:
        return f"n{number}", b"%d" % number

    rows: list[Any] = [(b"k", b"v", map(pair, [number])) for number in range(50)]
    listed: list[Any] = [(b"k", b"v", [pair(number)]) for number in range(50)]
    found = packed(rows, lambda: CompiledBatch(1 << 20, is_transactional=False))
    assert found == packed(listed, lambda: BatchBuilder(1 << 20, 0))


def test_a_record_without_a_time_gets_the_time_of_the_call() -> None:
    batch = CompiledBatch(4000, is_transactional=False)
    assert batch.append(timestamp=None, key=None, value=b"v", headers=[]) is not None
    first = int.from_bytes(sent(batch)[27:35], "big")
    assert first > NOW - 10**12


def test_a_batch_that_was_built_stays_the_same_when_it_is_sent_again() -> None:
    batch = CompiledBatch(4000, is_transactional=False)
    batch.fill([(None, b"v", [])], 0, NOW)
    assert sent(batch, (1, 2, 3)) == sent(batch, (4, 5, 6))
    assert batch.closed()


@pytest.mark.parametrize(
    "row",
    [("text", None, []), (None, 1, []), (None, None, [(b"name", b"")]), (None, None, [("n", "v")])],
)
def test_a_value_that_is_no_bytes_is_refused(row: Any) -> None:
    with pytest.raises(TypeError, match="expected"):
        CompiledBatch(4000, is_transactional=False).fill([row], 0, NOW)


@pytest.mark.parametrize(("compression", "made"), [(None, CompiledBatch), ("gzip", BatchBuilder)])
async def test_the_producer_makes_them_unless_it_compresses(
    compression: str | None, made: type
) -> None:
    producer = open_producer({"bootstrap_servers": "127.0.0.1:1"}, 4000, compression=compression)
    assert type(producer.create_batch()) is made
    await producer.stop()
