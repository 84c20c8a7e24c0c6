"""Archives of made records, for tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from aiokafka import TopicPartition

from stream.archive.files import ArchiveFile, partition_folder
from stream.archive.open_file import OpenFile
from stream.archive.rows import load_pyarrow, to_table
from stream.consume.partition_progress import Batch
from stream.fetch.raw_records import RawRecord

__all__ = ["archive_file", "batch_of", "record_at"]


def record_at(offset: int, partition: int = 0) -> RawRecord:
    """Return a record whose contents follow from its offset."""
    headers = [("n", b"%d" % offset)] if offset % 2 else []
    return RawRecord(partition, offset, 1000 + offset, b"L-%d" % offset, b"v%d" % offset, headers)


def batch_of(offsets: Sequence[int], at: TopicPartition, size: int | None = None) -> Batch:
    """Return a batch of records with offsets, as the source hands it over."""
    records = [record_at(offset, at.partition) for offset in offsets]
    return Batch(at, records, size=100 * len(records) if size is None else size)


def archive_file(
    archive: Path,
    topic: str,
    partition: int,
    records: Sequence[RawRecord],
    span: tuple[int, int] | None = None,
) -> ArchiveFile:
    """Write a complete file; its range is that of the records unless it is given."""
    folder = partition_folder(archive, topic, partition)
    folder.mkdir(parents=True, exist_ok=True)
    start, end = span or (records[0].offset, records[-1].offset + 1)
    file = OpenFile(folder, start)
    for at in range(0, len(records), 5):  # row groups of five
        file.write(to_table(load_pyarrow(), topic, partition, records[at : at + 5]))
    return file.complete(end)
