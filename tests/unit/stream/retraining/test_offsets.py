"""Fixed ranges of offsets of an archive, and the records in them."""

from __future__ import annotations

from pathlib import Path

import pytest

from stream.retraining.offsets import OffsetRange, archive_ranges, read_ranges
from stream.settings import load_settings
from testing.archives import archive_file, record_at

TOPIC = "leads.created"


@pytest.fixture
def archive(tmp_path: Path) -> str:
    for partition, first, last in ((0, 0, 20), (1, 5, 12)):
        records = [record_at(offset, partition) for offset in range(first, last)]
        archive_file(tmp_path, TOPIC, partition, records)
    return str(tmp_path)


async def test_a_range_begins_at_a_time_and_ends_where_the_files_do(archive: str) -> None:
    assert await archive_ranges(archive, TOPIC, 1008) == (
        OffsetRange(0, 8, 20),
        OffsetRange(1, 8, 12),
    )


async def test_a_partition_without_later_records_has_no_range(archive: str) -> None:
    [only] = await archive_ranges(archive, TOPIC, 1015)
    assert (only, only.offsets) == (OffsetRange(0, 15, 20), 5)


async def test_the_records_of_the_ranges_are_read_and_no_others(archive: str) -> None:
    ranges = [OffsetRange(0, 3, 7), OffsetRange(1, 11, 99)]
    found = [
        (record.partition, record.offset)
        async for records in read_ranges(load_settings(), TOPIC, ranges, archive)
        for record in records
    ]
    assert found == [(0, 3), (0, 4), (0, 5), (0, 6), (1, 11)]
