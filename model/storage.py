"""Stores of bundles: what the registry needs of one, and how a location is opened."""

from __future__ import annotations

from typing import Protocol, Self

from fsspec.core import split_protocol

from model.disk_folder import DiskFolder
from model.fsspec_folder import FsspecFolder

__all__ = ["Folder", "open_folder"]


class Folder(Protocol):
    """A folder in a store of bundles. If it does not exist, reading finds nothing.

    Every failure except a missing file is an ``UnavailableError`` that names the path.
    """

    @property
    def location(self) -> str:
        """Path or URL, for ``open_folder``."""

    def __truediv__(self, name: str) -> Self:
        """Return a folder in it, which need not exist."""

    def read(self, name: str, most: int | None = None) -> bytes | None:
        """Return a file's first ``most`` bytes, or all; None if there is no such file."""

    def sha256(self, name: str) -> tuple[int, str] | None:
        """Return a file's size and hash, read in pieces; None if there is no such file."""

    def holds(self, name: str) -> bool:
        """Return whether there is a file of this name."""

    def written_at(self, name: str) -> float | None:
        """Return when a file was written, in seconds since 1970; None if unknown."""

    def write(self, name: str, content: bytes) -> None:
        """Write or replace a file atomically: a reader sees the old content or the new."""

    def create(self, name: str, content: bytes) -> bool:
        """Write a new file, and the folder if it is missing; return False if the name is taken.

        The class documents whether this is exclusive among concurrent callers. A reader sees the
        whole content or no file.
        """

    def files(self) -> list[str]:
        """Return the names of the files in it, sorted; none if it is missing."""

    def folders(self) -> list[str]:
        """Return the names of the folders in it, sorted; none if it is missing."""

    def claim(self, name: str) -> bool:
        """Create a folder in it, and its parents; return False if it exists.

        The class documents whether this is exclusive among concurrent callers.
        """

    def remove(self, name: str) -> None:
        """Remove a folder in it with its content, if it exists."""


ON_DISK = (None, "file", "local")
"""Protocols of locations on a disk."""


def open_folder(location: str) -> Folder:
    """Open the folder at a path or URL.

    Raises
    ------
    UnavailableError
        No package for the protocol of the URL is installed.
    """
    protocol, _ = split_protocol(location)
    return DiskFolder(location) if protocol in ON_DISK else FsspecFolder(location)
