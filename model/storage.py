"""A folder of models, on a disk or in an object store, as far as models need one."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from uuid import uuid4

import fsspec
from fsspec.implementations.local import LocalFileSystem

from model.metadata import UnavailableError

__all__ = ["Folder"]


class Folder:
    """A folder by its path or URL (whatever fsspec reads: ``s3://``, ``gs://``, ``memory://``, …).

    Every failure but a missing file is a ``UnavailableError`` that names the path.

    Parameters
    ----------
    location
        A path, or a URL.
    """

    def __init__(self, location: str) -> None:
        self.location = location.rstrip("/") or "/"
        with _reaching(location):
            self._files, self._path = fsspec.url_to_fs(location, use_listings_cache=False)

    def __truediv__(self, name: str) -> Folder:
        return Folder(f"{self.location}/{name}")

    def read(self, name: str, most: int | None = None) -> bytes | None:
        """Return a file's first ``most`` bytes, or all; None where there is no such file."""
        try:
            with _reaching(f"{self.location}/{name}", FileNotFoundError, NotADirectoryError):
                content: bytes = self._files.cat_file(self._at(name), start=0, end=most)
        except (FileNotFoundError, NotADirectoryError):
            return None
        return content

    def sha256(self, name: str) -> tuple[int, str] | None:
        """Return a file's size and hash, read piece by piece; None where there is no such file."""
        try:
            with (
                _reaching(f"{self.location}/{name}", FileNotFoundError, NotADirectoryError),
                self._files.open(self._at(name), "rb") as file,
            ):
                digest = hashlib.file_digest(file, "sha256").hexdigest()
                return file.tell(), digest
        except (FileNotFoundError, NotADirectoryError):
            return None

    def holds(self, name: str) -> bool:
        """Return whether there is a file of this name."""
        try:
            # Not isfile(), which takes any failure to look for a file that is not there.
            with _reaching(f"{self.location}/{name}", FileNotFoundError, NotADirectoryError):
                kind: str = self._files.info(self._at(name))["type"]
        except (FileNotFoundError, NotADirectoryError):
            return False
        return kind == "file"

    def written_at(self, name: str) -> float | None:
        """Return when a file was written, in seconds since 1970; None where that is not known."""
        try:
            with _reaching(f"{self.location}/{name}", FileNotFoundError):
                modified: datetime = self._files.modified(self._at(name))
        except (NotImplementedError, FileNotFoundError):
            return None
        return modified.timestamp()

    def write(self, name: str, content: bytes) -> None:
        """Write a file at once: whoever reads it sees all of it or what was there before."""
        with _reaching(f"{self.location}/{name}"):
            if isinstance(self._files, LocalFileSystem):
                _replace(self._at(name), content)
            else:
                self._files.pipe_file(self._at(name), content)  # of an object store, one PUT

    def folders(self) -> list[str]:
        """Names of the folders in it, sorted; none where it is missing."""
        try:
            with _reaching(self.location, FileNotFoundError, NotADirectoryError):
                entries = self._files.ls(self._path, detail=True)
        except (FileNotFoundError, NotADirectoryError):
            return []
        found = (entry["name"] for entry in entries if entry["type"] == "directory")
        return sorted(path.rstrip("/").rsplit("/", 1)[-1] for path in found)

    def claim(self, name: str) -> bool:
        """Make a folder in it; False where there is one of this name.

        On a disk only one of several processes gets True. An object store has no folders, so there
        two that ask at the same moment both do.
        """
        with _reaching(self.location):
            self._files.makedirs(self._path, exist_ok=True)
            if self._files.exists(self._at(name)):
                return False
        try:
            with _reaching(self.location, FileExistsError):
                self._files.mkdir(self._at(name), create_parents=False)
        except FileExistsError:
            return False
        return True

    def remove(self, name: str) -> None:
        """Remove a folder in it with all that it holds, if it is there."""
        if self._files.exists(self._at(name)):
            self._files.rm(self._at(name), recursive=True)

    def _at(self, name: str) -> str:
        return f"{self._path.rstrip('/')}/{name}"


def _replace(path: str, content: bytes) -> None:
    folder, name = os.path.split(path)
    part = os.path.join(folder, f".{name}.{uuid4().hex}")
    try:
        with open(part, "xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(part, path)
    finally:
        with suppress(FileNotFoundError):
            os.remove(part)


@contextmanager
def _reaching(path: str, *expected: type[OSError]) -> Iterator[None]:
    """Turn what a store raises into a UnavailableError, but for what the caller expects."""
    try:
        yield
    except expected:
        raise
    except Exception as error:  # each store has its own
        raise UnavailableError(
            f"{path} can't be read or written ({type(error).__name__}: {error}): check the path, "
            "the permissions, and that fsspec's package for this kind of store is installed."
        ) from error
