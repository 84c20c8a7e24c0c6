"""Folders on a disk: files are replaced atomically, and folders created exclusively."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from uuid import uuid4

from model.fsspec_folder import FsspecFolder, reaching

__all__ = ["DiskFolder"]


class DiskFolder(FsspecFolder):
    """A folder by its path; see ``Folder``.

    ``create`` and ``claim`` are exclusive: of any number of processes at once one succeeds, as
    ``link`` and ``mkdir`` are atomic.

    Parameters
    ----------
    location
        A path, or a ``file://`` URL.
    """

    def write(self, name: str, content: bytes) -> None:
        """Write or replace a file: written to a temporary file, synced, renamed."""
        with self._written(name, content) as part:
            os.replace(part, self._at(name))

    def create(self, name: str, content: bytes) -> bool:
        """Write a new file: written to a temporary file, synced, linked to its name."""
        with reaching(self.location):
            os.makedirs(self._path, exist_ok=True)
        try:
            with self._written(name, content) as part:
                os.link(part, self._at(name))
        except FileExistsError:
            return False
        return True

    def claim(self, name: str) -> bool:
        """Create a folder in it; return False if it exists."""
        with reaching(self.location):
            os.makedirs(self._path, exist_ok=True)
        try:
            with reaching(self.location, FileExistsError):
                os.mkdir(self._at(name))
        except FileExistsError:
            return False
        return True

    @contextmanager
    def _written(self, name: str, content: bytes) -> Iterator[str]:
        """Provide a temporary file with a content, synced, in the folder of a name."""
        path = self._at(name)
        part = os.path.join(os.path.dirname(path), f".{name}.{uuid4().hex}")
        with reaching(f"{self.location}/{name}", FileExistsError):
            try:
                with open(part, "xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                yield part
                _sync_folder(os.path.dirname(path))
            finally:
                with suppress(FileNotFoundError):
                    os.remove(part)


def _sync_folder(path: str) -> None:
    """Make a name durable, on file systems that can."""
    with suppress(OSError):
        folder = os.open(path, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
