"""A file of the archive that is being written: under a temporary name until it is complete."""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path
from typing import Any

from schemas.errors import InputError
from stream.archive.files import ArchiveFile, sync_folder
from stream.archive.rows import TOPIC_ID, load_pyarrow, schema_of

__all__ = ["TEMPORARY", "OpenFile", "remove_temporary", "topic_id_of"]

TEMPORARY = ".tmp"
"""End of the names of files that are not complete."""
LEVEL = 3
"""Compression level of Zstandard: higher ones are slower and save little."""


class OpenFile:
    """A file that is being written.

    Parameters
    ----------
    folder
        Folder of the partition.
    start
        First offset of its range.
    topic_id
        Id of the topic, which the file keeps; None if it is not known.
    """

    def __init__(self, folder: Path, start: int, topic_id: str | None = None) -> None:
        pyarrow = load_pyarrow()
        self._folder = folder
        self._start = start
        self._path = folder / f"{start:020d}{TEMPORARY}"
        self._file = self._path.open("wb")
        self._writer = pyarrow.parquet.ParquetWriter(
            self._file,
            schema_of(pyarrow, topic_id),
            compression="zstd",
            compression_level=LEVEL,
            # Keys and values are nearly all different: a dictionary would only take memory.
            use_dictionary=["topic", "problem", "detail"],
            write_statistics=["offset", "timestamp"],
        )

    def write(self, table: Any) -> int:
        """Append a table as a row group; return the bytes of the file so far."""
        self._writer.write_table(table, row_group_size=len(table))
        return int(self._file.tell())

    def complete(self, end: int) -> ArchiveFile:
        """Make the file durable, and give it its name.

        Parameters
        ----------
        end
            Offset after the last of its range.

        Raises
        ------
        FileExistsError
            There is a file of this range, though no other process may write to the folder.
        """
        self._writer.close()
        self._file.flush()
        os.fsync(self._file.fileno())
        self._file.close()
        made = ArchiveFile.of(self._folder, self._start, end)
        if made.path.exists():
            raise FileExistsError(made.path)
        self._path.rename(made.path)
        sync_folder(self._folder)
        return made

    def discard(self) -> None:
        """Close and remove the file."""
        with suppress(OSError, ValueError):  # it writes the end of the file, or was closed before
            self._writer.close()
        self._file.close()
        self._path.unlink(missing_ok=True)


def topic_id_of(file: ArchiveFile) -> str | None:
    """Return the id of the topic that the records of a file come from; None if it is not known.

    Raises
    ------
    InputError
        The file can't be read.
    """
    pyarrow = load_pyarrow()
    try:
        metadata = pyarrow.parquet.read_schema(file.path).metadata or {}
    except (OSError, pyarrow.ArrowInvalid) as error:
        raise InputError(
            f"expected a Parquet file of the archive, but {file.path} can't be read"
            f" ({type(error).__name__}): bring back a copy, or remove it"
        ) from error
    found = metadata.get(TOPIC_ID)
    return None if found is None else found.decode()


def remove_temporary(folder: Path) -> None:
    """Remove what a process left that was killed."""
    for path in folder.glob(f"*{TEMPORARY}"):
        path.unlink()
