"""Ownership of a partition's folder: one process at a time writes to it."""

from __future__ import annotations

import fcntl
import os
from pathlib import Path

from stream.archive.files import ArchiveFile, list_files, sync_folder
from stream.archive.open_file import remove_temporary

__all__ = ["PartitionOwner"]

LOCK = ".lock"


class PartitionOwner:
    """Holds the lock of a partition's folder.

    The group assigns a partition to one worker, but one that was suspended may still believe that
    it is its own, and a second group may write to the same folder by mistake. Kafka can't know.

    Parameters
    ----------
    folder
        Folder of the partition; it is made if it is missing.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._descriptor: int | None = None

    def acquire(self) -> bool:
        """Acquire the lock unless another process has it; return whether.

        Removes incomplete files of an earlier owner.

        Raises
        ------
        OSError
            The folder can't be made or written.
        """
        if self._descriptor is not None:
            return True
        if not self.folder.is_dir():
            self.folder.mkdir(parents=True, exist_ok=True)
            sync_folder(self.folder.parent)
            sync_folder(self.folder.parent.parent)
        descriptor = os.open(self.folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(descriptor)
            return False
        self._descriptor = descriptor
        remove_temporary(self.folder)
        return True

    def last(self) -> ArchiveFile | None:
        """Return the last complete file; None if there is none.

        Raises
        ------
        InputError
            Files have offsets in common.
        """
        files = list_files(self.folder)
        return files[-1] if files else None

    def release(self) -> None:
        """Release the lock."""
        if self._descriptor is not None:
            os.close(self._descriptor)
            self._descriptor = None
