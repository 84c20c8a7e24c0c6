"""A partition's file: its batches are done when it is durable, and only then."""

from __future__ import annotations

from pathlib import Path

import pytest
from aiokafka import TopicPartition

from schemas.errors import FatalError
from stream.archive.files import list_files
from stream.archive.open_file import OpenFile
from stream.archive.partition_owner import PartitionOwner
from stream.archive.partition_writer import PartitionWriter
from stream.archive.reader import Archive
from stream.consume.lost_records import Loss, LossReason
from testing.archives import batch_of, record_at

AT = TopicPartition("leads", 0)


def writer_on(archive: Path, end: int | None = None) -> PartitionWriter:
    owner = PartitionOwner(archive / "leads" / "0")
    assert owner.acquire()
    return PartitionWriter(AT, owner, end)


def ranges(archive: Path) -> list[tuple[int, int]]:
    return [(file.start, file.end) for file in list_files(archive / "leads" / "0")]


async def test_batches_are_done_when_the_file_is_durable(tmp_path: Path) -> None:
    writer = writer_on(tmp_path)
    batches = [batch_of(range(7, 10), AT), batch_of(range(12, 15), AT)]
    for batch in batches:
        assert await writer.add(batch) is None
    await writer.flush()
    assert [batch.is_begun for batch in batches] == [False, False]
    assert all(not batch.records for batch in batches), "their memory is free"
    completed = await writer.complete()
    assert (completed.records, ranges(tmp_path)) == (6, [(7, 15)])
    assert all(batch.is_done for batch in batches)
    assert writer.is_empty
    await writer.close()


async def test_the_range_of_a_file_begins_where_the_one_before_ended(tmp_path: Path) -> None:
    """Markers of transactions lie between: no offset is in no file."""
    writer = writer_on(tmp_path, end=4)
    await writer.add(batch_of(range(6, 8), AT))
    await writer.complete()
    await writer.add(batch_of(range(9, 11), AT))
    await writer.complete()
    assert ranges(tmp_path) == [(4, 8), (8, 11)]
    await writer.close()


async def test_a_partition_that_is_revoked_leaves_no_file_and_no_batch_that_is_done(
    tmp_path: Path,
) -> None:
    writer = writer_on(tmp_path)
    written, buffered = batch_of(range(3), AT), batch_of(range(3, 6), AT)
    await writer.add(written)
    await writer.flush()
    await writer.add(buffered)
    for batch in (written, buffered):
        batch.revoke()
    assert await writer.complete() is None
    assert writer.is_lost
    await writer.close()
    assert not written.is_done
    assert [path.name for path in (tmp_path / "leads" / "0").iterdir()] == [".lock"]


async def test_removed_records_are_a_hole_between_two_files(tmp_path: Path) -> None:
    writer = writer_on(tmp_path, end=0)
    await writer.add(batch_of(range(5), AT))
    writer.lost_records(Loss(AT, 6, 20, LossReason.RETENTION))
    completed = await writer.add(batch_of(range(20, 23), AT))
    assert completed.file.end == 6
    await writer.complete()
    assert ranges(tmp_path) == [(0, 6), (20, 23)]
    await writer.close()


async def test_records_removed_while_no_file_is_open_are_a_hole_too(tmp_path: Path) -> None:
    writer = writer_on(tmp_path, end=6)
    writer.lost_records(Loss(AT, 6, 20, LossReason.RETENTION))
    assert await writer.add(batch_of(range(21, 23), AT)) is None
    await writer.complete()
    assert ranges(tmp_path) == [(20, 23)]
    await writer.close()


async def test_records_are_archived_as_they_were(tmp_path: Path) -> None:
    writer = writer_on(tmp_path)
    await writer.add(batch_of(range(4), AT))
    await writer.complete()
    await writer.close()
    archive = Archive(tmp_path, "leads")
    found = [record async for records in archive.read(AT, 0, 4) for record in records]
    assert found == [record_at(offset) for offset in range(4)]


async def test_a_file_that_could_not_be_written_is_not_completed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    writer = writer_on(tmp_path)
    batch = batch_of(range(3), AT)
    await writer.add(batch)

    def fail(*_: object) -> int:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(OpenFile, "write", fail)
    with pytest.raises(OSError, match="No space left"):
        await writer.flush()
    monkeypatch.undo()
    assert await writer.complete() is None
    await writer.close()
    assert (ranges(tmp_path), batch.is_done) == ([], False)


async def test_an_offset_that_was_added_is_not_added_again(tmp_path: Path) -> None:
    writer = writer_on(tmp_path, end=5)
    with pytest.raises(FatalError, match="from 5 on, but got 3"):
        await writer.add(batch_of(range(3, 8), AT))
    await writer.close()
