"""Record batches as a broker might hand them out, with lengths and checksums put right or not."""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from aiokafka.record.memory_records import MemoryRecords
from aiokafka.record.util import calc_crc32c

from stream.fetch.aiokafka_internals import Fetched
from stream.fetch.raw_records import RawRecord, UnreadableRecord
from stream.fetch.record_batches import Limits, RecordBatches
from tests.fuzz.target import Feed, Target
from tests.record_batches import CODECS, Made, batch

__all__ = ["BATCHES"]

PUT_RIGHT = 1
"""Bit of the first byte: the length and the checksum of the first batch are put right."""
HEADER_BYTES = 61
START, HIGH_WATERMARK = 3, 500
LIMITS = Limits(value_bytes=1 << 16, held_bytes=1 << 18, records=50)


def _put_right(data: bytearray) -> None:
    if len(data) >= HEADER_BYTES:
        struct.pack_into(">i", data, 8, len(data) - 12)
        data[16] = 2
        struct.pack_into(">I", data, 17, calc_crc32c(bytes(data[21:])))


def _parsed(data: bytes) -> list[RawRecord]:
    batches = RecordBatches(
        Fetched(data, HIGH_WATERMARK, [(7, 0)]), partition=0, start=START, limits=LIMITS
    )
    records: list[RawRecord] = []
    before = START
    while taken := batches.take():
        assert len(taken) <= LIMITS.records
        for record in taken:
            assert before <= record.offset, "offsets ascend"
            before = record.offset + 1
            assert len(record.value or b"") <= LIMITS.value_bytes
            if isinstance(record, UnreadableRecord):
                assert record.error.message
        records += taken[: 1000 - len(records)]
    assert batches.next_offset >= before
    return records


def _by_aiokafka(data: bytes) -> list[tuple[object, ...]] | None:
    """Read one batch as aiokafka does; None where it raises or holds what is no lead's."""
    try:
        sound = MemoryRecords(data).next_batch()
        if not sound.validate_crc() or sound.is_control_batch or sound.is_transactional:
            return None
        return [(r.offset, r.timestamp, r.key, r.value, tuple(r.headers)) for r in sound]
    except Exception:
        return None


def _feed(given: bytes) -> None:
    data = bytearray(given[1:])
    is_right = bool(given[:1] and given[0] & PUT_RIGHT)
    if is_right:
        _put_right(data)
    records = _parsed(bytes(data))
    if not is_right or len(data) < HEADER_BYTES:
        return
    if not records or any(isinstance(record, UnreadableRecord) for record in records):
        return  # aiokafka's parser would believe a block that says to be 2 GB long
    theirs: Any = _by_aiokafka(bytes(data))
    offsets = [int(record[0]) for record in theirs or ()]
    if theirs is None or offsets != sorted(set(offsets)) or len(theirs) > 1000:
        return
    ours = {(r.offset, r.timestamp, r.key, r.value, tuple(r.headers)) for r in records}
    assert ours <= set(theirs), "what is read is what aiokafka reads"


@contextmanager
def _opened() -> Iterator[Feed]:
    yield _feed


def _seeds() -> Sequence[bytes]:
    made = [
        Made(b"value" * 20),
        Made(None, headers=((b"name", b"x"),)),
        Made(headers=((b"\xe9", None),)),
    ]
    seeds = [b"\1" + batch(made, base=2, codec=codec) for codec in CODECS]
    seeds += [
        b"\0" + batch(made, crc_error=1) + batch(made, base=3),
        b"\0" + batch(made, magic=3) + batch(made, base=3)[:-4],
        b"\1" + batch(made, attributes=0x30, producer=7),
        b"\1" + batch([Made(b"v" * 100_000)], base=4, codec="zstd"),
    ]
    return seeds


BATCHES = Target("batches", _opened, _seeds)
