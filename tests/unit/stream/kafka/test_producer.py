"""The size of a record in a batch."""

from __future__ import annotations

from stream.kafka.producer import record_bytes


def test_the_size_of_a_record_is_never_below_that_of_its_batch() -> None:
    from aiokafka.record.default_records import DefaultRecordBatchBuilder

    headers = [("ce_id", b"1" * 30), ("näme", b""), ("none", None)] * 3
    for key, value in [(None, None), (b"", b""), (b"k" * 200, b"v" * 70_000), (b"k", None)]:
        builder = DefaultRecordBatchBuilder(2, 0, 0, -1, -1, 0, 1)
        builder.append(0, 2**41, key, value, headers)
        exact = builder.size()
        assert exact <= record_bytes(key, value, headers) <= exact + 150
