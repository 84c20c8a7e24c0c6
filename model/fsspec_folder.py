"""Folders in any store that fsspec supports."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Self
from uuid import uuid4

import fsspec

from model.metadata import UnavailableError

__all__ = ["FsspecFolder", "reaching"]

CLAIM = ".claimed"
"""File that makes a folder exist in an object store, which has none; nobody reads it."""


class FsspecFolder:
    """A folder by any URL that fsspec reads (``s3://``, ``memory://``, …); see ``Folder``.

    ``create`` and ``claim`` are exclusive in S3 (s3fs sends ``If-None-Match: *``), in stores that
    behave like it, in Google Cloud Storage (gcsfs) and in memory. In other stores fsspec asks first
    whether the name is taken, and of two callers at the same moment both may succeed.

    Parameters
    ----------
    location
        The URL.
    """

    def __init__(self, location: str) -> None:
        self.location = location.rstrip("/") or "/"
        with reaching(location):
            self._files, self._path = fsspec.url_to_fs(location, use_listings_cache=False)

    def __truediv__(self, name: str) -> Self:
        return type(self)(f"{self.location}/{name}")

    def read(self, name: str, most: int | None = None) -> bytes | None:
        """Return a file's first ``most`` bytes, or all; None if there is no such file."""
        try:
            with reaching(f"{self.location}/{name}", FileNotFoundError, NotADirectoryError):
                content: bytes = self._files.cat_file(self._at(name), start=0, end=most)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return content

    def sha256(self, name: str) -> tuple[int, str] | None:
        """Return a file's size and hash, read in pieces; None if there is no such file."""
        try:
            with (
                reaching(f"{self.location}/{name}", FileNotFoundError, NotADirectoryError),
                self._files.open(self._at(name), "rb") as file,
            ):
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                file.seek(0, os.SEEK_END)  # of a file in memory, the digest moves no position
                return file.tell(), digest
        except (FileNotFoundError, NotADirectoryError):
            return None

    def holds(self, name: str) -> bool:
        """Return whether there is a file of this name."""
        try:
            # Not isfile(): it returns False also when the store can't be reached.
            with reaching(f"{self.location}/{name}", FileNotFoundError, NotADirectoryError):
                kind: str = self._files.info(self._at(name))["type"]
        except (FileNotFoundError, NotADirectoryError):
            return False
        return kind == "file"

    def written_at(self, name: str) -> float | None:
        """Return when a file was written, in seconds since 1970; None if unknown."""
        try:
            with reaching(f"{self.location}/{name}", FileNotFoundError):
                modified: datetime = self._files.modified(self._at(name))
        except (NotImplementedError, FileNotFoundError):
            return None
        return modified.timestamp()

    def write(self, name: str, content: bytes) -> None:
        """Write or replace a file: in an object store, by one PUT."""
        with reaching(f"{self.location}/{name}"):
            self._files.pipe_file(self._at(name), content)

    def create(self, name: str, content: bytes) -> bool:
        """Write a new file; return False if there is one with another content.

        A request that the store has executed and not answered is sent again, and refused then: so
        a file with this very content counts as ours.
        """
        try:
            with reaching(f"{self.location}/{name}", FileExistsError):
                self._files.pipe_file(self._at(name), content, mode="create")
        except FileExistsError:
            return self.read(name) == content
        return True

    def files(self) -> list[str]:
        """Return the names of the files in it, sorted; none if it is missing."""
        return self._names("file")

    def folders(self) -> list[str]:
        """Return the names of the folders in it, sorted; none if it is missing."""
        return self._names("directory")

    def _names(self, kind: str) -> list[str]:
        try:
            with reaching(self.location, FileNotFoundError, NotADirectoryError):
                entries = self._files.ls(self._path, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        found = (entry["name"] for entry in entries if entry["type"] == kind)
        return sorted(path.rstrip("/").rsplit("/", 1)[-1] for path in found)

    def claim(self, name: str) -> bool:
        """Create a folder in it, by a file in it; return False if the folder exists."""
        with reaching(self.location):
            if self._files.exists(self._at(name)):
                return False
        return (self / name).create(CLAIM, uuid4().hex.encode())

    def remove(self, name: str) -> None:
        """Remove a folder in it with its content, if it exists."""
        if self._files.exists(self._at(name)):
            self._files.rm(self._at(name), recursive=True)

    def _at(self, name: str) -> str:
        return f"{self._path.rstrip('/')}/{name}"


@contextmanager
def reaching(path: str, *expected: type[OSError]) -> Iterator[None]:
    """Raise UnavailableError for every exception of a store, except expected ones."""
    try:
        yield
    except expected:
        raise
    except Exception as error:  # each store raises classes of its own
        raise UnavailableError(
            f"{path} can't be read or written ({type(error).__name__}: {error}): check the path, "
            "the permissions, and that fsspec's package for this kind of store is installed."
        ) from error
