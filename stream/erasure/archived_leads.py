"""The files of the archive that hold records of some leads, by their key."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import aclosing
from dataclasses import dataclass
from pathlib import Path

from aiokafka import TopicPartition

from stream.archive.files import list_files, list_partitions, partition_folder
from stream.archive.reader import Archive

__all__ = ["ArchivedLead", "find_archived"]


@dataclass(frozen=True, slots=True)
class ArchivedLead:
    """Records of a lead in a file of the archive.

    Attributes
    ----------
    lead
        The lead's index among those that were given.
    file
        The file.
    records
        Number of records.
    """

    lead: int
    file: Path
    records: int


async def find_archived(
    folder: Path,
    topic: str,
    keys: Mapping[bytes, int],
    on_read: Callable[[int, int], None] = lambda _read, _total: None,
) -> list[ArchivedLead]:
    """Read the archive of a topic once, and find the files with records of some keys.

    Parameters
    ----------
    folder, topic
        The archive; one without a file of the topic holds nothing.
    keys
        The index of each lead by its key.
    on_read
        Called with the number of offsets read so far, and that of all.

    Raises
    ------
    StartupError
        pyarrow is not installed.
    InputError
        A file can't be read.
    """
    archive = _opened(folder, topic)
    if archive is None:
        return []
    starts, ends = await archive.beginning(), await archive.end()
    total = sum(ends[number] - starts[number] for number in archive.partitions)
    found: list[ArchivedLead] = []
    done = 0
    for number in archive.partitions:
        offset = starts[number]
        while (file := archive.next_file(number, offset)) is not None:
            held: Counter[int] = Counter()
            read = archive.read(TopicPartition(topic, number), file.start, file.end)
            async with aclosing(read) as batches:
                async for records in batches:
                    held.update(keys[r.key] for r in records if r.key is not None and r.key in keys)
            found += [ArchivedLead(lead, file.path, count) for lead, count in sorted(held.items())]
            offset = file.end
            on_read(done + offset - starts[number], total)
        done += ends[number] - starts[number]
    return found


def _opened(folder: Path, topic: str) -> Archive | None:
    """Return the archive; None where it has no file of the topic yet."""
    if not (folder / topic).is_dir():
        return None
    folders = [partition_folder(folder, topic, number) for number in list_partitions(folder, topic)]
    return Archive(folder, topic) if any(map(list_files, folders)) else None
