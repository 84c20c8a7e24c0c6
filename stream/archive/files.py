"""Files of an archive: their names say which offsets they hold. No Kafka, no Parquet.

::

    ARCHIVE/leads.created/3/00000000000000004000-00000000000000007999.parquet
            topic         partition  first offset        last offset

A file holds every record of its range of offsets. Offsets of the range without a record are markers
of transactions, or aborted or compacted records. Between two files that follow each other is no
offset, unless retention removed records before they were archived: that is a hole.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path

from schemas.errors import InputError

__all__ = [
    "ArchiveFile",
    "files_in",
    "holes",
    "list_files",
    "list_partitions",
    "partition_folder",
    "partitions_in",
    "sync_folder",
]

NAME = re.compile(r"(\d{20})-(\d{20})\.parquet")


@dataclass(frozen=True, slots=True, order=True)
class ArchiveFile:
    """A complete file of an archive.

    Attributes
    ----------
    start, end
        Its range: start <= offset < end.
    path
        Where it is.
    """

    start: int
    end: int
    path: Path

    @classmethod
    def of(cls, folder: Path, start: int, end: int) -> ArchiveFile:
        """Return the file of a range in the folder of its partition."""
        return cls(start, end, folder / f"{start:020d}-{end - 1:020d}.parquet")


def partition_folder(archive: Path, topic: str, partition: int) -> Path:
    """Return the folder of a partition."""
    return archive / topic / str(partition)


def list_partitions(archive: Path, topic: str) -> list[int]:
    """Return the partitions of a topic that have a folder, ascending.

    Raises
    ------
    InputError
        The archive has no such topic.
    """
    try:
        names = os.listdir(archive / topic)
    except OSError as error:
        raise InputError(
            f"expected an archive of {topic} in {archive}, but {error.strerror}: give the folder"
            " that LEADSCORE_ARCHIVE names, and the topic with --topic"
        ) from None
    return partitions_in(names)


def partitions_in(names: Iterable[str]) -> list[int]:
    """Return the numbers among the names in a topic's folder, ascending."""
    return sorted(int(name) for name in names if re.fullmatch(r"\d{1,9}", name))


def list_files(folder: Path) -> list[ArchiveFile]:
    """Return the complete files of a partition, by their ranges; none if there is no folder.

    Raises
    ------
    InputError
        Two files have offsets in common, or a name contradicts itself.
    """
    try:
        names = os.listdir(folder)
    except FileNotFoundError:
        return []
    return files_in(folder, names)


def files_in(folder: Path, names: Iterable[str]) -> list[ArchiveFile]:
    """Return the complete files among the names in a partition's folder, by their ranges.

    Raises
    ------
    InputError
        Two files have offsets in common, or a name contradicts itself.
    """
    files = sorted(
        ArchiveFile(int(found[1]), int(found[2]) + 1, folder / name)
        for name in names
        if (found := NAME.fullmatch(name))
    )
    for file in files:
        if file.start >= file.end:
            raise InputError(f"expected a range of offsets as the name of {file.path}: remove it")
    for one, other in pairwise(files):
        if other.start < one.end:
            raise InputError(
                f"expected each offset of {folder} in one file, but {one.path.name} and"
                f" {other.path.name} have offsets in common: remove one of them"
            )
    return files


def holes(files: Sequence[ArchiveFile]) -> Iterator[tuple[int, int]]:
    """Yield the ranges of offsets between files that no file has, as start and end."""
    for one, other in pairwise(files):
        if one.end < other.start:
            yield one.end, other.start


def sync_folder(folder: Path) -> None:
    """Make the entries of a folder durable."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
