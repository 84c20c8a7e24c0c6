"""Reads an archive: where its files begin and end, the offsets of times, and the records."""

from __future__ import annotations

import asyncio
from bisect import bisect_right
from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from aiokafka import TopicPartition
from aiokafka.errors import OffsetOutOfRangeError

from schemas.errors import InputError
from stream.archive.files import ArchiveFile, holes
from stream.archive.location import ArchiveLocation
from stream.archive.rows import load_pyarrow, to_records
from stream.fetch.raw_batches import RawStep
from stream.fetch.raw_records import RawRecord, UnreadableRecord

__all__ = ["Archive", "ArchiveRawReader"]

STEP_RECORDS = 2000
"""Most records that are read at once."""


class Archive:
    """The complete files of one topic, as they are when this object is made.

    Parameters
    ----------
    location
        Folder of the archive: a path, or a URL of an object store.
    topic
        The topic.

    Raises
    ------
    StartupError
        pyarrow is not installed, or the store can't be reached.
    InputError
        There is no such archive, it has no file, or two files have offsets in common.
    """

    def __init__(self, location: str | Path, topic: str) -> None:
        load_pyarrow()
        self.topic = topic
        self._location = ArchiveLocation(location)
        found = {
            number: self._location.files(topic, number)
            for number in self._location.partitions(topic)
        }
        self._files: Mapping[int, list[ArchiveFile]] = {n: its for n, its in found.items() if its}
        if not self._files:
            raise InputError(
                f"expected files of {topic} in the archive {location}, but it has none"
            )

    @property
    def partitions(self) -> Sequence[int]:
        """The partitions that have files."""
        return sorted(self._files)

    def holes(self) -> dict[int, list[tuple[int, int]]]:
        """Return the ranges between files that no file has, by partition."""
        found = {number: list(holes(files)) for number, files in self._files.items()}
        return {number: its for number, its in found.items() if its}

    # Bounds: see stream.replay.ranges.Bounds

    async def beginning(self) -> Mapping[int, int]:
        """Return the first offset of each partition."""
        return {number: files[0].start for number, files in self._files.items()}

    async def end(self) -> Mapping[int, int]:
        """Return the offset after the last of each partition."""
        return {number: files[-1].end for number, files in self._files.items()}

    async def at(self, ms: int) -> Mapping[int, int | None]:
        """Return the first offset at or after a time; None where there is no such record."""
        return await asyncio.to_thread(
            lambda: {number: self._at(files, ms) for number, files in self._files.items()}
        )

    def _at(self, files: Sequence[ArchiveFile], ms: int) -> int | None:
        for file in files:
            with self._open(file) as opened:
                for group in _groups(opened, "timestamp", ms):
                    columns = opened.read_row_group(group, ["offset", "timestamp"])
                    stamps = columns.column("timestamp").cast("int64").to_numpy()
                    rows = (stamps >= ms).nonzero()[0]
                    if len(rows):
                        return int(columns.column("offset")[int(rows[0])].as_py())
        return None

    def oldest_ms(self) -> int | None:
        """Return the earliest timestamp of the first records; None if there is no record."""
        stamps = []
        for files in self._files.values():
            with self._open(files[0]) as opened:
                first = opened.read_row_group(0, ["timestamp"]).column("timestamp")
                stamps += first.cast("int64")[:1].to_pylist()
        return min(stamps, default=None)

    # Records

    def next_file(self, partition: int, offset: int) -> ArchiveFile | None:
        """Return the file that has an offset, or the next one after it."""
        files = self._files.get(partition, [])
        at = bisect_right(files, offset, key=lambda file: file.start) - 1
        if at >= 0 and offset < files[at].end:
            return files[at]
        return files[at + 1] if at + 1 < len(files) else None

    def steps(self, partition: int, start: int) -> Iterator[RawStep]:
        """Yield the records of the file that has an offset, from there on, some at a time.

        The last step ends where the file does, whether a record is there or not.

        Raises
        ------
        OffsetOutOfRangeError
            No file has the offset.
        """
        file = self.next_file(partition, start)
        if file is None or start < file.start:
            raise OffsetOutOfRangeError({TopicPartition(self.topic, partition): start})
        with self._open(file) as opened:
            for batch in opened.iter_batches(
                STEP_RECORDS, row_groups=_groups(opened, "offset", start)
            ):
                records = [record for record in to_records(batch) if record.offset >= start]
                if records:
                    yield RawStep(records, records[-1].offset + 1)
        yield RawStep((), file.end)

    async def read(
        self, partition: TopicPartition, start: int, stop: int
    ) -> AsyncGenerator[Sequence[RawRecord], None]:
        """Yield the readable records with start <= offset < stop, some at a time."""
        while (file := self.next_file(partition.partition, start)) and file.start < stop:
            steps = self.steps(partition.partition, max(start, file.start))
            while (step := await asyncio.to_thread(next, steps, None)) is not None:
                records = [
                    record
                    for record in step.records
                    if record.offset < stop and not isinstance(record, UnreadableRecord)
                ]
                if records:
                    yield records
                if step.next_offset >= stop:
                    break
            start = file.end

    @contextmanager
    def _open(self, file: ArchiveFile) -> Iterator[Any]:
        """Open a file as a ``pyarrow.parquet.ParquetFile``.

        Raises
        ------
        InputError
            It is missing or damaged.
        StartupError
            The store can't be reached.
        """
        from lake.parquet_reader import open_parquet  # it needs pyarrow, an extra

        try:
            with open_parquet(self._location.url(file)) as opened:
                yield opened
        except InputError as error:
            raise InputError(
                f"expected to read a file of the archive: {str(error).rstrip('.')}. Bring back a"
                " copy, or remove the file: its offsets then count as expired"
            ) from error


class ArchiveRawReader:
    """Reads records beside a consumer of the archive: ``stream.fetch.raw_batches.RawReader``.

    Parameters
    ----------
    archive
        The archive.
    """

    def __init__(self, archive: Archive) -> None:
        self._archive = archive

    async def read(
        self, partition: TopicPartition, start: int, stop: int | None = None
    ) -> AsyncIterator[RawStep]:
        """Yield one step of a file, with the records that could not be read."""
        yield await asyncio.to_thread(next, self._archive.steps(partition.partition, start))

    async def close(self) -> None:
        """Do nothing: no file is open between two reads."""


def _groups(opened: Any, column: str, least: int) -> list[int]:
    """Return the row groups of a file that may have a value of at least this in a column."""
    metadata = opened.metadata
    index = opened.schema_arrow.get_field_index(column)
    return [
        group
        for group in range(metadata.num_row_groups)
        if (found := metadata.row_group(group).column(index).statistics) is None
        or found.max_raw >= least
    ]
