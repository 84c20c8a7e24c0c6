"""The folder that a backfill writes to: files are created, never replaced."""

from __future__ import annotations

import hashlib
import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from lake.plan import OutputFile
from lake.store import is_on_disk, open_store, reaching
from schemas.errors import StartupError

__all__ = ["OutputFolder"]

SCRATCH = "_temporary"


class OutputFolder:
    """A folder on a disk or in an object store.

    A file appears whole, or not at all: on a disk it is written aside and linked to its name, in S3
    and Google Cloud Storage it is created by a conditional request. Both fail if the name is taken,
    also for two processes at once. Other stores of fsspec look for the name first: there two
    processes at once may both write a part, with the same content.

    Parameters
    ----------
    location
        A path or URL; it need not exist.
    """

    def __init__(self, location: str) -> None:
        self.location = location.rstrip("/") or "/"
        self._files, path = open_store(location)
        self._path = path.rstrip("/")
        self._is_on_disk = is_on_disk(self._files)

    def read(self, name: str) -> bytes | None:
        """Return the content of a file; None if there is no such file.

        Raises
        ------
        StartupError
            The store can't be reached.
        """
        with reaching(self._named(name)):
            try:
                content: bytes = self._files.cat_file(self._at(name))
            except (FileNotFoundError, NotADirectoryError):
                return None
        return content

    def names(self, folder: str) -> set[str]:
        """Return the names of the files in a folder of it; none if it is missing."""
        with reaching(self._named(folder)):
            try:
                entries = self._files.ls(self._at(folder), detail=True)
            except (FileNotFoundError, NotADirectoryError):
                return set()
        return {e["name"].rsplit("/", 1)[-1] for e in entries if e["type"] == "file"}

    def is_unused(self) -> bool:
        """Return whether it is missing, or has nothing but hidden files."""
        with reaching(self.location):
            try:
                entries = self._files.ls(self._path, detail=False)
            except FileNotFoundError:
                return True
        return all(name.rsplit("/", 1)[-1].startswith("_") for name in entries)

    def create(self, name: str, content: bytes) -> bool:
        """Create a file of some bytes; return False if it exists."""
        with self.scratch() as folder:
            file = folder / "content"
            file.write_bytes(content)
            return self._publish(file, name)

    def publish(self, file: Path, name: str) -> OutputFile:
        """Create a file from a local one, in scratch.

        Raises
        ------
        StartupError
            There is a file of this name with another content.
        """
        if not self._publish(file, name):
            self._complete(file, name)
        with file.open("rb") as content:
            sha256 = hashlib.file_digest(content, "sha256").hexdigest()
        return OutputFile(name=name, size=file.stat().st_size, sha256=sha256)

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """Provide a local folder for files that are not complete yet, and remove it at the end."""
        if not self._is_on_disk:
            with tempfile.TemporaryDirectory(prefix="leadscore-") as folder:
                yield Path(folder)
            return
        own = Path(self._at(SCRATCH)) / uuid4().hex
        own.mkdir(parents=True)
        try:
            yield own
        finally:
            shutil.rmtree(own, ignore_errors=True)

    def clear_scratch(self) -> None:
        """Remove what killed processes have left."""
        if self._is_on_disk:
            shutil.rmtree(self._at(SCRATCH), ignore_errors=True)

    def _publish(self, file: Path, name: str) -> bool:
        target = self._at(name)
        with reaching(self._named(name)):
            if self._is_on_disk:
                return _link(file, Path(target))
            try:
                self._files.put_file(str(file), target, mode="create")
            except FileExistsError:
                return False
        return True

    def _complete(self, file: Path, name: str) -> None:
        """Check that an existing file is a copy; finish one that was cut off.

        Neither disks nor S3 and Google Cloud Storage show a file that is cut off.
        """
        target = self._at(name)
        with reaching(self._named(name)), self._files.open(target, "rb") as there:
            size, is_start = _compare(there, file)
        if is_start and size == file.stat().st_size:
            return
        if not is_start or self._is_on_disk:
            raise StartupError(
                f"{self._named(name)} was expected to be missing, or this part's output, but it is"
                " another file: remove it, or name another folder with --out."
            )
        with reaching(self._named(name)):
            self._files.rm_file(target)
        self._publish(file, name)

    def _at(self, name: str) -> str:
        return f"{self._path}/{name}"

    def _named(self, name: str) -> str:
        return f"{self.location}/{name}"


def _link(file: Path, target: Path) -> bool:
    """Give a file its name; return False if the name is taken."""
    target.parent.mkdir(parents=True, exist_ok=True)
    with file.open("rb") as written:
        os.fsync(written.fileno())
    try:
        os.link(file, target)
    except FileExistsError:
        return False
    with suppress(OSError):  # not every file system syncs folders
        folder = os.open(target.parent, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)
    return True


def _compare(there: object, file: Path, chunk: int = 1 << 20) -> tuple[int, bool]:
    """Return the size of a file that exists, and whether it is the start of another one."""
    size = 0
    with file.open("rb") as ours:
        while content := there.read(chunk):  # type: ignore[attr-defined]
            size += len(content)
            if content != ours.read(len(content)):
                return size, False
    return size, True
