"""Record batches as producers write them, for the tests of whatever reads them."""

from __future__ import annotations

from collections.abc import Iterable

from aiokafka.record.default_records import DefaultRecordBatchBuilder

from stream.fetch.decompression import Codec

Row = tuple[bytes | None, bytes | None, list[tuple[str, bytes | None]]]
"""Key, value and headers."""


def batch_of(codec: Codec, rows: Iterable[Row], first: int = 0) -> bytes:
    """Return one batch; the record at offset n has the time stamp 1000 + n."""
    builder = DefaultRecordBatchBuilder(2, int(codec), False, -1, -1, -1, 1 << 40)
    for at, (key, value, headers) in enumerate(rows):
        builder.append(at, 1000 + first + at, key, value, headers)
    batch = bytearray(builder.build())
    batch[:8] = first.to_bytes(8, "big")  # as the broker sets it; the checksum is not of it
    return bytes(batch)
