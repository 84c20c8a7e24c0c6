"""The columns of records, by the compiled loop and by plain Python."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from agents import records as module
from agents.records import RecordColumns

PLAIN = [
    SimpleNamespace(
        partition=partition,
        offset=2**40 + at,
        timestamp=1_760_000_000_000 - at,
        timestamp_type=0,
        key=b"k",
        value=None if at == 1 else b"v%d" % at,
        headers=headers,
    )
    for at, (partition, headers) in enumerate([(3, ()), (3, ()), (0, ()), (3, (("h", b""),))])
]


def compiled(records: list[Any]) -> list[Any]:
    loop = pytest.importorskip("agents._compiled", reason="there was no compiler")
    found = []
    for record in records:
        position = SimpleNamespace(next_fetch_offset=0)
        reader = loop.RecordReader("leads", record.partition, position, 9, 1 << 20, 0)
        found += reader.read(iter([record])).records
    return found


def listed(columns: RecordColumns) -> tuple[Any, ...]:
    values, partitions, offsets, timestamps, has_headers = columns
    times = offsets.tolist(), timestamps.tolist()
    return values, partitions, *times, offsets.dtype.name, timestamps.dtype.name, has_headers


@pytest.mark.parametrize("count", [0, 1, 3, 4])
def test_the_compiled_loop_reads_what_plain_python_reads(count: int) -> None:
    expected = RecordColumns.of(PLAIN[:count])
    assert listed(RecordColumns.of(compiled(PLAIN[:count]))) == listed(expected)
    assert expected.has_headers == (count == 4)
    assert expected.offsets.tolist() == [2**40 + at for at in range(count)]


def test_records_of_several_classes_are_read_together() -> None:
    mixed = [*compiled(PLAIN[:2]), *PLAIN[2:]]
    assert listed(RecordColumns.of(mixed)) == listed(RecordColumns.of(PLAIN))


def test_without_a_compiler_it_is_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    records = compiled(PLAIN)
    expected = listed(RecordColumns.of(records))
    monkeypatch.setattr(module, "_compiled", None)
    assert listed(RecordColumns.of(records)) == expected


def test_some_records_keep_their_places() -> None:
    found = RecordColumns.of(PLAIN).take([0, 3])
    assert found.values == [b"v0", b"v3"]
    assert found.offsets.tolist() == [2**40, 2**40 + 3]
    assert RecordColumns.of(PLAIN).take([]).offsets.dtype.name == "int64"
