"""The header of a batch: it says what aiokafka's own parser reads of it."""

from __future__ import annotations

import pytest
from aiokafka.record.memory_records import MemoryRecords

from stream.fetch.batch_header import (
    HEADER_BYTES,
    BatchHeader,
    base_offset,
    claimed_bytes,
    codec_of,
    whole_bytes,
)
from stream.fetch.decompression import Codec
from tests.record_batches import Made, batch

LOG_APPEND_TIME, TRANSACTIONAL, CONTROL = 0x08, 0x10, 0x20


@pytest.mark.parametrize("attributes", [0, LOG_APPEND_TIME, TRANSACTIONAL, TRANSACTIONAL | CONTROL])
@pytest.mark.parametrize("codec", ["none", "gzip", "zstd"])
def test_it_says_what_aiokafka_reads(codec: str, attributes: int) -> None:
    data = batch([Made(), Made()], base=70, codec=codec, attributes=attributes, producer=9)
    header = BatchHeader.read(memoryview(data))
    records = MemoryRecords(data)
    assert records.has_next()
    read = records.next_batch()
    assert header.base_offset == base_offset(memoryview(data)) == read.base_offset
    assert (header.end, header.records, header.producer_id) == (72, 2, read.producer_id)
    assert header.compression == read.compression_type
    assert header.is_transactional == read.is_transactional
    assert header.is_control == read.is_control_batch
    assert header.is_log_append_time == bool(read.timestamp_type)


def test_a_batch_that_is_cut_is_not_whole() -> None:
    data = batch([Made()])
    behind = b"before" + data
    assert whole_bytes(data) == claimed_bytes(data) == whole_bytes(behind, 6) == len(data)
    assert [whole_bytes(data[:size]) for size in (0, 11, 16, HEADER_BYTES, len(data) - 1)] == (
        [None] * 5
    )
    assert whole_bytes(data[:8] + bytes(4) + data[12:]) is None
    assert base_offset(memoryview(data)[:11]) is None


def test_only_a_compressed_batch_of_the_format_in_use_has_a_codec() -> None:
    assert codec_of(batch([Made()], codec="zstd")) is Codec.ZSTD
    assert codec_of(batch([Made()])) is None
    assert codec_of(batch([Made()], codec="zstd", magic=1)) is None
    assert codec_of(batch([Made()], attributes=7)) is None
