"""Folders on a disk: files are replaced atomically, and folders created exclusively."""

from __future__ import annotations

import os
from contextlib import suppress
from uuid import uuid4

from model.fsspec_folder import FsspecFolder, reaching

__all__ = ["DiskFolder"]


class DiskFolder(FsspecFolder):
    """A folder by its path; see ``Folder``.

    Claims are exclusive: of any number of processes at once one succeeds, as ``mkdir`` is atomic.

    Parameters
    ----------
    location
        A path, or a ``file://`` URL.
    """

    def write(self, name: str, content: bytes) -> None:
        """Write or replace a file: written to a temporary file, synced, renamed."""
        path = self._at(name)
        part = os.path.join(os.path.dirname(path), f".{name}.{uuid4().hex}")
        with reaching(f"{self.location}/{name}"):
            try:
                with open(part, "xb") as file:
                    file.write(content)
                    file.flush()
                    os.fsync(file.fileno())
                os.replace(part, path)
            finally:
                with suppress(FileNotFoundError):
                    os.remove(part)
